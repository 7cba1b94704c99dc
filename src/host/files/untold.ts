/**
 * Keeps what was done to a workspace while no gateway of its environment ran, and stops whose gateway was ended, on their
 * way into the ledger: the next gateway takes them. One file each, which only the state's owner can write.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readPlain } from '../../model/host/plain-file.ts'
import {
  agentName,
  type CellContained,
  cellId,
  checkpointId,
  isJsonObject,
  type Json,
  parseJson,
  personName,
  RUNGS,
} from '../../model/index.ts'
import { writeDurably } from '../state/durable-file.ts'
import { inPart } from '../state/state-part.ts'
import type { Untold } from './checkpoints.ts'

export type UntoldEntry = Untold | CellContained

export function leaveUntold(stateDirectory: string, entry: UntoldEntry): void {
  const about = entry.kind === 'cell.contained' ? `${entry.cell}-${entry.receipt.order}` : entry.checkpoint
  inPart(stateDirectory, UNTOLD, (directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeDurably(join(directory, `${Date.now()}-${about}-${entry.kind}.json`), JSON.stringify(entry))
  })
}

/**
 * Tells what was left, in the order in which it was done. What `tell` does not take, or fails with, stays, and so does a
 * file that holds no such entry; neither keeps what lies behind it from being told.
 */
export async function tellUntold(
  stateDirectory: string,
  tell: (entry: UntoldEntry) => Promise<boolean>,
): Promise<void> {
  const directory = directoryOf(stateDirectory)
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  for (const name of names.toSorted()) {
    const path = join(directory, name)
    const entry = leftIn(path)
    if (entry !== undefined && (await tell(entry).catch(() => false))) rmSync(path, { force: true })
  }
}

/** Reads one entry; undefined where its file holds none. */
function leftIn(path: string): UntoldEntry | undefined {
  try {
    const file = readPlain(path, BYTES_MAX)
    const value: Json = file.ok && file.value.whole ? parseJson(file.value.bytes.toString('utf8')) : null
    return isLeft(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Tells whether a value has all that an entry of its kind must have. */
function isLeft(value: Json): value is Json & UntoldEntry {
  if (!isJsonObject(value)) return false
  const [, fields] = Object.entries(FIELDS).find(([kind]) => kind === value.kind) ?? []
  return fields !== undefined && Object.entries(fields).every(([name, isSuch]) => isSuch(value[name] ?? null))
}

const isText = (value: Json): boolean => typeof value === 'string'
const isCount = (value: Json): boolean => typeof value === 'number' && value >= 0
const isOf =
  (checked: (text: string) => string) =>
  (value: Json): boolean =>
    typeof value === 'string' && checked(value) === value
const isAbsentOr = (isSuch: (value: Json) => boolean) => (value: Json) => value === null || isSuch(value)

type Fields = Readonly<Record<string, (value: Json) => boolean>>

const OF_FILES: Fields = {
  checkpoint: isOf(checkpointId),
  workspace: isText,
  cell: isAbsentOr(isOf(cellId)),
  by: (value) => value === 'firebreak' || isOf(personName)(value),
  why: isText,
}

/** The fields that an entry of each kind has, and a check for each, which may throw. */
const FIELDS: Readonly<Record<UntoldEntry['kind'], Fields>> = {
  'cell.contained': {
    cell: isOf(cellId),
    agent: isOf(agentName),
    rung: (value) => RUNGS.some((rung) => rung === value),
    receipt: isJsonObject,
  },
  'checkpoint.made': { ...OF_FILES, name: isAbsentOr(isText), madeAtMs: isCount, bytes: isCount },
  'checkpoint.restored': { ...OF_FILES, before: isAbsentOr(isOf(checkpointId)), restoredAtMs: isCount },
}

/** Far more than an entry of ours has. */
const BYTES_MAX = 1_048_576

function directoryOf(stateDirectory: string): string {
  const directory = join(stateDirectory, UNTOLD)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

const UNTOLD = 'untold'

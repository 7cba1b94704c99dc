/**
 * Keeps what was done to a workspace while no gateway of its environment ran, and stops whose gateway was ended, on their
 * way into the ledger: the next gateway takes them. One file each, which only the state's owner can write.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CellContained } from '../model/index.ts'
import type { Untold } from './checkpoints.ts'
import { writeDurably } from './durable-file.ts'
import { inPart } from './state-part.ts'

export type Left = Untold | CellContained

export function leaveUntold(stateDirectory: string, entry: Left): void {
  const about = entry.kind === 'cell.contained' ? `${entry.cell}-${entry.receipt.order}` : entry.checkpoint
  inPart(stateDirectory, UNTOLD, (directory) => {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeDurably(join(directory, `${Date.now()}-${about}-${entry.kind}.json`), JSON.stringify(entry))
  })
}

/** Tells what was left, in the order in which it was done. What `tell` does not take stays, and so does a damaged file. */
export async function tellUntold(stateDirectory: string, tell: (entry: Left) => Promise<boolean>): Promise<void> {
  const directory = directoryOf(stateDirectory)
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'))
  for (const name of names.toSorted()) {
    const path = join(directory, name)
    const entry = leftIn(path)
    if (entry !== undefined && (await tell(entry))) rmSync(path, { force: true })
  }
}

/** Reads one entry; undefined where its file is damaged, which keeps nothing behind it from being told. */
function leftIn(path: string): Left | undefined {
  try {
    // Our own, written whole: its name appears last.
    return JSON.parse(readFileSync(path, 'utf8')) as Left
  } catch {
    return undefined
  }
}

function directoryOf(stateDirectory: string): string {
  const directory = join(stateDirectory, UNTOLD)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  return directory
}

const UNTOLD = 'untold'

import { parseJson } from '../../../model/index.ts'
/**
 * Runs one of our own programs over a workspace, in a cell without network: nothing privileged ever walks what a cell
 * has written. Whoever fools the helper has fooled a process that can read this workspace and, when landing, write to
 * the directory it came from as that directory's owner, and nothing else.
 */

import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { helperPrograms } from '../../../model/host/program-file.ts'
import { newCellId } from '../../../model/ids.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import type { CellSpec } from '../../spec.ts'
import type { Change, HelperFault, RefusedChange } from '../../workspace.ts'
import type { Arrangement, Ground } from '../launch/ground.ts'
import { launchArranged } from '../launch/launch.ts'
import { type End, type Landed, SAID_CHARACTERS_MAX } from './inside/change.ts'
import { isStamp } from './landings.ts'

export interface HelperSaid {
  readonly lines: readonly (Change | RefusedChange | Landed)[]
  /** True where it stopped at `CHANGES_MAX`. */
  readonly truncated: boolean
}

/** A tree of half a million changes takes some ten seconds. */
const WALL_MS = 120_000
const MEMORY_BYTES = 512 * 1024 * 1024
const ERRORS_CHARACTERS_MAX = 2_048
/** A path of PATH_MAX, every byte escaped, three times, and the words around it. */
const LINE_CHARACTERS_MAX = 98_304
/** Four bytes for each character that a walk may say. */
const OUTPUT_BYTES_MAX = 4 * SAID_CHARACTERS_MAX

export async function runHelper(
  program: 'diff-main' | 'land-main',
  args: readonly string[],
  input: string,
  ground: Ground,
  arrangement: Arrangement,
  random: Uint8Array,
): Promise<Result<HelperSaid, HelperFault>> {
  const inside = helperPrograms(join(import.meta.dirname, 'inside'))
  const spec: CellSpec = {
    id: newCellId(random),
    command: ['/opt/node', `/opt/inside/${program}${inside.ending}`, ...args],
    variables: {},
    root: { kind: 'host-usr' },
    files: [
      { from: process.execPath, to: '/opt/node' },
      { from: inside.directory, to: '/opt/inside' },
    ],
    limits: { memoryBytes: MEMORY_BYTES, cpu: 1, pids: 32, wallMs: WALL_MS },
    ports: [],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
    accepts: ['memory', 'cpu', 'pids', 'freeze'],
  }
  const cell = await launchArranged(spec, ground, () => {}, arrangement)
  if (!cell.ok) return no({ kind: 'launch', fault: cell.reason })
  const { stdio } = cell.value
  if (stdio.kind !== 'pipes') throw new Error('unreachable')
  try {
    const output = createReadStream('', { fd: stdio.stdout.take() })
    cell.value.start()
    // Read while writing: a helper that answers each name as it comes would fill one pipe while we fill the other.
    const said = linesOf(output)
    await writeAll(stdio.stdin.take(), input)
    const errors = textOf(stdio.stderr.take())
    const lines = await said
    const exit = await cell.value.exited
    const end = lines.pop()
    if (end === undefined || !('end' in end))
      return no({ kind: 'cut-off', why: `exit ${exit.code}, ${exit.why}: ${await errors}` })
    return ok({ lines: lines.flatMap((line) => ('end' in line ? [] : [line])), truncated: end.truncated })
  } finally {
    await cell.value.teardown()
  }
}

async function linesOf(output: NodeJS.ReadableStream): Promise<(Change | RefusedChange | Landed | End)[]> {
  const lines: (Change | RefusedChange | Landed | End)[] = []
  for await (const line of createInterface({ input: Readable.from(bounded(output)) })) {
    const value: unknown = line.length > LINE_CHARACTERS_MAX ? undefined : parseJson(line)
    if (isLine(value)) lines.push(value)
  }
  return lines
}

/** Past the bound nothing is read any more, and without its last line what was said is not complete. */
async function* bounded(output: NodeJS.ReadableStream): AsyncGenerator<Uint8Array> {
  let bytes = 0
  for await (const chunk of output) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('bytes are expected')
    bytes += chunk.length
    if (bytes > OUTPUT_BYTES_MAX) return
    yield chunk
  }
}

/** The helper is our own code, but it has read hostile names: each line is checked as if it had come from the cell. */
function isLine(value: unknown): value is Change | RefusedChange | Landed | End {
  if (typeof value !== 'object' || value === null) return false
  if ('end' in value) return value.end === true && 'truncated' in value && typeof value.truncated === 'boolean'
  if ('landed' in value) {
    if ('stamps' in value && !(Array.isArray(value.stamps) && value.stamps.every(isStamp))) return false
    return typeof value.landed === 'string'
  }
  if ('refused' in value) return typeof value.refused === 'string' && 'why' in value && typeof value.why === 'string'
  return (
    'kind' in value &&
    (value.kind === 'added' || value.kind === 'changed' || value.kind === 'removed') &&
    'path' in value &&
    typeof value.path === 'string' &&
    'type' in value &&
    (value.type === 'file' || value.type === 'directory' || value.type === 'symlink') &&
    'mode' in value &&
    typeof value.mode === 'number' &&
    'bytes' in value &&
    typeof value.bytes === 'number' &&
    'inode' in value &&
    typeof value.inode === 'string'
  )
}

/** The last words of our own program. */
async function textOf(fd: number): Promise<string> {
  let text = ''
  for await (const chunk of createReadStream('', { fd })) text = `${text}${chunk}`.slice(-ERRORS_CHARACTERS_MAX)
  return text
}

async function writeAll(fd: number, text: string): Promise<void> {
  await new Promise<void>((resolve) => {
    // A helper that is gone before it has read everything shows in what it did not say.
    createWriteStream('', { fd })
      .on('error', () => resolve())
      .end(text, () => resolve())
  })
}

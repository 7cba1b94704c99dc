import { dirname, join } from 'node:path'
import { no, ok, type Result } from '../../model/result.ts'
import type { Disk, DiskFile } from '../log/disk.ts'
import type { LedgerFault } from '../log/fault.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import { openSeal, parseNote, type SealedHead, type WitnessKey } from '../log/note.ts'

/** One log's seals in the witness's own directory. */
export interface SealStore {
  readonly newest: SealedHead | undefined
  /** Keeps a seal; durable when it resolves to true. After one failure it keeps none any more (D3). */
  keep(seal: SealedHead): Promise<boolean>
  close(): Promise<void>
}

/**
 * Two files: `seals` grows by one signed note, and an empty line, whenever the log has grown; `latest` is replaced when
 * it has not, so that an idle log costs no space. Past a limit every second seal of the older half goes: each later one
 * covers all that it covered, and only says less exactly when.
 */
export async function openSealStore(
  disk: Disk,
  directory: string,
  key: WitnessKey,
): Promise<Result<SealStore, LedgerFault>> {
  await disk.makeDirectory(directory, 0o755)
  const path = join(directory, 'seals')
  let file = (await disk.open(path, 'write')) ?? (await created(disk, path))
  const read = readSeals((await file.read(0, file.size)).toString(), key)
  if (!read.ok) {
    await file.close()
    return no({ kind: 'damaged', file: path, ...read.reason })
  }
  let { notes, end } = read.value
  const { grown } = read.value
  if (end !== file.size) {
    await file.close()
    await replaceSeals(disk, path, notes)
    file = (await disk.open(path, 'write')) ?? (await created(disk, path))
  }
  const latest = await readLatest(disk, directory, key)
  let newest = latest && latest.size >= (grown?.size ?? 0) ? latest : grown
  let failed = false

  async function store(seal: SealedHead): Promise<void> {
    if (newest && seal.size === newest.size) return replace(disk, join(directory, 'latest'), seal.note)
    await file.writeDurably(Buffer.from(`${seal.note}\n`), end)
    end += Buffer.byteLength(seal.note) + 1
    notes.push(seal.note)
    if (notes.length <= LEDGER_LIMITS.sealsKeptMax) return
    notes = notes.filter((_, i) => i % 2 === 0 || i > notes.length / 2)
    await file.close()
    await replaceSeals(disk, path, notes)
    file = (await disk.open(path, 'write')) ?? (await created(disk, path))
    end = file.size
  }

  return ok({
    get newest() {
      return newest
    },
    async keep(seal) {
      if (failed) return false
      try {
        await store(seal)
      } catch {
        failed = true
        return false
      }
      newest = seal
      return true
    },
    close: () => file.close(),
  })
}

interface ReadSeals {
  readonly notes: string[]
  /** The newest of them. */
  readonly grown: SealedHead | undefined
  /** Bytes up to and with the newest. */
  readonly end: number
}

/** A torn seal at the end was never answered: it is left out, and the one before it counts. */
function readSeals(text: string, key: WitnessKey): Result<ReadSeals, { at: number; seq: number; problem: string }> {
  const notes = splitSeals(text)
  const last = notes.at(-1)
  if (last !== undefined && !openSeal(last, key).ok) notes.pop()
  let end = 0
  for (const [seq, note] of notes.entries()) {
    // Signatures of all but the newest are left to whoever verifies: 4,096 of them would delay the start by 0.6 s.
    const opened = seq === notes.length - 1 ? openSeal(note, key) : parseNote(note)
    if (!opened.ok) return no({ at: end, seq, problem: `a seal: ${opened.reason.problem}` })
    end += Buffer.byteLength(note) + 1
    if ('size' in opened.value) return ok({ notes, grown: opened.value, end })
  }
  return ok({ notes, grown: undefined, end })
}

/** The notes of a `seals` file, the last one perhaps torn. A note is five lines, the empty one before its signature. */
export function splitSeals(text: string): string[] {
  const lines = text.split('\n')
  const blocks: string[] = []
  for (let i = 0; i + 1 < lines.length || (i < lines.length && lines[i] !== ''); i += 6) {
    blocks.push(`${lines.slice(i, i + 5).join('\n')}\n`)
  }
  return blocks
}

async function readLatest(disk: Disk, directory: string, key: WitnessKey): Promise<SealedHead | undefined> {
  const file = await disk.open(join(directory, 'latest'), 'read')
  if (!file) return undefined
  const note = (await file.read(0, file.size)).toString()
  await file.close()
  const opened = openSeal(note, key)
  return opened.ok ? opened.value : undefined
}

function replaceSeals(disk: Disk, path: string, notes: readonly string[]): Promise<void> {
  return replace(disk, path, notes.map((note) => `${note}\n`).join(''))
}

/** Replaces a file whole or not at all, whatever happens. */
async function replace(disk: Disk, path: string, text: string): Promise<void> {
  const next = `${path}.next`
  const left = await disk.open(next, 'write')
  await left?.close()
  if (left) await disk.remove(next)
  const file = await disk.create(next, 0o644)
  await file.writeDurably(Buffer.from(text), 0)
  await file.close()
  await disk.rename(next, path)
  await disk.syncDirectory(dirname(path))
}

async function created(disk: Disk, path: string): Promise<DiskFile> {
  const file = await disk.create(path, 0o644)
  await disk.syncDirectory(dirname(path))
  return file
}

import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import type { Entry } from '../../model/entry.ts'
import { parseJson } from '../../model/index.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { codeOf, segmentIndex, segmentPath } from './disk.ts'
import type { LedgerFault } from './fault.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { type Record, readRecord } from './record.ts'
import { isBlank, recordsFrom } from './scan.ts'
import { readHeader } from './segments.ts'

/**
 * The entries of one log (`<state>/ledger/<log>`) from `fromSeq` on, in order, while its writer goes on writing: ends
 * where the log ends now. After a fault nothing more comes. It checks each record's CRC and place, and believes the
 * rest; `verifyLedger` believes nothing.
 */
export function readEntries(directory: string, fromSeq = 0): AsyncGenerator<Result<Entry, LedgerFault>, void> {
  return new LogReader(directory, fromSeq).more()
}

/** A place in one log, from which is read on whenever more was written. */
export class LogReader {
  readonly #directory: string
  readonly #fromSeq: number
  #index: number | undefined
  /** The byte offset in its segment after the last record that was read. */
  #end = 0
  /** The number that the next entry has; undefined before the first. */
  #seq: number | undefined

  constructor(directory: string, fromSeq: number) {
    this.#directory = directory
    this.#fromSeq = fromSeq
  }

  /** Reads from where the last reading ended to where the log ends now. */
  async *more(): AsyncGenerator<Result<Entry, LedgerFault>, void> {
    const directory = this.#directory
    let indexes: number[]
    try {
      indexes = (await readdir(directory)).map(segmentIndex).filter((index) => index !== undefined)
    } catch (error) {
      yield no({ kind: 'disk', doing: 'read', path: directory, code: codeOf(error) })
      return
    }
    indexes.sort((a, b) => a - b)
    let index = this.#index ?? (await segmentOf(directory, indexes, this.#fromSeq))
    for (; index < indexes.length; index++) {
      if (index !== this.#index) this.#end = 0
      this.#index = index
      const path = segmentPath(directory, index)
      for (let looks = 1; ; looks++) {
        const base = this.#end
        const read = await readSegment(path, undefined, base)
        if (!read.ok) {
          yield read
          return
        }
        for (const record of recordsFrom(read.value, 0)) {
          const entry = record.kind === 'entry' ? entryOf(record) : undefined
          if (record.kind === 'entry') {
            if (!entry || entry.seq !== record.seq || (this.#seq !== undefined && record.seq !== this.#seq)) {
              const problem = 'this entry is out of place'
              yield no({ kind: 'damaged', file: path, at: base + record.at, seq: record.seq, problem })
              return
            }
            this.#seq = record.seq + 1
          }
          this.#end = base + record.end
          if (entry && entry.seq >= this.#fromSeq) yield ok(entry)
        }
        const end = this.#end
        // The log ends where a segment was never used: what may follow it is no part of the log.
        if (end === 0 && isBlank(read.value, 0)) return
        // The last record of the newest segment may be half written at this moment.
        if (index === indexes.length - 1 || end === 0) break
        const next = await readHead(segmentPath(directory, index + 1))
        if (next === undefined) return
        const whole = isBlank(read.value, end - base)
        if (whole && (this.#seq === undefined || next === this.#seq)) break
        // Its writer may have ended it and begun the next one since we looked: then a second look sees all of it.
        if (looks === 1) continue
        if (whole) break
        yield no({ kind: 'damaged', file: path, at: end, seq: this.#seq ?? 0, problem: 'a record cannot be read' })
        return
      }
    }
  }
}

function entryOf(record: Record): Entry | undefined {
  try {
    const value: unknown = parseJson(Buffer.from(record.body).toString())
    const isEntry = typeof value === 'object' && value !== null && 'kind' in value && 'seq' in value && 'atMs' in value
    if (!isEntry || typeof value.kind !== 'string' || !isTime(value.atMs)) return undefined
    // Its writer made it from an EntryBody, and the CRC says that it is what was written.
    return value as Entry
  } catch {
    return undefined
  }
}

/** A moment that a Date can hold. */
function isTime(atMs: unknown): boolean {
  return typeof atMs === 'number' && Math.abs(atMs) <= 8.64e15
}

/** The newest segment that begins at or before `seq`: found by halving, since only their headers need reading. */
async function segmentOf(directory: string, indexes: readonly number[], seq: number): Promise<number> {
  let [low, high] = [0, indexes.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const head = await readHead(segmentPath(directory, middle))
    if (head !== undefined && head <= seq) low = middle
    else high = middle - 1
  }
  return low
}

/** The first seq of a segment; undefined where it was never used. */
async function readHead(path: string): Promise<number | undefined> {
  const read = await readSegment(path, 8_192)
  const record = read.ok ? readRecord(read.value, 0) : undefined
  return record?.kind === 'segment' ? readHeader(record.body)?.firstSeq : undefined
}

/** Reads a segment, from a byte offset on. Refuses links, and anything that is not a regular file. */
export async function readSegment(path: string, bytesMax?: number, from = 0): Promise<Result<Buffer, LedgerFault>> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = await handle.stat()
      if (!stat.isFile()) return no({ kind: 'not-a-ledger', path, problem: 'it is not a regular file' })
      // Whoever wrote the ledger chose its size: a file that no segment can be is not read into memory.
      if (stat.size > LEDGER_LIMITS.segmentBytes) return no({ kind: 'not-a-ledger', path, problem: 'it is too large' })
      const left = Math.max(0, stat.size - from)
      const bytes = Buffer.alloc(Math.min(left, bytesMax ?? left))
      const { bytesRead } = await handle.read(bytes, 0, bytes.length, from)
      return ok(bytes.subarray(0, bytesRead))
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ELOOP') return no({ kind: 'not-a-ledger', path, problem: 'it is a symbolic link' })
    return no({ kind: 'disk', doing: 'read', path, code })
  }
}

import { readdir } from 'node:fs/promises'
import type { Entry } from '../../model/entry.ts'
import { type CellId, type Commitment, no, ok, type Result } from '../../model/index.ts'
import { realDisk, segmentIndex, segmentPath } from './disk.ts'
import type { LedgerFault } from './fault.ts'
import { openPayload, payloadDigest } from './payloads.ts'
import { readEntries, readSegment } from './read.ts'
import { recordsFrom } from './scan.ts'

/** An entry of a log, with what it takes to read the bytes that it names. */
export interface Recorded {
  readonly entry: Entry
  /** Returns a payload's bytes; undefined where they were erased, or cannot be read. */
  readonly bytes: (cell: CellId, payload: Commitment) => Promise<Buffer | undefined>
  /** Drops a payload that the caller will not ask for: it is kept no longer. */
  readonly skip: (payload: Commitment | undefined) => void
}

/**
 * Reads every entry of one log in its order, with its payloads, in one pass: a payload stands before the entry that
 * names it, so that only those which no entry has named yet are kept. The log is read as `readEntries` reads it: after
 * a fault nothing more comes.
 */
export async function* recordedIn(directory: string): AsyncGenerator<Result<Recorded, LedgerFault>, void> {
  const payloads = new PayloadsAhead(directory)
  for await (const entry of readEntries(directory)) {
    if (!entry.ok) {
      yield no(entry.reason)
      return
    }
    await payloads.readTo(entry.value.seq)
    yield ok({
      entry: entry.value,
      bytes: (cell, payload) => payloads.take(cell, payload),
      skip: (payload) => payloads.drop(payload),
    })
  }
}

/** The payload records of a log, read as far as its entries were. */
class PayloadsAhead {
  readonly #directory: string
  readonly #bodies = new Map<string, Uint8Array>()
  #indexes: number[] | undefined
  /** The first entry that what was read so far stands before. */
  #readTo = -1

  constructor(directory: string) {
    this.#directory = directory
  }

  async readTo(seq: number): Promise<void> {
    this.#indexes ??= (await readdir(this.#directory))
      .map(segmentIndex)
      .filter((index) => index !== undefined)
      .sort((a, b) => a - b)
    while (seq > this.#readTo) {
      const index = this.#indexes.shift()
      if (index === undefined) return
      const read = await readSegment(segmentPath(this.#directory, index))
      if (!read.ok) return
      for (const { kind, body, seq: at } of recordsFrom(read.value, 0)) {
        if (kind === 'payload') this.#bodies.set(payloadDigest(body), Uint8Array.from(body))
        else if (kind === 'entry') this.#readTo = at
      }
    }
  }

  drop(payload: Commitment | undefined): void {
    if (payload !== undefined) this.#bodies.delete(payload.sha256)
  }

  async take(cell: CellId, { sha256 }: Commitment): Promise<Buffer | undefined> {
    const body = this.#bodies.get(sha256)
    this.#bodies.delete(sha256)
    return body && openPayload(realDisk, this.#directory, cell, body)
  }
}

import { no, ok, type Result } from '../../model/result.ts'
import type { Tree } from '../seal/merkle.ts'
import { codeOf } from './disk.ts'
import type { LedgerFault } from './fault.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { HEADER_BYTES, leafBytes, record, recordBytes, sealRecord } from './record.ts'
import type { Segments } from './segments.ts'

export type Committed = Result<void, LedgerFault>

/**
 * Group commit: records gather in memory while the disk makes the batch before durable, so that any number of writers
 * share one sync and never more than one is in flight.
 *
 * - C1  Every record of a batch is durable, or none of them was ever said to be.
 * - C2  After one failed write or sync nothing is written any more, and every waiter hears why.
 * - C3  Leaves enter the tree in order, and `durableSize` never runs ahead of the disk.
 */
export class GroupCommit {
  readonly #segments: Segments
  readonly #tree: Tree
  #gathering: Batch
  #inFlight: Batch | undefined
  #spare: Batch | undefined
  #scheduled = false
  #later: NodeJS.Timeout | undefined
  #fault: LedgerFault | undefined
  #durableSize: number
  #nextSeq: number

  constructor(segments: Segments, tree: Tree, nextBatch: number) {
    this.#segments = segments
    this.#tree = tree
    this.#durableSize = tree.size
    this.#nextSeq = tree.size
    this.#gathering = new Batch(nextBatch)
  }

  get fault(): LedgerFault | undefined {
    return this.#fault
  }

  get durableSize(): number {
    return this.#durableSize
  }

  /** The number that the next entry will get. */
  get nextSeq(): number {
    return this.#nextSeq
  }

  get bufferedBytes(): number {
    return this.#gathering.bytes + (this.#inFlight?.bytes ?? 0)
  }

  /** Time at which the oldest entry that is not durable was added; undefined when there is none. */
  get oldestWaitingAtMs(): number | undefined {
    return this.#inFlight?.beganAtMs ?? this.#gathering.beganAtMs
  }

  /**
   * Adds a record to the next batch. `body` is at most as long as a segment leaves room for; the caller has checked.
   */
  add(kind: 'entry' | 'payload', body: string | Uint8Array, bodyBytes: number, nowMs: number): void {
    this.#gathering.add(kind, this.#nextSeq, body, bodyBytes, nowMs)
    if (kind === 'entry') this.#nextSeq++
    if (this.#gathering.bytes > LEDGER_LIMITS.lazyBytesMax) this.#schedule()
    else this.#scheduleLater()
  }

  /** The next batch also waits for this, such as the key that its payloads are encrypted with. */
  after(done: Promise<void>): void {
    done.catch(() => {})
    this.#gathering.after.push(done)
  }

  /** Resolves when everything added so far is durable. */
  all(): Promise<Committed> {
    if (this.#gathering.bytes > 0) return this.#soon()
    return this.#inFlight?.done ?? Promise.resolve(this.#fault ? no(this.#fault) : ok(undefined))
  }

  /** Resolves when entry `seq` is durable. One promise is shared by all that wait for a batch. */
  durable(seq: number): Promise<Committed> {
    if (seq < this.#durableSize) return DURABLE
    if (this.#fault) return Promise.resolve(no(this.#fault))
    if (this.#inFlight && seq < this.#inFlight.endSeq) return this.#inFlight.done
    return this.#soon()
  }

  /** Schedules the batch that is gathered at once: somebody waits for it. */
  #soon(): Promise<Committed> {
    this.#gathering.wanted = true
    this.#schedule()
    return this.#gathering.done
  }

  fail(fault: LedgerFault): void {
    if (this.#fault) return
    this.#fault = fault
    const refused: Committed = no(fault)
    this.#inFlight?.settle(refused)
    this.#gathering.settle(refused)
  }

  /**
   * Schedules a batch for entries that no caller waits for, a little later: reads and outcomes share a sync instead of
   * costing one each.
   */
  #scheduleLater(): void {
    if (this.#scheduled || this.#later !== undefined || this.#inFlight || this.#fault) return
    this.#later = setTimeout(() => {
      this.#later = undefined
      this.#schedule()
    }, LEDGER_LIMITS.lazyMs)
  }

  /** Schedules a batch for the end of this turn of the event loop, which gathers what all connections brought in it. */
  #schedule(): void {
    if (this.#scheduled || this.#inFlight || this.#fault) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const batch = this.#gathering
    if (batch.bytes === 0 || this.#inFlight || this.#fault) return
    this.#inFlight = batch
    this.#gathering = this.#spare?.reuse(batch.number + 1) ?? new Batch(batch.number + 1)
    this.#spare = undefined
    try {
      await Promise.all(batch.after)
      await this.#write(batch)
    } catch (error) {
      return this.fail({ kind: 'disk', doing: 'write', path: this.#segments.path, code: codeOf(error) })
    }
    if (this.#fault) return
    this.#durableSize = batch.endSeq
    this.#inFlight = undefined
    batch.settle(ok(undefined))
    this.#spare = batch
    if (this.#gathering.wanted) this.#schedule()
    else if (this.#gathering.bytes > 0) this.#scheduleLater()
  }

  /** Writes a batch, usually in one write. A batch that crosses into a new segment is cut between two records. */
  async #write(batch: Batch): Promise<void> {
    batch.end(this.#tree.size)
    let from = 0
    while (from < batch.bytes) {
      const room = this.#segments.room
      const to = batch.bytes - from <= room ? batch.bytes : batch.cut(from, room - COMMIT_BYTES)
      const written = to > from ? this.#segments.write(batch.buffer.subarray(from, to)) : undefined
      // The processor hashes while the disk turns.
      this.#hash(batch, from, to)
      await written
      if (to < batch.bytes) await this.#segments.next(batch.number, this.#tree)
      from = to
    }
  }

  #hash(batch: Batch, from: number, to: number): void {
    for (let at = from; at < to; ) {
      const bodyBytes = batch.buffer.readUInt32BE(at)
      if (batch.buffer[at + 8] === ENTRY) this.#tree.appendLeaf(leafBytes(batch.buffer, at, bodyBytes))
      at += recordBytes(bodyBytes)
    }
  }
}

const DURABLE: Promise<Committed> = Promise.resolve(ok(undefined))
const ENTRY = 2
const COMMIT_BODY_BYTES = 8
export const COMMIT_BYTES = recordBytes(COMMIT_BODY_BYTES)

/** The record that ends a batch: how many records stood in it, and how many bytes. */
export function commitRecord(batch: number, seq: number, records: number, bytes: number): Buffer {
  return record('commit', batch, seq, commitBody(records, bytes))
}

function commitBody(records: number, bytes: number): Buffer {
  const body = Buffer.alloc(COMMIT_BODY_BYTES)
  body.writeUInt32BE(records, 0)
  body.writeUInt32BE(bytes, 4)
  return body
}

class Batch {
  number: number
  buffer = Buffer.alloc(65_536)
  bytes = 0
  records = 0
  beganAtMs: number | undefined
  endSeq = 0
  /** True where somebody waits for it to be durable. */
  wanted = false
  readonly after: Promise<void>[] = []
  done: Promise<Committed>
  settle: (committed: Committed) => void

  constructor(number: number) {
    this.number = number
    const { promise, resolve } = Promise.withResolvers<Committed>()
    this.done = promise
    this.settle = resolve
  }

  /** The buffer is as large as the largest batch lately: kept, since a new one would have to be cleared. */
  reuse(number: number): Batch | undefined {
    if (this.buffer.length > 4_194_304) return undefined
    const { promise, resolve } = Promise.withResolvers<Committed>()
    this.number = number
    this.bytes = 0
    this.records = 0
    this.beganAtMs = undefined
    this.endSeq = 0
    this.wanted = false
    this.after.length = 0
    this.done = promise
    this.settle = resolve
    return this
  }

  add(kind: 'entry' | 'payload', seq: number, body: string | Uint8Array, bodyBytes: number, nowMs: number): void {
    const at = this.bytes
    const size = recordBytes(bodyBytes)
    this.#makeRoom(size)
    const bodyAt = at + HEADER_BYTES
    if (typeof body === 'string') this.buffer.write(body, bodyAt)
    else this.buffer.set(body, bodyAt)
    this.buffer.fill(0, bodyAt + bodyBytes, at + size)
    sealRecord(this.buffer, at, kind, this.number, seq, bodyBytes)
    this.bytes = at + size
    this.records++
    this.beganAtMs ??= nowMs
    if (kind === 'entry') this.endSeq = seq + 1
  }

  end(sizeBefore: number): void {
    this.endSeq = Math.max(this.endSeq, sizeBefore)
    const commit = commitRecord(this.number, this.endSeq, this.records, this.bytes)
    this.#makeRoom(commit.length)
    this.buffer.set(commit, this.bytes)
    this.bytes += commit.length
  }

  /** The last boundary between records that is at most `room` bytes after `from`. */
  cut(from: number, room: number): number {
    let at = from
    for (;;) {
      const next = at + recordBytes(this.buffer.readUInt32BE(at))
      if (next - from > room) return at
      at = next
    }
  }

  #makeRoom(bytes: number): void {
    const needed = this.bytes + bytes
    if (needed <= this.buffer.length) return
    const larger = Buffer.alloc(2 ** Math.ceil(Math.log2(needed)))
    larger.set(this.buffer.subarray(0, this.bytes))
    this.buffer = larger
  }
}

/** The largest body that fits into any segment beside its header and a commit. */
export const BODY_BYTES_MAX = LEDGER_LIMITS.payloadBytesMax + 1024

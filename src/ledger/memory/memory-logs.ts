import { createHash, randomBytes } from 'node:crypto'
import type { Entry, EntryBody } from '../../model/entry.ts'
import { type CellId, type Sha256, sha256 } from '../../model/ids.ts'
import { parseJson } from '../../model/index.ts'
import { no, ok, type Result } from '../../model/result.ts'
import type { Committed } from '../log/commit.ts'
import { composed } from '../log/composed.ts'
import type { LedgerFault } from '../log/fault.ts'
import { type AppendFault, type Head, type Ledger, originOf, type SealingSide } from '../log/ledger.ts'
import { LEDGER_LIMITS } from '../log/limits.ts'
import type { OpenOptions } from '../log/open-options.ts'
import type { GetFault, Payloads } from '../log/payloads.ts'
import type { Recorded } from '../log/recorded.ts'
import { leafHash, Tree } from '../seal/merkle.ts'
import type { LoggedEntry, Logs, WritableLog } from '../store.ts'

/** Logs that live as long as this process, for tests whose subject is not the disk. */
export interface MemoryLogs extends Logs {
  log(name: string): WritableLog
  /** Faults to plant: they concern what is appended from then on. */
  readonly faults: MemoryLogFaults
}

export interface MemoryLogFaults {
  /** Fails the next write, and with it the ledger for good. */
  write?: LedgerFault
  /** Keeps what is appended from being durable until it resolves. */
  held?: Promise<unknown>
  /** Takes the store away from readers. */
  read?: LedgerFault
}

export function memoryLogs(): MemoryLogs {
  const kept = new Map<string, KeptLog>()
  const faults: MemoryLogFaults = {}
  const appended = new Set<() => void>()
  const keptOf = (name: string): KeptLog => {
    const known = kept.get(name) ?? { name, entries: [], payloads: new Map(), erased: new Set(), isOpen: false }
    kept.set(name, known)
    return known
  }
  const next = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const heard = () => {
        appended.delete(heard)
        resolve()
      }
      appended.add(heard)
      signal.addEventListener('abort', heard, { once: true })
      if (signal.aborted) heard()
    })
  const tell = () => {
    for (const heard of [...appended]) heard()
  }
  const logOf = (name: string): WritableLog => ({
    name,
    paths: [],
    async open(options) {
      const log = keptOf(name)
      if (log.isOpen) return no({ kind: 'locked', directory: name, by: 'this process' })
      log.isOpen = true
      return ok(new MemoryLedger(log, options, faults, tell))
    },
    read: (fromSeq = 0) => readFrom(kept.get(name), faults, fromSeq),
    async *recorded() {
      for await (const read of readFrom(kept.get(name), faults, 0))
        yield read.ok ? ok(recordedOf(keptOf(name), read.value)) : no(read.reason)
    },
    async *follow(signal, fromSeq = 0) {
      for (let seq = fromSeq; !signal.aborted; ) {
        const more = next(signal)
        for await (const read of readFrom(kept.get(name), faults, seq)) {
          if (signal.aborted) return
          yield read
          if (!read.ok) return
          seq = read.value.seq + 1
        }
        await more
      }
    },
    payload: async (cell, { sha256: digest }) => payloadOf(kept.get(name), cell, digest),
  })
  return {
    faults,
    names: async () => (kept.size === 0 ? undefined : [...kept.keys()].sort()),
    log: logOf,
    async *follow(signal, from = new Map()) {
      const seqs = new Map(from)
      while (!signal.aborted) {
        const more = next(signal)
        for (const log of [...kept.keys()].sort())
          for await (const read of readFrom(kept.get(log), faults, seqs.get(log) ?? 0)) {
            if (signal.aborted) return
            const logged: Result<LoggedEntry, LedgerFault> = read.ok ? ok({ ...read.value, log }) : no(read.reason)
            yield logged
            if (!read.ok) return
            seqs.set(log, read.value.seq + 1)
          }
        await more
      }
    },
  }
}

interface KeptLog {
  readonly name: string
  /** The canonical text of each durable entry: no reader shares an object with its writer. */
  readonly entries: string[]
  readonly payloads: Map<Sha256, { readonly cell: CellId; readonly bytes: Buffer }>
  readonly erased: Set<CellId>
  isOpen: boolean
}

async function* readFrom(
  log: KeptLog | undefined,
  faults: MemoryLogFaults,
  fromSeq: number,
): AsyncGenerator<Result<Entry, LedgerFault>, void> {
  if (faults.read !== undefined) return yield no(faults.read)
  if (log === undefined) return yield no({ kind: 'disk', doing: 'read', path: 'memory', code: 'ENOENT' })
  const end = log.entries.length
  // Safe: its writer made it from an EntryBody.
  for (let seq = fromSeq; seq < end; seq++) yield ok(parseJson(log.entries[seq] ?? '') as unknown as Entry)
}

function recordedOf(log: KeptLog, entry: Entry): Recorded {
  return {
    entry,
    bytes: async (cell, { sha256: digest }) => {
      const read = payloadOf(log, cell, digest)
      return read.ok ? read.value : undefined
    },
    skip: () => undefined,
  }
}

function payloadOf(log: KeptLog | undefined, cell: CellId, digest: Sha256): Result<Buffer, GetFault> {
  if (log?.erased.has(cell)) return no({ kind: 'erased', cell })
  const put = log?.payloads.get(digest)
  if (put === undefined) return no({ kind: 'missing', sha256: digest })
  return put.cell === cell ? ok(Buffer.from(put.bytes)) : no({ kind: 'altered', sha256: digest })
}

/** A ledger in memory: L1 to L4 hold, but for a crash, which it does not survive. */
class MemoryLedger implements Ledger {
  readonly origin: string
  readonly #log: KeptLog
  readonly #options: OpenOptions
  readonly #faults: MemoryLogFaults
  readonly #tell: () => void
  readonly #tree = new Tree()
  /** Entries that are not durable yet. */
  #texts: { readonly text: string; readonly atMs: number }[] = []
  #inFlight: Promise<Committed> | undefined
  #sealedAtMs: number | undefined
  #fault: LedgerFault | undefined

  constructor(log: KeptLog, options: OpenOptions, faults: MemoryLogFaults, tell: () => void) {
    this.origin = originOf(log.name)
    this.#log = log
    this.#options = options
    this.#faults = faults
    this.#tell = tell
    for (const text of log.entries) this.#tree.append(leafHash(Buffer.from(text)))
  }

  append(body: EntryBody): Result<{ readonly seq: number; readonly bytes: number }, AppendFault> {
    if (this.#fault) return no({ kind: 'failed', fault: this.#fault })
    const seq = this.#log.entries.length + this.#texts.length
    const written = composed(body, seq, this.#options)
    if (!written.ok) return written
    const { entry, text, bytes } = written.value
    this.#texts.push({ text, atMs: entry.atMs })
    void this.#flush()
    this.#options.onAppended?.(entry)
    return ok({ seq, bytes })
  }

  async durable(seq: number): Promise<Committed> {
    while (seq >= this.durableSize) {
      if (this.#fault === undefined && this.#texts.length === 0) throw new RangeError(`entry ${seq} was never appended`)
      const flushed = await this.#flush()
      if (!flushed.ok) return flushed
    }
    return ok(undefined)
  }

  get durableSize(): number {
    return this.#log.entries.length
  }

  head(): Head {
    return { size: this.durableSize, root: this.#tree.root(this.durableSize) }
  }

  sealAgeMs(nowMs: number): number {
    const age = nowMs - (this.#sealedAtMs ?? Number.NEGATIVE_INFINITY)
    return age >= 0 ? age : Number.POSITIVE_INFINITY
  }

  effectsAllowed(nowMs: number): boolean {
    return this.#fault === undefined && this.sealAgeMs(nowMs) <= LEDGER_LIMITS.sealAgeMaxMs
  }

  readMayGo(nowMs: number): boolean {
    if (this.#fault) return false
    const waiting = nowMs - (this.#texts[0]?.atMs ?? nowMs)
    return waiting >= 0 && waiting <= LEDGER_LIMITS.readAheadMaxMs
  }

  get fault(): LedgerFault | undefined {
    return this.#fault
  }

  async close(): Promise<void> {
    await this.#flush()
    this.#fault ??= { kind: 'closed' }
    this.#log.isOpen = false
  }

  get sealing(): SealingSide {
    return {
      settled: () => this.#flush(),
      proof: async (from, to) => (from === 0 ? [] : this.#tree.consistencyProof(from, to)),
      sealed: (_, offeredAtMs) => {
        this.#sealedAtMs = offeredAtMs
      },
      disowned: (problem) => {
        this.#fault ??= { kind: 'disowned', problem }
      },
    }
  }

  readonly payloads: Payloads = {
    put: (cell, bytes) => {
      if (this.#fault) return no({ kind: 'failed', fault: this.#fault })
      if (this.#log.erased.has(cell)) return no({ kind: 'erased', cell })
      const max = LEDGER_LIMITS.payloadBytesMax
      if (bytes.length > max) return no({ kind: 'too-large', bytes: bytes.length, max })
      const digest = sha256(createHash('sha256').update(randomBytes(32)).update(bytes).digest('hex'))
      this.#log.payloads.set(digest, { cell, bytes: Buffer.from(bytes) })
      return ok({ sha256: digest, bytes: bytes.length })
    },
    get: async (cell, { sha256: digest }) => payloadOf(this.#log, cell, digest),
    erase: async (cell) => {
      this.#log.erased.add(cell)
      for (const [digest, put] of this.#log.payloads) if (put.cell === cell) this.#log.payloads.delete(digest)
      return ok(undefined)
    },
  }

  /** Makes durable what was appended, one batch after the other. */
  #flush(): Promise<Committed> {
    this.#inFlight ??= this.#write().finally(() => {
      this.#inFlight = undefined
    })
    return this.#inFlight
  }

  async #write(): Promise<Committed> {
    // Later than this tick, as on any disk.
    await Promise.resolve()
    while (this.#texts.length > 0 && this.#fault === undefined) {
      const batch = this.#texts.length
      await this.#faults.held
      this.#fault ??= this.#faults.write
      if (this.#fault !== undefined) break
      for (const { text } of this.#texts.splice(0, batch)) {
        this.#log.entries.push(text)
        this.#tree.append(leafHash(Buffer.from(text)))
      }
      this.#tell()
    }
    return this.#fault === undefined ? ok(undefined) : no(this.#fault)
  }
}

import type { EntryBody } from '../../model/entry.ts'
import { no, ok, type Result } from '../../model/result.ts'
import type { Hash, Tree } from '../seal/merkle.ts'
import { same } from '../seal/proof.ts'
import { readSealCopy, writeSealCopy } from '../seal/seal-copy.ts'
import { type Committed, GroupCommit } from './commit.ts'
import { composed, type Unwritable } from './composed.ts'
import { codeOf, type Disk, realDisk } from './disk.ts'
import { earlierProof } from './earlier.ts'
import type { LedgerFault } from './fault.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { type DirectoryLock, lock } from './lock.ts'
import type { SealedHead, TreeHead } from './note.ts'
import type { OpenOptions } from './open-options.ts'
import { openPayloads, type Payloads } from './payloads.ts'
import { recover } from './recover.ts'
import { Segments } from './segments.ts'

export interface LedgerOptions extends OpenOptions {
  /** `<state>/ledger/<log>`; made where it is missing. */
  readonly directory: string
  /** Name of this log in its seals; see `originOf`. */
  readonly origin: string
  /** A simulated one in tests. */
  readonly disk?: Disk
  /** Small ones in tests, so that a log has many; each must hold the largest record that is put into it. */
  readonly segmentBytes?: { readonly first: number; readonly next: number }
}

export type AppendFault =
  | Unwritable
  | { readonly kind: 'full'; readonly bufferedBytes: number }
  | { readonly kind: 'unsealed'; readonly entries: number }
  | { readonly kind: 'failed'; readonly fault: LedgerFault }

export interface Head {
  readonly size: number
  readonly root: Hash
}

/**
 * One log with one writer: what happened, in order, each entry a leaf of an RFC 6962 tree.
 *
 * - L1  An entry that was said to be durable survives any crash; `durable` never says so early.
 * - L2  After one failed write or sync the ledger is failed for good: every later append is refused.
 * - L3  `head` covers durable entries only, so that no seal can outlive its entries.
 * - L4  Effects may leave only while the ledger can be written and its last seal is at most 5 s old (S4).
 */
export interface Ledger {
  readonly origin: string
  readonly payloads: Payloads
  /** Appends an entry to the buffer; it is written in this turn of the event loop or after the sync in flight. */
  append(body: EntryBody): Result<{ readonly seq: number; readonly bytes: number }, AppendFault>
  durable(seq: number): Promise<Committed>
  /** Number of durable entries: every one before it is. */
  readonly durableSize: number
  head(): Head
  /**
   * Returns the age of the newest seal, by when its head was offered; Infinity without one, or when the clock went
   * back.
   */
  sealAgeMs(nowMs: number): number
  effectsAllowed(nowMs: number): boolean
  /**
   * Tells whether a read may leave before its intent is durable: the disk keeps up within 5 ms. If not, await
   * `durable`.
   */
  readMayGo(nowMs: number): boolean
  readonly fault: LedgerFault | undefined
  /** Makes durable what was appended, then gives the directory up. */
  close(): Promise<void>

  /** For sealing: see sealing.ts. */
  readonly sealing: SealingSide
}

/** The part of a ledger that the exchange with the witness uses. */
export interface SealingSide {
  /** Resolves when everything appended so far is durable, or never will be. */
  settled(): Promise<Committed>
  /** Returns the proof from an earlier size to the head; undefined when this ledger no longer knows that size. */
  proof(from: number, to: number): Promise<readonly Hash[] | undefined>
  sealed(seal: SealedHead, offeredAtMs: number): void
  /** The witness will never seal this ledger again. Appending ends. */
  disowned(problem: string): void
}

export async function openLedger(options: LedgerOptions): Promise<Result<Ledger, LedgerFault>> {
  const { directory, origin, clock, disk = realDisk, segmentBytes = SEGMENT_BYTES } = options
  let held: DirectoryLock | undefined
  try {
    await disk.makeDirectory(directory)
    if (disk === realDisk) {
      const locked = await lock(directory)
      if (!locked.ok) return locked
      held = locked.value
    }
    const seal = await readSealCopy(disk, directory, origin)
    const recovered = await recover(disk, directory, origin, seal?.size ?? 0, segmentBytes.first)
    const fault = recovered.ok ? changedUnder(seal, recovered.value.tree, directory) : recovered.reason
    if (!recovered.ok || fault) {
      await held?.release()
      return no(fault ?? { kind: 'closed' })
    }
    const { tree, nextBatch, current } = recovered.value
    const segments = new Segments(disk, directory, origin, current, segmentBytes.next)
    const commit = new GroupCommit(segments, tree, nextBatch)
    const payloads = await openPayloads(disk, directory, commit, clock.nowMs)
    return ok(new OpenLedger({ options, disk, tree, segments, commit, payloads, held }))
  } catch (error) {
    await held?.release()
    return no({ kind: 'disk', doing: 'open', path: directory, code: codeOf(error) })
  }
}

const SEGMENT_BYTES = { first: LEDGER_LIMITS.segmentBytesFirst, next: LEDGER_LIMITS.segmentBytes }

/** Returns the name that seals have for a log: `test` and `production` are two logs, whatever directory they lie in. */
export function originOf(log: string): string {
  return `firebreak/${log}`
}

function changedUnder(seal: TreeHead | undefined, tree: Tree, directory: string): LedgerFault | undefined {
  if (!seal || same(tree.root(seal.size), seal.root)) return undefined
  return { kind: 'damaged', file: directory, at: 0, seq: seal.size, problem: 'entries under its seal have changed' }
}

interface Parts {
  readonly options: LedgerOptions
  readonly disk: Disk
  readonly tree: Tree
  readonly segments: Segments
  readonly commit: GroupCommit
  readonly payloads: Payloads
  readonly held: DirectoryLock | undefined
}

class OpenLedger implements Ledger {
  readonly #parts: Parts
  #sealedAtMs: number | undefined
  #sealCopied: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  get origin(): string {
    return this.#parts.options.origin
  }

  get payloads(): Payloads {
    return this.#parts.payloads
  }

  get fault(): LedgerFault | undefined {
    return this.#parts.commit.fault
  }

  append(body: EntryBody): Result<{ readonly seq: number; readonly bytes: number }, AppendFault> {
    const { commit, options } = this.#parts
    if (commit.fault) return no({ kind: 'failed', fault: commit.fault })
    const { bufferedBytes, nextSeq: seq } = commit
    if (bufferedBytes > LEDGER_LIMITS.bufferedBytesMax) return no({ kind: 'full', bufferedBytes })
    const entries = seq - this.#parts.tree.base
    if (entries >= LEDGER_LIMITS.unsealedEntriesMax) return no({ kind: 'unsealed', entries })
    const written = composed(body, seq, options)
    if (!written.ok) return written
    const { entry, text, bytes } = written.value
    commit.add('entry', text, bytes, entry.atMs)
    options.onAppended?.(entry)
    return ok({ seq, bytes })
  }

  durable(seq: number): Promise<Committed> {
    return this.#parts.commit.durable(seq)
  }

  get durableSize(): number {
    return this.#parts.commit.durableSize
  }

  head(): Head {
    const size = this.#parts.commit.durableSize
    return { size, root: this.#parts.tree.root(size) }
  }

  sealAgeMs(nowMs: number): number {
    const age = nowMs - (this.#sealedAtMs ?? Number.NEGATIVE_INFINITY)
    return age >= 0 ? age : Number.POSITIVE_INFINITY
  }

  effectsAllowed(nowMs: number): boolean {
    return this.fault === undefined && this.sealAgeMs(nowMs) <= LEDGER_LIMITS.sealAgeMaxMs
  }

  readMayGo(nowMs: number): boolean {
    const { commit } = this.#parts
    if (commit.fault) return false
    const waiting = nowMs - (commit.oldestWaitingAtMs ?? nowMs)
    return waiting >= 0 && waiting <= LEDGER_LIMITS.readAheadMaxMs
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    const { commit, segments, held } = this.#parts
    await commit.all()
    commit.fail({ kind: 'closed' })
    await this.#sealCopied
    await segments.close()
    await held?.release()
  }

  get sealing(): SealingSide {
    const { commit, tree, disk, options } = this.#parts
    return {
      settled: () => commit.all(),
      proof: async (from, to) => {
        if (from === 0) return []
        return from >= tree.base ? tree.consistencyProof(from, to) : earlierProof(disk, options.directory, from, to)
      },
      sealed: (seal, offeredAtMs) => {
        this.#sealedAtMs = offeredAtMs
        tree.forgetBefore(seal.size)
        this.#sealCopied = this.#sealCopied
          .then(() => writeSealCopy(disk, options.directory, seal.note))
          .catch(() => {})
      },
      disowned: (problem) => commit.fail({ kind: 'disowned', problem }),
    }
  }
}

import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseJson } from '../../model/index.ts'
import type { Json } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { canonicalText } from '../log/canonical.ts'
import { segmentIndex, segmentPath } from '../log/disk.ts'
import { faultText } from '../log/fault.ts'
import { originOf } from '../log/ledger.ts'
import type { SealedHead } from '../log/note.ts'
import { payloadDigest } from '../log/payloads.ts'
import { readSegment } from '../log/read.ts'
import type { Record } from '../log/record.ts'
import { outOfPlace, type ReadPosition, replayFrom, samePeaks, step } from '../log/replay.ts'
import { isBlank, nextRecord, recordsFrom } from '../log/scan.ts'
import { readHeader } from '../log/segments.ts'
import { Tree } from '../seal/merkle.ts'
import { same } from '../seal/proof.ts'
import type { Seals } from '../seal/seals.ts'
import { PayloadCheck } from './verify-payloads.ts'

export interface LogReport {
  readonly log: string
  readonly entries: number
  /** Entries under the newest seal. The rest is not yet witnessed. */
  readonly sealed: number
  readonly unsealed: number
  readonly seals: number
  /** Time of the newest seal's signature, epoch ms. */
  readonly sealedAtMs?: number
  /** Hexadecimal. */
  readonly root: string
  /** Bytes after the last whole record: a write that a crash cut off. */
  readonly tornBytes: number
  readonly payloads: {
    readonly named: number
    readonly missing: number
    /** Payloads that were decrypted, and held against their commitments. */
    readonly checked: number
    /** Payloads whose keys are erased, gone, or not here. */
    readonly unchecked: number
    readonly erasedCells: number
  }
}

/** One difference from what the witness saw. */
export interface VerifyFinding {
  readonly log: string
  readonly kind: 'changed' | 'damaged' | 'truncated' | 'missing' | 'stranger' | 'payload' | 'seal'
  readonly problem: string
  /** The entry, or the first that it may be. */
  readonly seq?: number
  readonly file?: string
  readonly at?: number
  /** The seals around it: entries before `after` are as sealed, and one of those before `before` is not. */
  readonly between?: { readonly after: number; readonly before: number }
}

/** Verifies one log; `directory` is absent where only the witness knows of it. */
export async function verifyLog(
  log: string,
  directory: string | undefined,
  seals: Seals,
  withoutKeys = false,
): Promise<{ report: LogReport; found: VerifyFinding[] }> {
  const found: VerifyFinding[] = seals.problems.map((problem) => ({ log, kind: 'seal', problem }))
  const check: Check = {
    log,
    state: replayFrom(0, new Tree()),
    heads: seals.heads,
    next: 0,
    good: 0,
    found,
    named: new Map(),
    payloads: undefined,
  }
  let tornBytes = 0
  if (directory === undefined) {
    found.push({
      log,
      kind: 'missing',
      problem: `the whole log is gone; the witness sealed ${newestSize(check)} entries`,
    })
  } else {
    const names = await readdir(directory, { withFileTypes: true })
    found.push(...strangers(log, directory, names))
    check.payloads = await PayloadCheck.open(directory, withoutKeys)
    const damage = await readLog(check, directory, names)
    tornBytes = damage.tornBytes
    if (damage.finding) found.push(damage.finding)
    else if (newestSize(check) > check.state.tree.size) found.push(truncated(check))
    else found.push(...missingPayloads(check))
    found.push(...faultyPayloads(check))
  }
  const { size } = check.state.tree
  const newest = check.heads.at(-1)
  const sealed = Math.min(size, newest?.size ?? 0)
  const report: LogReport = {
    log,
    entries: size,
    sealed,
    unsealed: size - sealed,
    seals: check.heads.length,
    ...(newest ? { sealedAtMs: newest.atMs } : {}),
    root: Buffer.from(check.state.tree.root()).toString('hex'),
    tornBytes,
    payloads: {
      named: check.named.size,
      missing: [...check.named.values()].filter((seq) => seq >= 0).length,
      checked: check.payloads?.checked ?? 0,
      unchecked: check.payloads?.unchecked ?? 0,
      erasedCells: check.payloads?.erasedCells ?? 0,
    },
  }
  return { report, found }
}

interface Check {
  readonly log: string
  readonly state: ReadPosition
  readonly heads: readonly SealedHead[]
  /** The next seal that the tree has not reached. */
  next: number
  /** Size of the newest seal that the tree agreed with. */
  good: number
  readonly found: VerifyFinding[]
  /** Commitments, with the entry that names each; -1 once the payload has been seen. */
  readonly named: Map<string, number>
  payloads: PayloadCheck | undefined
}

interface Damage {
  readonly finding?: VerifyFinding
  readonly tornBytes: number
}

async function readLog(check: Check, directory: string, names: readonly Dirent[]): Promise<Damage> {
  const { state } = check
  const indexes = new Set(names.map(({ name }) => segmentIndex(name)).filter((index) => index !== undefined))
  const last = [...indexes].reduce((a, b) => Math.max(a, b), -1)
  compare(check, directory)
  for (let index = 0; index <= last; index++) {
    const path = segmentPath(directory, index)
    const read = await readSegment(path)
    if (!read.ok) {
      const problem = indexes.has(index) ? faultText(read.reason) : 'this segment is missing'
      return { finding: { ...here(check, path, 0), kind: 'missing', problem }, tornBytes: 0 }
    }
    const done = readRecords(check, read.value, path, index)
    if (!done.ok)
      return {
        finding: { ...here(check, path, done.reason.at), kind: 'damaged', problem: done.reason.problem },
        tornBytes: 0,
      }
    if (done.value < read.value.length && !isBlank(read.value, done.value)) {
      return unreadable(
        check,
        path,
        read.value,
        done.value,
        index === last || (index + 1 === last && (await isUnused(directory, last))),
      )
    }
    if (done.value === 0) {
      // The writer prepares one segment ahead, and the log ends where the first was never used.
      if (index === last) break
      const later = (await isUnused(directory, index + 1)) ? `${last - index} more follow it` : 'later ones are not'
      const problem = `this segment is empty, and ${later}`
      return { finding: { ...here(check, path, 0), kind: 'missing', problem }, tornBytes: 0 }
    }
    state.tree.forgetBefore(state.tree.size)
  }
  return { tornBytes: 0 }
}

/** The offset after the last record, or what is wrong with one. */
function readRecords(
  check: Check,
  bytes: Buffer,
  path: string,
  index: number,
): Result<number, { at: number; problem: string }> {
  const { state } = check
  let end = 0
  for (const record of recordsFrom(bytes, 0)) {
    const problem = outOfPlace(record, state, false) ?? contentProblem(check, record, index)
    if (problem) return no({ at: record.at, problem })
    step(state, record, bytes)
    end = record.end
    if (record.kind === 'entry') compare(check, path)
    if (record.kind === 'payload') check.payloads?.see(record.body, record.seq)
  }
  return ok(end)
}

/** Compares the tree with every seal of its size. Once one differs all later ones do: the first says where. */
function compare(check: Check, file: string): void {
  const { size } = check.state.tree
  for (let head = check.heads[check.next]; head?.size === size; head = check.heads[++check.next]) {
    if (same(head.root, check.state.tree.root())) check.good = size
    else if (!check.found.some(({ kind }) => kind === 'changed')) {
      const problem = `the witness signed another tree of ${size} entries`
      const between = { after: check.good, before: size }
      check.found.push({ log: check.log, kind: 'changed', seq: check.good, file, between, problem })
    }
  }
}

function contentProblem(check: Check, record: Record, index: number): string | undefined {
  const { state, log, named } = check
  if (record.kind === 'segment') {
    const header = readHeader(record.body)
    if (!header) return 'its header is not canonical'
    if (header.origin !== originOf(log)) return `it belongs to ${header.origin}`
    if (header.index !== index) return `it was written as segment ${header.index}`
    if (header.firstSeq !== state.tree.size || !samePeaks(header, state.tree))
      return 'what stands before it has changed'
  }
  if (record.kind === 'payload') named.set(payloadDigest(record.body), -1)
  if (record.kind !== 'entry') return undefined
  const value = canonicalValue(record.body)
  if (value === undefined) return 'this entry is not in canonical form'
  if (value.v !== 1 || value.seq !== record.seq) return 'this entry is not what its record says'
  const { payload } = value
  const digest = typeof payload === 'object' && payload !== null && 'sha256' in payload ? payload.sha256 : undefined
  if (typeof digest === 'string' && !named.has(digest)) named.set(digest, record.seq)
  return undefined
}

function canonicalValue(body: Uint8Array): { readonly [key: string]: Json } | undefined {
  const text = Buffer.from(body).toString()
  try {
    const value: Json = parseJson(text)
    const again = canonicalText(value)
    if (!again.ok || again.value !== text || Buffer.compare(Buffer.from(again.value), body) !== 0) return undefined
    // Safe: only an object has members, and `typeof` and `isArray` leave nothing else.
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as { readonly [key: string]: Json }) : undefined
  } catch {
    return undefined
  }
}

/**
 * Judges bytes that are no record: honest at the very end of the log and under no seal, where a crash cut a write off
 * which the next start removes.
 */
function unreadable(check: Check, path: string, bytes: Buffer, at: number, last: boolean): Damage {
  const { state } = check
  const batch = state.committed ? state.batch + 1 : state.batch
  const later = nextRecord(bytes, at, (record) => record.batch > batch)
  if (last && !later && newestSize(check) <= state.tree.size) return { tornBytes: bytes.length - at }
  return { finding: { ...here(check, path, at), kind: 'damaged', problem: 'a record cannot be read' }, tornBytes: 0 }
}

/** Tells whether this segment was never written to: a prepared one is blank. */
async function isUnused(directory: string, index: number): Promise<boolean> {
  const read = await readSegment(segmentPath(directory, index))
  return read.ok && isBlank(read.value, 0)
}

function here(check: Check, file: string, at: number): Omit<VerifyFinding, 'kind' | 'problem'> {
  const seq = check.state.tree.size
  const before = check.heads.find(({ size }) => size > seq)?.size
  return { log: check.log, seq, file, at, ...(before === undefined ? {} : { between: { after: check.good, before } }) }
}

function truncated(check: Check): VerifyFinding {
  const { log, good, state } = check
  const before = newestSize(check)
  const problem = `the log ends after ${state.tree.size} entries, and the witness sealed ${before}`
  return { log, kind: 'truncated', seq: state.tree.size, between: { after: good, before }, problem }
}

function missingPayloads(check: Check): VerifyFinding[] {
  const sealed = newestSize(check)
  const missing = [...check.named].filter(([, seq]) => seq >= 0 && seq < sealed)
  return missing.slice(0, 100).map(([digest, seq]) => {
    return { log: check.log, kind: 'payload', seq, problem: `the payload ${digest} is gone` }
  })
}

function faultyPayloads({ log, payloads }: Check): VerifyFinding[] {
  const altered = (payloads?.altered ?? []).map(({ digest, seq }): VerifyFinding => {
    return { log, kind: 'payload', seq, problem: `the payload ${digest} is not what was committed to` }
  })
  const gone = [...(payloads?.keysGone ?? [])].slice(0, 100).map(([key, { seq, payloads: count }]): VerifyFinding => {
    const problem = `the key ${key} is gone and was not erased: ${count} payloads cannot be read`
    return { log, kind: 'payload', seq, problem }
  })
  return [...altered, ...gone]
}

function newestSize(check: Check): number {
  return check.heads.at(-1)?.size ?? 0
}

/** The gateway's own files may be anything; a name that is none of ours is not. */
function strangers(log: string, directory: string, names: readonly Dirent[]): VerifyFinding[] {
  const known = (entry: Dirent) =>
    (segmentIndex(entry.name) !== undefined && entry.isFile()) ||
    ((entry.name === 'lock' || entry.name === 'seal') && entry.isFile()) ||
    (entry.name === 'keys' && entry.isDirectory())
  return names
    .filter((entry) => !known(entry))
    .map(({ name }) => ({ log, kind: 'stranger', file: join(directory, name), problem: 'this is no file of a log' }))
}

import { parseJson } from '../../model/index.ts'
import type { Json } from '../../model/json.ts'
import type { Hash, Tree } from '../seal/merkle.ts'
import { canonicalText } from './canonical.ts'
import { type Disk, type DiskFile, segmentPath } from './disk.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { record } from './record.ts'

/** The first record of a segment: whose it is, where it stands, and the tree so far, so that a restart reads one. */
export interface SegmentHeader {
  readonly origin: string
  readonly index: number
  readonly firstSeq: number
  readonly peaks: readonly Hash[]
}

export function headerRecord(batch: number, header: SegmentHeader): Buffer {
  const { origin, index, firstSeq } = header
  const peaks = header.peaks.map((peak) => Buffer.from(peak).toString('hex'))
  const text = canonicalText({ format: 'firebreak-segment/1', origin, index, firstSeq, peaks })
  if (!text.ok) throw new RangeError('an origin is plain text')
  return record('segment', batch, firstSeq, Buffer.from(text.value))
}

/** Reads a segment's header; undefined for a body that `headerRecord` would not have written. */
export function readHeader(body: Uint8Array): SegmentHeader | undefined {
  const text = Buffer.from(body).toString()
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { format, origin, index, firstSeq, peaks } = value as { readonly [key: string]: Json }
  if (format !== 'firebreak-segment/1' || typeof origin !== 'string') return undefined
  if (!isSize(index) || !isSize(firstSeq) || !Array.isArray(peaks)) return undefined
  const hashes: Hash[] = []
  for (const peak of peaks) {
    if (typeof peak !== 'string' || !/^[0-9a-f]{64}$/.test(peak)) return undefined
    hashes.push(Buffer.from(peak, 'hex'))
  }
  if (hashes.length !== onesIn(firstSeq)) return undefined
  return { origin, index, firstSeq, peaks: hashes }
}

/**
 * The files of one log: the one that is written to, and a prepared one behind it.
 *
 * Each is filled with zeros and synced before its first use, so that a commit changes no metadata and waits for nothing
 * but its own bytes; the next one is prepared in the background, from when the current one is a quarter full.
 */
export class Segments {
  readonly #disk: Disk
  readonly #directory: string
  readonly #origin: string
  readonly #nextBytes: number
  #index: number
  #file: DiskFile
  #bytes: number
  #end: number
  #spare: Promise<Prepared> | undefined

  constructor(disk: Disk, directory: string, origin: string, current: CurrentSegment, nextBytes: number) {
    this.#disk = disk
    this.#directory = directory
    this.#origin = origin
    this.#nextBytes = nextBytes
    this.#index = current.index
    this.#file = current.file
    this.#bytes = current.bytes
    this.#end = current.end
  }

  get path(): string {
    return segmentPath(this.#directory, this.#index)
  }

  get room(): number {
    return this.#bytes - this.#end
  }

  /** Writes bytes; durable when it resolves. */
  write(bytes: Uint8Array): Promise<void> {
    const at = this.#end
    this.#end += bytes.length
    if (this.#end * 4 > this.#bytes) this.#spare ??= this.#prepare()
    return this.#file.writeDurably(bytes, at)
  }

  /** Turns to the next segment. Its header becomes durable here, before the records that follow it. */
  async next(batch: number, tree: Tree): Promise<void> {
    this.#spare ??= this.#prepare()
    const prepared = await this.#spare
    this.#spare = undefined
    if ('error' in prepared) throw prepared.error
    await this.#file.close()
    this.#file = prepared.file
    this.#index++
    this.#bytes = this.#nextBytes
    const header = { origin: this.#origin, index: this.#index, firstSeq: tree.size, peaks: tree.peaks() }
    const bytes = headerRecord(batch, header)
    this.#end = bytes.length
    await this.#file.writeDurably(bytes, 0)
  }

  async close(): Promise<void> {
    const prepared = await this.#spare
    if (prepared && 'file' in prepared) await prepared.file.close()
    await this.#file.close()
  }

  /** Prepares the next segment. Never rejects: a full disk matters only once the current segment is full too. */
  async #prepare(): Promise<Prepared> {
    const path = segmentPath(this.#directory, this.#index + 1)
    try {
      if (this.#index + 1 >= LEDGER_LIMITS.segmentsMax) throw Object.assign(new Error('too many'), { code: 'EFBIG' })
      return { file: await prepareSegment(this.#disk, this.#directory, path, this.#nextBytes) }
    } catch (error) {
      return { error }
    }
  }
}

export interface CurrentSegment {
  readonly index: number
  readonly file: DiskFile
  readonly bytes: number
  /** Byte offset at which the next record goes. */
  readonly end: number
}

type Prepared = { readonly file: DiskFile } | { readonly error: unknown }

/** A file of zeros, its name durable. Written in pieces, so that commits come in between. */
export async function prepareSegment(disk: Disk, directory: string, path: string, bytes: number): Promise<DiskFile> {
  const file = await disk.create(path)
  const zeros = Buffer.alloc(Math.min(bytes, 1_048_576))
  try {
    for (let at = 0; at < bytes; at += zeros.length) await file.write(zeros, at)
    await file.sync()
    await disk.syncDirectory(directory)
  } catch (error) {
    await file.close().catch(() => {})
    throw error
  }
  return file
}

function parsed(text: string): Json | undefined {
  try {
    const value: Json = parseJson(text)
    const again = canonicalText(value)
    return again.ok && again.value === text ? value : undefined
  } catch {
    return undefined
  }
}

function isSize(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function onesIn(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}

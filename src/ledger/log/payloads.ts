import { type Cipheriv, createCipheriv, createDecipheriv, createHash, hash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Commitment } from '../../model/entry.ts'
import { type CellId, type Sha256, sha256 } from '../../model/ids.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { same } from '../seal/proof.ts'
import type { GroupCommit } from './commit.ts'
import { codeOf, type Disk, segmentIndex, segmentPath } from './disk.ts'
import type { LedgerFault } from './fault.ts'
import { LEDGER_LIMITS } from './limits.ts'
import { recordsFrom } from './scan.ts'

export type PutFault =
  | { readonly kind: 'too-large'; readonly bytes: number; readonly max: number }
  | { readonly kind: 'full'; readonly bufferedBytes: number }
  | { readonly kind: 'erased'; readonly cell: CellId }
  | { readonly kind: 'failed'; readonly fault: LedgerFault }

export type GetFault =
  | { readonly kind: 'erased'; readonly cell: CellId }
  | { readonly kind: 'missing'; readonly sha256: Sha256 }
  | { readonly kind: 'altered'; readonly sha256: Sha256 }
  | { readonly kind: 'failed'; readonly fault: LedgerFault }

/**
 * The bytes that actions sent and received: outside the tree, encrypted under a key of their cell.
 *
 * - P1  A payload is durable with the entry that names it: both are in one batch, or the payload is in an earlier one.
 * - P2  `get` returns exactly the bytes that were put, or says why not.
 * - P3  After `erase` nothing of a cell can be read, and its commitments cannot be guessed: the salt is encrypted too.
 */
export interface Payloads {
  put(cell: CellId, bytes: Uint8Array): Result<Commitment, PutFault>
  get(cell: CellId, commitment: Commitment): Promise<Result<Buffer, GetFault>>
  /** Resolves when the key is gone from the disk. What the cell puts later is refused. */
  erase(cell: CellId): Promise<Result<void, LedgerFault>>
}

/**
 * Places in a payload's record: cell 18 bytes, key 4, commitment 32, place in the key's stream 8, then its bytes,
 * encrypted. Each key encrypts one stream (AES-256-CTR from zero, a fresh key for each cell and gateway), so that a
 * payload costs no set-up: 32 bytes of the stream are its salt and are never written, the next ones cover its bytes.
 * The commitment in the tree proves what a cipher's tag would.
 */
const KEY_AT = 18
const COMMITMENT_AT = KEY_AT + 4
const PLACE_AT = COMMITMENT_AT + 32
const SECRET_AT = PLACE_AT + 8
const SALT_BYTES = 32

export async function openPayloads(
  disk: Disk,
  directory: string,
  commit: GroupCommit,
  nowMs: () => number,
): Promise<Payloads> {
  const keyDirectory = join(directory, 'keys')
  await disk.makeDirectory(keyDirectory)
  const known = await disk.names(keyDirectory)
  const erased = new Set(known.filter((name) => name.endsWith('.erased')).map((name) => name.slice(0, KEY_AT)))
  for (const name of known)
    if (name.endsWith('.key') && erased.has(name.slice(0, KEY_AT))) await shred(disk, keyDirectory, name)
  const keys = new Map<CellId, CellKey>()

  /** A cell that outlived its gateway gets another key, so that `put` never has to read the disk. */
  function newKey(cell: CellId): CellKey {
    const secret = randomBytes(32)
    const stream = createCipheriv(CIPHER, secret, counter(0))
    const key: CellKey = { number: randomBytes(4), secret, stream, place: 0, ahead: ZEROS, aheadTo: 0 }
    keys.set(cell, key)
    commit.after(writeKey(disk, keyDirectory, keyName(cell, key.number), key.secret))
    return key
  }

  return {
    put(cell, bytes) {
      if (commit.fault) return no({ kind: 'failed', fault: commit.fault })
      if (erased.has(cell)) return no({ kind: 'erased', cell })
      const max = LEDGER_LIMITS.payloadBytesMax
      if (bytes.length > max) return no({ kind: 'too-large', bytes: bytes.length, max })
      const { bufferedBytes } = commit
      if (bufferedBytes > LEDGER_LIMITS.bufferedBytesMax) return no({ kind: 'full', bufferedBytes })
      const { body, commitment } = encrypted(cell, keys.get(cell) ?? newKey(cell), bytes)
      commit.add('payload', body, body.length, nowMs())
      return ok(commitment)
    },

    async get(cell, commitment) {
      const flushed = await commit.all()
      if (!flushed.ok) return no({ kind: 'failed', fault: flushed.reason })
      return readPayload(disk, directory, cell, commitment)
    },

    async erase(cell) {
      erased.add(cell)
      keys.delete(cell)
      const flushed = await commit.all()
      if (!flushed.ok) return flushed
      const path = join(keyDirectory, `${cell}.erased`)
      try {
        const mark = (await disk.open(path, 'write')) ?? (await disk.create(path))
        await mark.close()
        await disk.syncDirectory(keyDirectory)
        for (const name of await disk.names(keyDirectory)) {
          if (name.startsWith(`${cell}.`) && name.endsWith('.key')) await shred(disk, keyDirectory, name)
        }
      } catch (error) {
        return no({ kind: 'disk', doing: 'erase', path, code: codeOf(error) })
      }
      return ok(undefined)
    },
  }
}

/** Searches the newest segment first; nothing indexes payloads, since a person reads few of them. */
export async function readPayload(
  disk: Disk,
  directory: string,
  cell: CellId,
  commitment: Commitment,
): Promise<Result<Buffer, GetFault>> {
  const keyDirectory = join(directory, 'keys')
  const names = new Set(await disk.names(keyDirectory))
  if (names.has(`${cell}.erased`)) return no({ kind: 'erased', cell })
  const wanted = Buffer.from(commitment.sha256, 'hex')
  const indexes = (await disk.names(directory)).map(segmentIndex).filter((index) => index !== undefined)
  for (const index of indexes.reverse()) {
    const file = await disk.open(segmentPath(directory, index), 'read')
    if (!file) continue
    const bytes = await file.read(0, file.size)
    await file.close()
    for (const { kind, body } of recordsFrom(bytes, 0)) {
      if (kind !== 'payload' || !same(body.subarray(COMMITMENT_AT, PLACE_AT), wanted)) continue
      const plain = await openPayload(disk, directory, cell, body)
      return plain ? ok(plain) : no({ kind: 'altered', sha256: commitment.sha256 })
    }
  }
  return no({ kind: 'missing', sha256: commitment.sha256 })
}

/** The bytes of one payload record; undefined where its cell's key is gone, or one of them has changed. */
export async function openPayload(
  disk: Disk,
  directory: string,
  cell: CellId,
  body: Uint8Array,
): Promise<Buffer | undefined> {
  const key = await readKey(disk, join(directory, 'keys'), payloadKeyName(cell, body))
  return key && openPayloadWith(key, cell, body)
}

/** The same with a key that was read before. */
export function openPayloadWith(key: Uint8Array, cell: CellId, body: Uint8Array): Buffer | undefined {
  return key.length === 32 ? decrypted(cell, key, Buffer.from(body)) : undefined
}

/** Returns the cell that a payload record names; a damaged record may name anything. */
export function payloadCell(body: Uint8Array): string {
  return Buffer.from(body.subarray(0, KEY_AT)).toString('latin1')
}

/** The file in `keys` that opens it. */
export function payloadKeyName(cell: CellId, body: Uint8Array): string {
  return keyName(cell, body.subarray(KEY_AT, COMMITMENT_AT))
}

/** The commitment of a payload record, in clear: it reveals no more than the entry that names it. */
export function payloadDigest(body: Uint8Array): Sha256 {
  return sha256(Buffer.from(body.subarray(COMMITMENT_AT, PLACE_AT)).toString('hex'))
}

interface CellKey {
  readonly number: Uint8Array
  readonly secret: Uint8Array
  readonly stream: Cipheriv
  /** Bytes of the stream that have been used. */
  place: number
  /** The stream from some place up to `aheadTo`: `AHEAD_BYTES` of it, none at the beginning. */
  ahead: Uint8Array
  aheadTo: number
}

const CIPHER = 'aes-256-ctr'

/** The counter block that byte `place` of a stream lies in. */
function counter(place: number): Buffer {
  const block = Buffer.alloc(16)
  block.writeBigUInt64BE(BigInt(Math.floor(place / 16)), 8)
  return block
}

function keyName(cell: CellId, number: Uint8Array): string {
  return `${cell}.${Buffer.from(number).toString('hex')}.key`
}

async function writeKey(disk: Disk, directory: string, name: string, secret: Uint8Array): Promise<void> {
  const file = await disk.create(join(directory, name))
  await file.writeDurably(secret, 0)
  await file.close()
  await disk.syncDirectory(directory)
}

async function readKey(disk: Disk, directory: string, name: string): Promise<Buffer | undefined> {
  const file = await disk.open(join(directory, name), 'read')
  const key = await file?.read(0, 33)
  await file?.close()
  return key?.length === 32 ? key : undefined
}

async function shred(disk: Disk, directory: string, name: string): Promise<void> {
  const file = await disk.open(join(directory, name), 'write')
  await file?.writeDurably(Buffer.alloc(32), 0)
  await file?.close()
  await disk.remove(join(directory, name))
  await disk.syncDirectory(directory)
}

function encrypted(cell: CellId, key: CellKey, bytes: Uint8Array): { body: Buffer; commitment: Commitment } {
  const length = SALT_BYTES + bytes.length
  const body = Buffer.allocUnsafe(SECRET_AT + bytes.length)
  const { place, salted } = length <= AHEAD_BYTES / 4 ? coveredAhead(key, bytes, body) : covered(key, bytes, body)
  body.write(cell, 0, 'latin1')
  body.set(key.number, KEY_AT)
  body.write(hash('sha256', salted, 'binary'), COMMITMENT_AT, 'latin1')
  body.writeBigUInt64BE(BigInt(place), PLACE_AT)
  return { body, commitment: { sha256: sha256(body.toString('hex', COMMITMENT_AT, PLACE_AT)), bytes: bytes.length } }
}

/** Bytes of a key's stream that are made at once: asking the cipher costs more than covering a small payload. */
const AHEAD_BYTES = 16_384
const ZEROS = Buffer.alloc(AHEAD_BYTES)
/** The salt and the bytes of a small payload. Everything here is synchronous, so that one is enough. */
const SALTED = Buffer.alloc(AHEAD_BYTES / 4)

function coveredAhead(key: CellKey, bytes: Uint8Array, body: Buffer) {
  const length = SALT_BYTES + bytes.length
  if (key.place + length > key.aheadTo) {
    key.place = key.aheadTo
    key.ahead = key.stream.update(ZEROS)
    key.aheadTo += AHEAD_BYTES
  }
  const { place, ahead } = key
  const from = AHEAD_BYTES - (key.aheadTo - place)
  const salted = SALTED.subarray(0, length)
  for (let i = 0; i < SALT_BYTES; i++) salted[i] = ahead[from + i] ?? 0
  salted.set(bytes, SALT_BYTES)
  for (let i = SALT_BYTES; i < length; i++) {
    body[SECRET_AT + i - SALT_BYTES] = (salted[i] ?? 0) ^ (ahead[from + i] ?? 0)
  }
  key.place += length
  return { place, salted }
}

/** A large one has its own part of the stream, behind what was made ahead. */
function covered(key: CellKey, bytes: Uint8Array, body: Buffer) {
  const place = key.aheadTo
  const salted = Buffer.alloc(SALT_BYTES + bytes.length)
  salted.set(bytes, SALT_BYTES)
  const cover = key.stream.update(salted)
  salted.set(cover.subarray(0, SALT_BYTES))
  body.set(cover.subarray(SALT_BYTES), SECRET_AT)
  key.place = key.aheadTo = place + salted.length
  return { place, salted }
}

/** Decrypts a payload; undefined unless every byte is as it was put, under this cell's key. */
function decrypted(cell: CellId, key: Uint8Array, body: Buffer): Buffer | undefined {
  const place = Number(body.readBigUInt64BE(PLACE_AT))
  const stream = createDecipheriv(CIPHER, key, counter(place))
  stream.update(Buffer.alloc(place % 16))
  const salt = stream.update(Buffer.alloc(SALT_BYTES))
  const plain = stream.update(body.subarray(SECRET_AT))
  const digest = createHash('sha256').update(salt).update(plain).digest()
  const whole = same(body.subarray(COMMITMENT_AT, PLACE_AT), digest)
  return whole && body.toString('latin1', 0, KEY_AT) === cell ? plain : undefined
}

import { createPublicKey, hash, type KeyObject, sign, verify } from 'node:crypto'
import { no, ok, type Result } from '../../model/result.ts'
import type { Hash } from '../seal/merkle.ts'

/**
 * Seals, in the formats of transparency logs, so that other people's tools read them:
 * c2sp.org/signed-note v1.0.0, c2sp.org/tlog-checkpoint v1.0.0 and c2sp.org/tlog-cosignature (Ed25519, type 0x04).
 *
 *     firebreak/test
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 *     — firebreak-witness jWbPPwAAAABkGFDLEZMH…
 */
export interface TreeHead {
  readonly origin: string
  readonly size: number
  readonly root: Hash
}

export interface SealedHead extends TreeHead {
  /** Time of the witness's signature; epoch ms, whole seconds. */
  readonly atMs: number
  /** The signed note as the witness wrote it. */
  readonly note: string
}

export interface WitnessKey {
  readonly name: string
  readonly id: number
  readonly publicKey: KeyObject
}

export type NoteFault =
  | { readonly kind: 'malformed'; readonly problem: string }
  | { readonly kind: 'unsigned'; readonly problem: 'no signature by this key' }
  | { readonly kind: 'forged'; readonly problem: 'a signature by this key does not verify' }

/** Timestamped cosignature, Ed25519. */
const COSIGNATURE = 0x04
const SIGNATURES_MAX = 16
const NOTE_BYTES_MAX = 4_096

/** The note's text: what is signed, up to and with the last newline. */
export function checkpointText(head: TreeHead): string {
  return `${head.origin}\n${head.size}\n${Buffer.from(head.root).toString('base64')}\n`
}

/** Cosigns a head: at `atS` (epoch seconds) this was the largest consistent tree that the witness had seen. */
export function cosign(head: TreeHead, key: WitnessKey, privateKey: KeyObject, atS: number): string {
  const text = checkpointText(head)
  const time = Buffer.alloc(8)
  time.writeBigUInt64BE(BigInt(atS))
  const signature = sign(null, cosignedMessage(text, atS), privateKey)
  return `${text}\n${signatureLine(key.name, key.id, Buffer.concat([time, signature]))}`
}

/** A note that someone hands us: nothing in it is believed before its signature is verified. */
export function openSeal(note: string, key: WitnessKey): Result<SealedHead, NoteFault> {
  const parsed = parseNote(note)
  if (!parsed.ok) return parsed
  const { text, signatures } = parsed.value
  const mine = signatures.filter(({ name, id }) => name === key.name && id === key.id)
  if (mine.length === 0) return no({ kind: 'unsigned', problem: 'no signature by this key' })
  let atMs = 0
  for (const { bytes } of mine) {
    const atS = bytes.length === 72 ? Number(bytes.readBigUInt64BE(0)) : Number.NaN
    const good =
      Number.isSafeInteger(atS * 1000) && verify(null, cosignedMessage(text, atS), key.publicKey, bytes.subarray(8))
    if (!good) return no({ kind: 'forged', problem: 'a signature by this key does not verify' })
    atMs = Math.max(atMs, atS * 1000)
  }
  const head = parseCheckpoint(text)
  return head.ok ? ok({ ...head.value, atMs, note }) : head
}

/**
 * Parses a checkpoint. Extension lines are refused: our witness writes none, and they say nothing that it has checked.
 */
export function parseCheckpoint(text: string): Result<TreeHead, NoteFault> {
  const lines = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n$/.exec(text)
  const [, origin = '', digits = '', root = ''] = lines ?? []
  const [size, bytes] = [Number(digits), strictBase64(root)]
  if (!lines || !Number.isSafeInteger(size) || bytes?.length !== 32) return malformed('not a checkpoint')
  return ok({ origin, size, root: bytes })
}

export interface Signature {
  readonly name: string
  readonly id: number
  readonly bytes: Buffer
}

export function parseNote(note: string): Result<{ text: string; signatures: Signature[] }, NoteFault> {
  if (note.length > NOTE_BYTES_MAX) return malformed('too long')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the format forbids exactly these.
  if (!note.isWellFormed() || /[\x00-\x09\x0b-\x1f]/.test(note)) return malformed('control characters')
  const split = note.lastIndexOf('\n\n')
  if (split < 0 || !note.endsWith('\n')) return malformed('no signatures')
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > SIGNATURES_MAX) return malformed('too many signatures')
  const signatures: Signature[] = []
  for (const line of lines) {
    const [, name = '', base64 = ''] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? []
    const bytes = strictBase64(base64)
    if (!bytes || bytes.length < 5) return malformed('a signature line cannot be read')
    signatures.push({ name, id: bytes.readUInt32BE(0), bytes: bytes.subarray(4) })
  }
  return ok({ text: note.slice(0, split + 1), signatures })
}

export function signatureLine(name: string, id: number, signature: Uint8Array): string {
  const idBytes = Buffer.alloc(4)
  idBytes.writeUInt32BE(id)
  return `— ${name} ${Buffer.concat([idBytes, signature]).toString('base64')}\n`
}

export function keyId(name: string, type: number, publicKey: Uint8Array): number {
  return hash('sha256', Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(type), publicKey]), 'buffer').readUInt32BE(0)
}

/** Writes a witness's public key in the form in which it is handed around: `name+id+base64`. */
export function witnessKeyText(name: string, publicKey: KeyObject): string {
  const raw = rawPublicKey(publicKey)
  const id = keyId(name, COSIGNATURE, raw).toString(16).padStart(8, '0')
  return `${name}+${id}+${Buffer.concat([Buffer.of(COSIGNATURE), raw]).toString('base64')}`
}

export function parseWitnessKey(text: string): Result<WitnessKey, NoteFault> {
  const [, name = '', id = '', base64 = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/u.exec(text) ?? []
  const bytes = strictBase64(base64)
  if (bytes?.length !== 33 || bytes[0] !== COSIGNATURE) return malformed('not a witness key')
  const raw = bytes.subarray(1)
  if (keyId(name, COSIGNATURE, raw) !== Number.parseInt(id, 16)) return malformed('the key does not have this id')
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }
  return ok({ name, id: Number.parseInt(id, 16), publicKey: createPublicKey({ key: jwk, format: 'jwk' }) })
}

function rawPublicKey(key: KeyObject): Buffer {
  const { x } = key.export({ format: 'jwk' })
  if (x === undefined) throw new RangeError('not an Ed25519 key')
  return Buffer.from(x, 'base64url')
}

function cosignedMessage(text: string, atS: number): Buffer {
  return Buffer.from(`cosignature/v1\ntime ${atS}\n${text}`)
}

/** Decodes base64; undefined where decoding would have to forgive something. */
function strictBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return text.length > 0 && bytes.toString('base64') === text ? bytes : undefined
}

function malformed(problem: string): Result<never, NoteFault> {
  return no({ kind: 'malformed', problem })
}

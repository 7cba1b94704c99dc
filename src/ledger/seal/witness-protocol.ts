import type { Duplex } from 'node:stream'
import { LEDGER_LIMITS } from '../log/limits.ts'
import type { Hash } from './merkle.ts'

/**
 * Between the writer of one log and the witness, over one connected stream that nobody else holds. A frame is its
 * length (u16), its type (u8) and a body of fixed layout; whatever is longer, shorter or of another type ends the
 * connection. Sizes are u64 below 2^53, hashes 32 bytes. The witness answers each question once, in order.
 *
 *     ask      1                                     →  last     129  size, root, the witness's key as text
 *     head     2  old size, size, root, n, n hashes  →  sealed   130  the signed note
 *                                                       refused  131  why (u8), size, root
 */
export type WitnessQuestion =
  | { readonly kind: 'ask' }
  | {
      readonly kind: 'head'
      readonly oldSize: number
      readonly size: number
      readonly root: Hash
      /** RFC 9162 consistency proof from `oldSize`. */
      readonly proof: readonly Hash[]
    }

export type WitnessAnswer =
  | { readonly kind: 'last'; readonly size: number; readonly root: Hash; readonly key: string }
  | { readonly kind: 'sealed'; readonly note: string }
  | { readonly kind: 'refused'; readonly why: WitnessRefusal; readonly size: number; readonly root: Hash }

/**
 * `not the last`: the proof begins at another size than the witness last signed, which the answer names. `no extension`:
 * the head does not extend what was signed. `not stored`: the witness's disk failed; it signs nothing any more.
 */
export type WitnessRefusal = 'not the last' | 'no extension' | 'not stored'

const REFUSALS: readonly WitnessRefusal[] = ['not the last', 'no extension', 'not stored']
const PROOF_MAX = 64

export function questionFrame(question: WitnessQuestion): Buffer {
  if (question.kind === 'ask') return frame(1)
  const { oldSize, size, root, proof } = question
  return frame(2, u64(oldSize), u64(size), root, Buffer.of(proof.length), ...proof)
}

export function answerFrame(answer: WitnessAnswer): Buffer {
  switch (answer.kind) {
    case 'last':
      return frame(129, u64(answer.size), answer.root, Buffer.from(answer.key))
    case 'sealed':
      return frame(130, Buffer.from(answer.note))
    case 'refused':
      return frame(131, Buffer.of(REFUSALS.indexOf(answer.why) + 1), u64(answer.size), answer.root)
  }
}

/** A hostile gateway chose every byte. */
export function readQuestion(bytes: Buffer): WitnessQuestion | undefined {
  if (bytes[0] === 1) return bytes.length === 1 ? { kind: 'ask' } : undefined
  if (bytes[0] !== 2 || bytes.length < 50) return undefined
  const [oldSize, size, count] = [size64(bytes, 1), size64(bytes, 9), bytes[49] ?? 0]
  if (oldSize === undefined || size === undefined || count > PROOF_MAX) return undefined
  if (bytes.length !== 50 + 32 * count) return undefined
  const proof = Array.from({ length: count }, (_, i) => bytes.subarray(50 + 32 * i, 82 + 32 * i))
  return { kind: 'head', oldSize, size, root: bytes.subarray(17, 49), proof }
}

export function readAnswer(bytes: Buffer): WitnessAnswer | undefined {
  switch (bytes[0]) {
    case 129: {
      const size = bytes.length > 41 ? size64(bytes, 1) : undefined
      if (size === undefined) return undefined
      return { kind: 'last', size, root: bytes.subarray(9, 41), key: bytes.toString('utf8', 41) }
    }
    case 130:
      return { kind: 'sealed', note: bytes.toString('utf8', 1) }
    case 131: {
      const [why, size] = [REFUSALS[(bytes[1] ?? 0) - 1], bytes.length === 42 ? size64(bytes, 2) : undefined]
      return why && size !== undefined ? { kind: 'refused', why, size, root: bytes.subarray(10, 42) } : undefined
    }
    default:
      return undefined
  }
}

/** The frames that arrive, without their length. Ends with the stream, or destroys it at the first bad length. */
export async function* framesFrom(stream: Duplex): AsyncGenerator<Buffer, void> {
  let kept = Buffer.alloc(0)
  for await (const chunk of chunksFrom(stream)) {
    kept = Buffer.concat([kept, chunk])
    while (kept.length >= 2) {
      const length = kept.readUInt16BE(0)
      if (length === 0 || length > LEDGER_LIMITS.witnessFrameBytesMax) {
        stream.destroy()
        return
      }
      if (kept.length < 2 + length) break
      yield Buffer.from(kept.subarray(2, 2 + length))
      kept = kept.subarray(2 + length)
    }
  }
}

/** A peer that was killed resets the stream: that is an end like any other, and must not end the witness. */
async function* chunksFrom(stream: Duplex): AsyncGenerator<Buffer, void> {
  const chunks = stream[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch(() => undefined)
    if (!next || next.done) return
    yield next.value
  }
}

function frame(type: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat([Buffer.of(type), ...parts])
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  return Buffer.concat([length, body])
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

function size64(bytes: Buffer, at: number): number | undefined {
  const size = Number(bytes.readBigUInt64BE(at))
  return Number.isSafeInteger(size) ? size : undefined
}

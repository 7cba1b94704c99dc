import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { no, ok, type Result } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'
import { type Room, TOO_MUCH } from '../../fairness/room.ts'

/** Bytes of a decoded request: one turn of a long task has up to 32 MiB. */
export const DECODED_BYTES_MAX = 33_554_432
/** Decoded bytes for each that came, past the first of them; text is seldom below a twentieth. */
export const DECODED_RATIO_MAX = 100
const UNRATED_BYTES = 65_536

/** The window that a decoder may ask memory for: what RFC 8878 tells every decoder to have. */
const ZSTD_WINDOW_LOG_MAX = 23

/** Content codings that are decoded. */
export type ContentCoding = keyof typeof DECODERS

const DECODERS = {
  gzip: () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } }),
} as const

/** Reads the header `content-encoding`: undefined where there is nothing to decode, an error where we cannot. */
export function contentCoding(values: readonly string[]): Result<ContentCoding | undefined, string> {
  const [value = 'identity', ...more] = values.map((each) => each.trim().toLowerCase())
  if (more.length > 0) return no('it has two content encodings')
  if (value === 'identity' || value === '') return ok(undefined)
  if (value === 'x-gzip') return ok('gzip')
  return Object.hasOwn(DECODERS, value) ? ok(value as ContentCoding) : no('its content encoding is not known here')
}

export interface DecodeOptions {
  readonly coding: ContentCoding
  /** Room of the cell; what is returned stays taken of it. */
  readonly room: Room
  readonly bytesMax?: number
}

/**
 * Decodes a body. The work is done beside the main thread, in pieces, each of which is taken of the room before it is kept; it
 * ends where there is no more, where more comes out than `bytesMax`, or than what came could be. The error says what is wrong,
 * and nothing stays taken then. Whatever follows the end of what was encoded is refused.
 */
export function decodeBody(
  body: Uint8Array,
  { coding, room, bytesMax = DECODED_BYTES_MAX }: DecodeOptions,
): Promise<Result<Uint8Array, string>> {
  return new Promise((resolve) => {
    const decoder: Transform & { readonly bytesWritten?: number } = DECODERS[coding]()
    const bytes = new GrowingBytes()
    const allowed = Math.max(UNRATED_BYTES, body.length * DECODED_RATIO_MAX)
    let held = 0
    const refuse = (problem: string) => {
      decoder.removeAllListeners('data').destroy()
      bytes.take()
      room.give(held)
      held = 0
      resolve(no(problem))
    }
    decoder.on('data', (piece: Uint8Array) => {
      const length = bytes.length + piece.length
      if (length > bytesMax) return refuse(`it has more than ${bytesMax} bytes when it is decoded`)
      if (length > allowed) return refuse(`it grows more than ${DECODED_RATIO_MAX} times when it is decoded`)
      bytes.push(piece)
      if (!room.take(bytes.capacity - held)) return refuse(TOO_MUCH)
      held = bytes.capacity
    })
    decoder.once('error', () => refuse(`it is no whole ${coding}`))
    decoder.once('end', () => {
      if ((decoder.bytesWritten ?? body.length) !== body.length) return refuse(`it has more after its ${coding}`)
      room.give(held - bytes.length)
      // After this nothing is held here, and a promise is settled once.
      held = 0
      resolve(ok(bytes.take()))
    })
    decoder.once('close', () => refuse('it broke off'))
    decoder.end(body)
  })
}

import type { Transform } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'
import { no, ok, type Result } from '../../../model/index.ts'
import { GrowingBytes } from '../../fairness/growing-bytes.ts'

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

/**
 * Decodes a body. The work is done beside the main thread, in pieces; it ends where more comes out than `bytesMax`, or than
 * what came could be. The error says what is wrong. Whatever follows the end of what was encoded is refused.
 */
export function decodeBody(
  body: Uint8Array,
  coding: ContentCoding,
  bytesMax: number = DECODED_BYTES_MAX,
): Promise<Result<Uint8Array, string>> {
  return new Promise((resolve) => {
    const decoder: Transform & { readonly bytesWritten?: number } = DECODERS[coding]()
    const bytes = new GrowingBytes()
    const allowed = Math.max(UNRATED_BYTES, body.length * DECODED_RATIO_MAX)
    const end = (result: Result<Uint8Array, string>) => {
      decoder.removeAllListeners('data').destroy()
      resolve(result)
    }
    decoder.on('data', (piece: Uint8Array) => {
      const length = bytes.length + piece.length
      if (length > bytesMax) return end(no(`it has more than ${bytesMax} bytes when it is decoded`))
      if (length > allowed) return end(no(`it grows more than ${DECODED_RATIO_MAX} times when it is decoded`))
      bytes.push(piece)
    })
    decoder.once('error', () => end(no(`it is no whole ${coding}`)))
    decoder.once('end', () => {
      const read = decoder.bytesWritten ?? body.length
      end(read === body.length ? ok(bytes.take()) : no(`it has more after its ${coding}`))
    })
    decoder.once('close', () => resolve(no('it broke off')))
    decoder.end(body)
  })
}

import { createHash, type Hash } from 'node:crypto'

/** Digits of a digest that a person is shown: enough to tell one text from another by eye. */
const DIGITS = 16

/** Returns the beginning of the SHA-256 of some bytes, or of what a hash was given, in hexadecimal. */
export function shortDigest(of: Uint8Array | string | Hash): string {
  const hash = typeof of === 'string' || of instanceof Uint8Array ? createHash('sha256').update(of) : of
  return hash.digest('hex').slice(0, DIGITS)
}

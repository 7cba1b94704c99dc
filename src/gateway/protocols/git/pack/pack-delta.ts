/** Bytes of a varint of a pack that are read: seven bits each, up to 2^49. */
const VARINT_BYTES_MAX = 7

/** A number of a pack, and the place behind it. */
export interface PackNumber {
  readonly value: number
  readonly end: number
}

/** Reads a number whose low bits come first (gitformat-pack, "size encoding"); undefined where it does not end. */
export function numberAt(bytes: Uint8Array, at: number): PackNumber | undefined {
  let value = 0
  for (let i = 0; i < VARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i]
    if (byte === undefined) return undefined
    value += (byte & 127) * 2 ** (7 * i)
    if (byte < 128) return { value, end: at + i + 1 }
  }
  return undefined
}

/**
 * Returns what a delta makes of its base (gitformat-pack, "Deltified representation"); undefined where it is none of this
 * base, or makes more than `bytesMax`.
 */
export function applyDelta(base: Uint8Array, delta: Uint8Array, bytesMax: number): Uint8Array | undefined {
  const from = numberAt(delta, 0)
  const to = from && numberAt(delta, from.end)
  if (from === undefined || to === undefined || from.value !== base.length || to.value > bytesMax) return undefined
  const made = new Uint8Array(to.value)
  let [at, length] = [to.end, 0]
  while (at < delta.length) {
    const code = delta[at++] ?? 0
    let piece: Uint8Array
    if (code >= 128) {
      let [offset, size] = [0, 0]
      for (let bit = 0; bit < 7; bit++) {
        if ((code & (1 << bit)) === 0) continue
        const byte = delta[at++]
        if (byte === undefined) return undefined
        if (bit < 4) offset += byte * 2 ** (8 * bit)
        else size += byte * 2 ** (8 * (bit - 4))
      }
      if (size === 0) size = 65_536
      if (offset + size > base.length) return undefined
      piece = base.subarray(offset, offset + size)
    } else {
      if (code === 0 || at + code > delta.length) return undefined
      piece = delta.subarray(at, at + code)
      at += code
    }
    if (length + piece.length > made.length) return undefined
    made.set(piece, length)
    length += piece.length
  }
  return length === made.length ? made : undefined
}

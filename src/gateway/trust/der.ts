/** The part of DER (X.690) that a certificate is made of: encoding only. Nothing here reads what somebody else wrote. */

/** Returns a value with its tag and its length in front. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...lengthOf(value.length)]), value])
}

function lengthOf(bytes: number): readonly number[] {
  if (bytes < 0x80) return [bytes]
  const digits = [24, 16, 8, 0].map((shift) => (bytes >>> shift) & 0xff)
  const from = digits.findIndex((digit) => digit !== 0)
  return [0x80 | (digits.length - from), ...digits.slice(from)]
}

export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts)
}

export function set(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x31, ...parts)
}

/** Returns an OCTET STRING. */
export function octets(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x04, ...parts)
}

/** Returns a BIT STRING whose last byte has `unused` bits that do not count. */
export function bits(value: Uint8Array, unused = 0): Buffer {
  return tagged(0x03, Buffer.from([unused]), value)
}

/** Returns a non-negative INTEGER, big-endian, in as few bytes as it has. */
export function integer(value: Uint8Array): Buffer {
  const from = value.findIndex((byte) => byte !== 0)
  const digits = from === -1 ? Buffer.from([0]) : Buffer.from(value.subarray(from))
  return (digits[0] ?? 0) >= 0x80 ? tagged(0x02, Buffer.from([0]), digits) : tagged(0x02, digits)
}

export const TRUE = tagged(0x01, Buffer.from([0xff]))

export function utf8(text: string): Buffer {
  return tagged(0x0c, Buffer.from(text, 'utf8'))
}

/** Returns an OBJECT IDENTIFIER from its dotted form. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(arc: number): readonly number[] {
  const digits = [arc & 0x7f]
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

/** Returns a moment (epoch ms) as RFC 5280 has it: UTCTime before 2050, GeneralizedTime from then on, whole seconds. */
export function time(atMs: number): Buffer {
  const written = `${new Date(atMs).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14)}Z`
  const isEarly = written < '2050'
  return isEarly ? tagged(0x17, Buffer.from(written.slice(2))) : tagged(0x18, Buffer.from(written))
}

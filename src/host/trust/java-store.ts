import { createHash } from 'node:crypto'

/** A certificate in a key store, under a name. */
export interface JavaEntry {
  /** ASCII, unique in its store. */
  readonly alias: string
  /** DER. */
  readonly certificate: Uint8Array
}

/**
 * Returns a key store of trusted certificates as every Java reads it (JKS, version 2, with the password that all of them
 * have): magic, version, number of entries, the entries, and a digest over all of it.
 */
export function javaStore(entries: readonly JavaEntry[], nowMs: number): Buffer {
  const body = Buffer.concat([
    u32(0xfeedfeed),
    u32(2),
    u32(entries.length),
    ...entries.flatMap(({ alias, certificate }) => [
      u32(TRUSTED_CERTIFICATE),
      text(alias),
      u64(nowMs),
      text('X.509'),
      u32(certificate.length),
      certificate,
    ]),
  ])
  const password = Buffer.from('changeit', 'utf16le').swap16()
  const digest = createHash('sha1').update(password).update('Mighty Aphrodite').update(body).digest()
  return Buffer.concat([body, digest])
}

const TRUSTED_CERTIFICATE = 2

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Returns a text with its length in two bytes, as DataOutput.writeUTF does of ASCII. */
function text(ascii: string): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(ascii.length)
  return Buffer.concat([bytes, Buffer.from(ascii, 'latin1')])
}

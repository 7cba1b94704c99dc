/** One X.509 certificate of a cell's issuer, as the strictest clients want it (RFC 5280; Go, rustls, OpenSSL's strict mode). */
import { createHash, type KeyObject, randomBytes, sign } from 'node:crypto'
import { bits, integer, objectId, octets, sequence, set, TRUE, tagged, time, utf8 } from './der.ts'

/** The parts of a certificate in which two of them differ. */
export interface CertificateParts {
  /** A common name. */
  readonly subject: string
  readonly subjectKey: CertifiedKey
  readonly issuer: string
  readonly issuerKey: CertifiedKey
  /** The issuer's private key. */
  readonly signWith: KeyObject
  /** Epoch ms. */
  readonly notBeforeMs: number
  readonly notAfterMs: number
  /** The one name that it speaks for; absent of an issuer, which signs others. */
  readonly name?: SubjectName
}

/** A public key as certificates have it. */
export interface CertifiedKey {
  /** SubjectPublicKeyInfo, in DER. */
  readonly spki: Buffer
  /** Key identifier: 160 bits of the key's digest. RFC 7093, method 1. */
  readonly id: Buffer
}

/** Returns a public key of P-256 as certificates have it. */
export function certifiedKey(key: KeyObject): CertifiedKey {
  const spki = key.export({ type: 'spki', format: 'der' })
  // Its last 65 bytes are the point itself, uncompressed.
  return { spki, id: createHash('sha256').update(spki.subarray(-65)).digest().subarray(0, 20) }
}

/** The name in a certificate for a server. */
export type SubjectName =
  /** In lower case. */
  | { readonly kind: 'dns'; readonly text: string }
  | { readonly kind: 'address'; readonly bytes: Uint8Array; readonly text: string }

/** Returns the certificate in DER, signed. */
export function signedCertificate(parts: CertificateParts): Buffer {
  const signed = sequence(
    tagged(0xa0, integer(Buffer.from([2]))),
    integer(serialNumber()),
    ECDSA_WITH_SHA256,
    nameOf(parts.issuer),
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)),
    nameOf(parts.subject),
    parts.subjectKey.spki,
    tagged(0xa3, sequence(...extensionsOf(parts))),
  )
  return sequence(signed, ECDSA_WITH_SHA256, bits(sign('sha256', signed, parts.signWith)))
}

function extensionsOf({ name, subjectKey, issuerKey }: CertificateParts): readonly Buffer[] {
  const own = extension(EXTENSION.subjectKeyId, octets(subjectKey.id))
  if (name === undefined)
    return [
      // It signs servers, and no further issuer.
      extension(EXTENSION.basicConstraints, sequence(TRUE, integer(Buffer.from([0]))), 'critical'),
      extension(EXTENSION.keyUsage, bits(Buffer.from([KEY_CERT_SIGN]), 2), 'critical'),
      own,
    ]
  return [
    extension(EXTENSION.basicConstraints, sequence(), 'critical'),
    extension(EXTENSION.keyUsage, bits(Buffer.from([DIGITAL_SIGNATURE]), 7), 'critical'),
    extension(EXTENSION.extendedKeyUsage, sequence(SERVER_AUTH)),
    extension(EXTENSION.subjectAltName, sequence(generalName(name))),
    own,
    extension(EXTENSION.authorityKeyId, sequence(tagged(0x80, issuerKey.id))),
  ]
}

function generalName(name: SubjectName): Buffer {
  return name.kind === 'dns' ? tagged(0x82, Buffer.from(name.text, 'latin1')) : tagged(0x87, name.bytes)
}

function extension(id: Buffer, value: Buffer, critical?: 'critical'): Buffer {
  return critical === undefined ? sequence(id, octets(value)) : sequence(id, TRUE, octets(value))
}

/** Returns a distinguished name of one common name. */
function nameOf(commonName: string): Buffer {
  return sequence(set(sequence(COMMON_NAME, utf8(commonName))))
}

/** Returns 16 random bytes, of which the first is neither 0 nor has its highest bit set: a positive number of that length. */
function serialNumber(): Buffer {
  const drawn = randomBytes(16)
  drawn[0] = ((drawn[0] ?? 0) & 0x3f) | 0x40
  return drawn
}

const ECDSA_WITH_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'))
const COMMON_NAME = objectId('2.5.4.3')
const SERVER_AUTH = objectId('1.3.6.1.5.5.7.3.1')
const EXTENSION = {
  subjectKeyId: objectId('2.5.29.14'),
  keyUsage: objectId('2.5.29.15'),
  subjectAltName: objectId('2.5.29.17'),
  basicConstraints: objectId('2.5.29.19'),
  authorityKeyId: objectId('2.5.29.35'),
  extendedKeyUsage: objectId('2.5.29.37'),
}
/** KeyUsage, the bits of its first byte: RFC 5280, 4.2.1.3. */
const DIGITAL_SIGNATURE = 0x80
const KEY_CERT_SIGN = 0x04

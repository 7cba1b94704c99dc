import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** A pair of keys of a certificate. */
export interface KeyPair {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** A certificate that was made, with the keys that it speaks for. */
export interface MadeCertificate {
  readonly name: string
  /** The certificate in PEM. */
  readonly pem: string
  /** Its private key in PEM. */
  readonly key: string
  readonly keys: KeyPair
}

/** The properties of a certificate that is made; absent: those of an honest server's. */
export interface CertificateParts {
  readonly name: string
  /** Signs it; absent: itself. */
  readonly by?: MadeCertificate
  /** Keys; absent: P-256. */
  readonly keys?: KeyPair
  readonly isAuthority?: boolean
  /** Names and addresses: `DNS:a.example`, `IP:127.0.0.1`. */
  readonly names?: readonly string[]
  /** OIDs of its extended key usage; null: it says nothing of that. */
  readonly usages?: readonly string[] | null
  readonly fromMs?: number
  readonly untilMs?: number
  readonly digest?: 'sha256' | 'sha1'
  /** Bits of its key usage, as DER has them; null: it says nothing of that. */
  readonly keyUsage?: readonly number[] | null
  /** Certificates that may follow under an authority. */
  readonly pathLength?: number
}

export const SERVER_USAGE = '1.3.6.1.5.5.7.3.1'
export const CLIENT_USAGE = '1.3.6.1.5.5.7.3.2'

export function ellipticKeys(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' })
}

export function rsaKeys(bits: number): KeyPair {
  return generateKeyPairSync('rsa', { modulusLength: bits })
}

/** Makes an X.509 certificate (RFC 5280), whatever is wrong with it. For tests alone: nothing here judges anything. */
export function makeCertificate(parts: CertificateParts): MadeCertificate {
  const { name, by, keys = ellipticKeys(), names = [], isAuthority = false, digest = 'sha256', pathLength } = parts
  const { keyUsage = isAuthority ? [0x01, 0x06] : [0x07, 0x80], usages = isAuthority ? null : [SERVER_USAGE] } = parts
  const { fromMs = Date.now() - DAY_MS, untilMs = Date.now() + 30 * DAY_MS } = parts
  const signer = by?.keys.privateKey ?? keys.privateKey
  const algorithm = sequence(
    oid(ALGORITHMS[`${signer.asymmetricKeyType}-${digest}`] ?? ''),
    ...(signer.asymmetricKeyType === 'rsa' ? [der(0x05)] : []),
  )
  const extensions = [
    extension(
      '2.5.29.19',
      sequence(
        ...(isAuthority ? [der(0x01, [0xff])] : []),
        ...(pathLength === undefined ? [] : [integer([pathLength])]),
      ),
      true,
    ),
    ...(keyUsage === null ? [] : [extension('2.5.29.15', der(0x03, keyUsage), true)]),
    ...(usages === null ? [] : [extension('2.5.29.37', sequence(...usages.map(oid)))]),
    ...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names.map(generalName)))]),
  ]
  const body = sequence(
    der(0xa0, integer([2])),
    integer([1, ...Array.from({ length: 8 }, () => Math.floor(Math.random() * 256))]),
    algorithm,
    distinguished(by?.name ?? name),
    sequence(time(fromMs), time(untilMs)),
    distinguished(name),
    keys.publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  const signature = sign(digest, body, signer)
  const whole = sequence(body, algorithm, der(0x03, [0], signature))
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? []
  const pem = `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
  return { name, pem, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), keys }
}

const DAY_MS = 86_400_000

/** Signature algorithms by key and digest: RFC 5758, RFC 4055. */
const ALGORITHMS: Readonly<Record<string, string>> = {
  'ec-sha256': '1.2.840.10045.4.3.2',
  'ec-sha1': '1.2.840.10045.4.1',
  'rsa-sha256': '1.2.840.113549.1.1.11',
  'rsa-sha1': '1.2.840.113549.1.1.5',
}

type Bytes = readonly number[] | Uint8Array

/** Returns one value of DER: its tag, its length, what it holds. */
function der(tag: number, ...parts: readonly Bytes[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from([tag, ...size]), content])
}

function sequence(...parts: readonly Bytes[]): Buffer {
  return der(0x30, ...parts)
}

function integer(bytes: Bytes): Buffer {
  return der(0x02, bytes)
}

function oid(text: string): Buffer {
  const [a = 0, b = 0, ...rest] = text.split('.').map(Number)
  return der(0x06, [a * 40 + b, ...rest.flatMap(inSevens)])
}

function inSevens(value: number): number[] {
  const low = value & 0x7f
  return value < 0x80 ? [low] : [...inSevens(Math.floor(value / 128)).map((byte) => byte | 0x80), low]
}

function distinguished(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))))
}

function time(ms: number): Buffer {
  return der(0x18, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`))
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, [0xff])] : []), der(0x04, value))
}

function generalName(text: string): Buffer {
  const [kind = '', value = ''] = [text.slice(0, text.indexOf(':')), text.slice(text.indexOf(':') + 1)]
  return kind === 'IP' ? der(0x87, value.split('.').map(Number)) : der(0x82, Buffer.from(value))
}

/**
 * The certificate authority of one cell, which ends with it.
 *
 * - IS1  Each cell has an issuer of its own; what one has signed no other cell believes.
 * - IS2  It signs one name at a time, which `subjectName` has read: no wildcard, no second name.
 * - IS3  What it signs ends no later than it does, and it is over at most `ISSUER_MS_MAX` after it was made.
 * - IS4  After `end` it signs nothing.
 * - IS5  Its private key is in the memory of the warden and of the cell's gateway, and leaves neither but for a gateway
 *        that takes the place of a lost one.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto'
import { no, ok, type Result } from '../../model/index.ts'
import type { IssuerSetup } from '../link/setup.ts'
import { type CertifiedKey, certifiedKey, type SubjectName, signedCertificate } from './certificate.ts'
import { subjectName } from './subject-name.ts'

/** Longest life of an issuer, in ms: 98 days. Some clients refuse what is valid for longer than 99. */
export const ISSUER_MS_MAX = 98 * 86_400_000
/** Names of one cell whose certificates are kept; the one that was asked for longest ago is signed again when it is. */
export const LEAVES_MAX = 256

/** Milliseconds that a certificate is older than it is: clocks within a cell may be set, and differ. */
const BACKDATED_MS = 3_600_000

/** The private key of a new issuer, and its certificate, both in DER. */
export interface IssuerParts {
  readonly certificate: Buffer
  readonly key: Buffer
}

/** Makes an issuer that is over `forMs` after `nowMs`, or at the longest after `ISSUER_MS_MAX`. */
export function makeIssuer(forMs: number, nowMs: number): IssuerParts {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = certifiedKey(pair.publicKey)
  const name = `Firebreak cell ${key.id.toString('hex').slice(0, 16)}`
  const certificate = signedCertificate({
    subject: name,
    subjectKey: key,
    issuer: name,
    issuerKey: key,
    signWith: pair.privateKey,
    notBeforeMs: nowMs - BACKDATED_MS,
    notAfterMs: nowMs + Math.min(forMs, ISSUER_MS_MAX),
  })
  return { certificate, key: pair.privateKey.export({ type: 'pkcs8', format: 'der' }) }
}

/** A certificate for one name, and its key; the same object while it is kept, so that a TLS context can be kept by it. */
export interface Leaf {
  /** In PEM; the issuer's own is not with it: whoever believes it has it. */
  readonly certificate: string
  /** In PEM: the same for every name of a cell. */
  readonly key: string
}

/** An issuer in the process that ends TLS for its cell. */
export class Issuer {
  readonly #name: string
  readonly #issuerKey: CertifiedKey
  #signWith: KeyObject | undefined
  readonly #notBeforeMs: number
  readonly #notAfterMs: number
  /** One key for every name of the cell: who holds this process has them all anyway. */
  readonly #leafKey: CertifiedKey
  readonly #leafKeyPem: string
  /** Leaves by name, the one that was asked for longest ago first. */
  readonly #leaves = new Map<string, Leaf>()

  private constructor(certificate: X509Certificate, privateKey: KeyObject) {
    this.#name = certificate.subject.replace(/^CN=/, '')
    this.#issuerKey = certifiedKey(createPublicKey(privateKey))
    this.#signWith = privateKey
    const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    this.#leafKey = certifiedKey(leaf.publicKey)
    this.#leafKeyPem = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    this.#notBeforeMs = certificate.validFromDate.getTime()
    this.#notAfterMs = certificate.validToDate.getTime()
  }

  /** Opens what `makeIssuer` made, as the warden hands it over; says why it is none, and never what the key is. */
  static open({ certificate, key }: IssuerSetup): Result<Issuer, string> {
    try {
      const parsed = new X509Certificate(Buffer.from(certificate, 'base64'))
      const privateKey = createPrivateKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'pkcs8' })
      if (!parsed.ca || !parsed.checkPrivateKey(privateKey)) return no('the key is not that of a certificate authority')
      return ok(new Issuer(parsed, privateKey))
    } catch {
      return no('not a certificate and its key')
    }
  }

  /** Returns the certificate for a name that the cell dialled, from those that are kept or newly signed. */
  leaf(asked: string): Result<Leaf, string> {
    const name = subjectName(asked)
    if (!name.ok) return name
    const { text } = name.value
    if (this.#signWith === undefined) return no('its cell has ended')
    const leaf = this.#leaves.get(text) ?? this.#signed(name.value, this.#signWith)
    this.#leaves.delete(text)
    this.#leaves.set(text, leaf)
    const [oldest] = this.#leaves.keys()
    if (this.#leaves.size > LEAVES_MAX && oldest !== undefined) this.#leaves.delete(oldest)
    return ok(leaf)
  }

  /** Forgets its key, and what it has signed. */
  end(): void {
    this.#signWith = undefined
    this.#leaves.clear()
  }

  #signed(name: SubjectName, signWith: KeyObject): Leaf {
    const der = signedCertificate({
      // No name that a client could take for a host's: the one that counts stands in subjectAltName.
      subject: LEAF_SUBJECT,
      subjectKey: this.#leafKey,
      issuer: this.#name,
      issuerKey: this.#issuerKey,
      signWith,
      notBeforeMs: this.#notBeforeMs,
      notAfterMs: this.#notAfterMs,
      name,
    })
    return { certificate: pem(der), key: this.#leafKeyPem }
  }
}

const LEAF_SUBJECT = 'Firebreak gate'

/** Returns a certificate in PEM, with lines of 64 characters (RFC 7468). */
export function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}

import { X509Certificate } from 'node:crypto'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { certificatesIn } from './trust.ts'

/** Rules for TLS with one origin. */
export interface TlsRules {
  /** Certificates in PEM that alone are trusted to sign for it; absent: those that this host trusts. */
  readonly ca?: string
  /** The place where a person declares `ca`, as a message says it: `mcp: { ca: ./ca.pem }`. */
  readonly caKey: string
  /** Protocols that may be spoken inside, the best first: `h2`, `http/1.1`. */
  readonly protocols: readonly string[]
  /** A session of before, with an origin that was judged then. */
  readonly session?: Buffer
  /** Hears of a session with whoever was judged. */
  readonly onSession?: (session: Buffer) => void
}

/**
 * Returns why the certificate of who has answered is not believed, in words for a person and with what would change it,
 * although its chain and its name were; undefined where nothing speaks against it.
 *
 * - CE1  Keys under 2048 bits of RSA or 224 of elliptic curves, and signatures over SHA-1, are believed of nobody (`trusting`).
 * - CE2  The certificate of a server is no authority's, unless a person declared that very certificate.
 * - CE3  What this host's authorities sign says that it is for servers, and for which names. Of a declared authority it may
 *        have a common name alone, and say nothing of what it is for.
 */
export function problemOfPeer(
  socket: Pick<TLSSocket, 'isSessionReused' | 'getPeerX509Certificate'>,
  { ca, caKey }: Pick<TlsRules, 'ca' | 'caKey'>,
): string | undefined {
  // A session that is resumed shows no certificate; it was judged when it began.
  if (socket.isSessionReused()) return undefined
  const leaf = socket.getPeerX509Certificate()
  if (leaf === undefined) return 'it showed no certificate'
  if (leaf.ca && !isDeclared(leaf, ca))
    return `its certificate is that of an authority, and not of a server; declare that very certificate, if it is meant: ${caKey}`
  // Node calls the extended key usage so.
  if (ca === undefined && leaf.keyUsage === undefined)
    return `its certificate does not say that it is for servers (no extended key usage); declare the authority that signed it, if it is meant: ${caKey}`
  if (ca === undefined && leaf.subjectAltName === undefined)
    return `its certificate has a common name and no others; declare the authority that signed it, if it is meant: ${caKey}`
  return undefined
}

/**
 * Returns a certificate with the names by which it is judged: where it has alternative ones, its common name counts for
 * nothing (RFC 9525, 6.3). Node looks at that as soon as none of the others is a host's.
 */
export function judgedNames(certificate: PeerCertificate): PeerCertificate {
  if (certificate.subjectaltname === undefined) return certificate
  const { CN: _, ...subject } = certificate.subject
  return { ...certificate, subject: subject as PeerCertificate['subject'] } // Node looks for the name, and knows it absent
}

function isDeclared({ fingerprint256 }: X509Certificate, ca: string | undefined): boolean {
  const declared = ca === undefined ? [] : certificatesIn(ca)
  return declared.some((text) => new X509Certificate(text).fingerprint256 === fingerprint256)
}

const RENEW = 'no declaration makes up for that: whoever runs it has to get another certificate'

/**
 * Returns what is wrong with who has answered and what would change it, where a handshake failed for its certificate;
 * undefined where it failed for something else.
 */
export function textOfTlsError(
  error: NodeJS.ErrnoException & { readonly cert?: PeerCertificate },
  host: string,
  { ca, caKey }: TlsRules,
): string | undefined {
  const { code = '', cert } = error
  const authority = `give the authority that signed it: ${caKey}`
  const believed = ca === undefined ? 'this host trusts' : 'was declared'
  // Codes are Node's; what it has none for is told by OpenSSL's words.
  const known = TEXTS[code === 'UNSPECIFIED' ? error.message : code]
  if (known !== undefined) return `${known}; ${RENEW}`
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `its certificate, or one that it leans on, has expired; ${RENEW}`
    case 'CERT_NOT_YET_VALID':
      return `its certificate is not valid yet; look at the clock of this host`
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `its certificate is for ${namesOf(cert)}, and not for ${host}; declare the origin by a name that it has`
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return `unable to believe its certificate: it is signed by itself, and by nobody that ${believed}; declare that very certificate, if it is meant: ${caKey}`
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `unable to believe its certificate: the authority at the end of its chain is none that ${believed}; ${authority}`
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
      return `unable to find an authority that ${believed} behind its certificate, or it keeps those between back; ${authority}`
    default:
      return isOfCertificate(code) ? `its certificate is not believed: ${error.message}; ${RENEW}` : undefined
  }
}

/** Sentences about certificates that nothing but another certificate makes good. */
const TEXTS: Readonly<Record<string, string>> = {
  CERT_SIGNATURE_FAILURE: 'a signature in its chain is not that of the authority it names',
  CERT_REVOKED: 'its certificate was revoked',
  CERT_CHAIN_TOO_LONG: 'its chain is too long',
  INVALID_CA: 'its certificate is signed by one that is no authority',
  PATH_LENGTH_EXCEEDED: 'its chain is longer than an authority in it allows',
  INVALID_PURPOSE: 'its certificate, or one that it leans on, is not for servers',
  CERT_UNTRUSTED: 'an authority of its certificate is not trusted for servers',
  CERT_REJECTED: 'an authority of its certificate is not trusted for servers',
  'EE certificate key too weak': 'its certificate has a weak key',
  'CA certificate key too weak': 'an authority of its certificate has a weak key',
  'CA signature digest algorithm too weak': 'its certificate is signed over a weak digest',
  'key usage does not include certificate signing': 'its certificate is signed by one that is no authority',
}

/** Tells whether an error's code is one of OpenSSL's for certificates: all others have a prefix. */
function isOfCertificate(code: string): boolean {
  return code !== '' && !/^(?:ERR_|E[A-Z]+$|UND_)/.test(code)
}

function namesOf(certificate: PeerCertificate | undefined): string {
  return certificate?.subjectaltname?.replaceAll(/(?:DNS|IP Address):/g, '') ?? 'no name'
}

import { readFileSync } from 'node:fs'
import process from 'node:process'
import type { SecureContext } from 'node:tls'

/**
 * Files in which Linux distributions keep the authorities that a host trusts: Debian and Arch, Fedora, SUSE, Alpine.
 */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

let host: SecureContext | undefined

/** Contexts of declared authorities, by their text. */
const declared = new Map<string, SecureContext>()
const DECLARED_MAX = 32

/**
 * Returns whom a TLS connection believes: the authorities in `ca` (PEM) and no others, or, where it is absent, those that
 * Node brings and those of this host's own store. Keys and signatures that 112 bits of security do not stand behind are
 * believed of nobody, whatever a host's own settings say. Throws where `ca` holds no certificate that can be read.
 */
export function trusting(ca: string | undefined): SecureContext {
  // 45 ms to load, for an environment whose upstreams may all be on this host.
  const { createSecureContext, rootCertificates, DEFAULT_CIPHERS } = process.getBuiltinModule('node:tls')
  const ciphers = `${DEFAULT_CIPHERS}:@SECLEVEL=2`
  if (ca !== undefined) {
    const made = declared.get(ca) ?? createSecureContext({ ca, ciphers, minVersion: 'TLSv1.2' })
    const [oldest] = declared.keys()
    if (oldest !== undefined && declared.size >= DECLARED_MAX) declared.delete(oldest)
    declared.set(ca, made)
    return made
  }
  // About 30 ms: once, and only where something speaks TLS.
  const all = [...rootCertificates, ...ofThisHost(rootCertificates)]
  host ??= createSecureContext({ ca: all, ciphers, minVersion: 'TLSv1.2' })
  return host
}

/** Returns this host's authorities that Node does not bring; none where it has no store, or not for our uid. */
function ofThisHost(nodes: readonly string[]): readonly string[] {
  const known = new Set(nodes.map(plain))
  for (const path of BUNDLES) {
    try {
      return certificatesIn(readFileSync(path, 'utf8')).filter((certificate) => !known.has(plain(certificate)))
    } catch {
      // Another distribution's place.
    }
  }
  return []
}

/** Returns the certificates of a text in PEM, each as it stands there. */
export function certificatesIn(pem: string): readonly string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
}

function plain(certificate: string): string {
  return certificate.replaceAll(/\s+/g, '')
}

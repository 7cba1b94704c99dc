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

/**
 * Returns whom a TLS connection believes: the authorities in `ca` (PEM) and no others, or, where it is absent, those that
 * Node brings and those of this host's own store. Throws where `ca` holds no certificate that can be read.
 */
export function trusting(ca: string | undefined): SecureContext {
  // 45 ms to load, for an environment whose upstreams may all be on this host.
  const { createSecureContext, rootCertificates } = process.getBuiltinModule('node:tls')
  if (ca !== undefined) return createSecureContext({ ca })
  // About 30 ms: once, and only where something speaks TLS.
  host ??= createSecureContext({ ca: [...rootCertificates, ...ofThisHost(rootCertificates)] })
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

/** Roots of this host, or of a cell's own root file system: what programs in the cell believe without us. */
import { X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'

/** Certificates of one file. */
export interface Roots {
  /** DER, each once, in the order of the file. */
  readonly certificates: readonly Buffer[]
  /** The file on this host. */
  readonly file: string
}

/** Places of a bundle in PEM, on Debian, Alpine, SUSE, Fedora and Arch; where curl, Go, OpenSSL and GnuTLS look. */
export const BUNDLE_PLACES: readonly string[] = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/ssl/cert.pem',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/certs/ca-bundle.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/pki/tls/cert.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ca-certificates/extracted/tls-ca-bundle.pem',
]

/** A bundle of today has 150 roots in 220 KiB. */
const FILE_BYTES_MAX = 4 * 1024 ** 2
const CERTIFICATES_MAX = 1_000

/** Roots by file, with what the file looked like: parsing 150 certificates takes longer than all else that a cell's trust needs. */
const known = new Map<string, { readonly stamp: string; readonly roots: Roots | undefined }>()

/** Returns the first file of these that has a certificate; undefined where none has. */
export function rootsIn(files: readonly string[]): Roots | undefined {
  for (const file of files) {
    const stats = statSync(file, { throwIfNoEntry: false })
    if (stats?.isFile() !== true || stats.size > FILE_BYTES_MAX) continue
    const stamp = `${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`
    const before = known.get(file)
    const roots = before?.stamp === stamp ? before.roots : readRoots(file)
    known.set(file, { stamp, roots })
    if (roots !== undefined) return roots
  }
  return undefined
}

/** Reads the certificates of a file and nothing else of it: comments, keys and what does not parse stay behind. */
function readRoots(file: string): Roots | undefined {
  const blocks = readFileSync(file, 'latin1').matchAll(CERTIFICATE)
  const each = new Map<string, Buffer>()
  for (const [, base64 = ''] of blocks) {
    if (each.size === CERTIFICATES_MAX) break
    const der = Buffer.from(base64, 'base64')
    try {
      // Java reads no store in which one is broken.
      if (new X509Certificate(der).raw.equals(der)) each.set(der.toString('latin1'), der)
    } catch {
      // A certificate of another kind, or none.
    }
  }
  return each.size === 0 ? undefined : { certificates: [...each.values()], file }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g

import { copyFileSync, existsSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Who a cell is to itself. The same in every cell: the name of its host uid is nobody's business inside. */
export const CELL_USER = { uid: 1000, gid: 1000, name: 'agent', home: '/home/agent' } as const

/**
 * Writes the /etc that every cell without a root of its own sees, read-only. Nothing in it names this host: no users,
 * no host name, no resolver, no machine id.
 */
export function writeEtc(directory: string): void {
  const { uid, gid, name, home } = CELL_USER
  const files: Record<string, string> = {
    passwd: `root:x:0:0:root:/:/usr/sbin/nologin\n${name}:x:${uid}:${gid}:${name}:${home}:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n`,
    group: `root:x:0:\n${name}:x:${gid}:\nnogroup:x:65534:\n`,
    hosts: '127.0.0.1 localhost\n::1 localhost\n',
    hostname: 'cell\n',
    'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
    // Empty: the resolver of the C library would ask 127.0.0.1 otherwise, and wait.
    'resolv.conf': 'options attempts:1 timeout:1\n',
  }
  mkdirSync(directory, { recursive: true, mode: 0o755 })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text, { mode: 0o644 })
  for (const path of COPIED) {
    const from = join('/etc', path)
    if (!existsSync(from)) continue
    const to = join(directory, path)
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 })
    copyFileSync(from, to)
  }
  copyLinks('/etc/alternatives', join(directory, 'alternatives'))
}

/** The loader's cache, which speeds every start, and the public certificates that TLS clients look for. */
const COPIED = [
  'ld.so.cache',
  'ssl/certs/ca-certificates.crt',
  'ssl/openssl.cnf',
  'pki/tls/certs/ca-bundle.crt',
  'mime.types',
  'services',
]

/** Debian reaches /usr/bin/awk and hundreds more through here; the links point into /usr. */
function copyLinks(from: string, to: string): void {
  if (!existsSync(from)) return
  mkdirSync(to, { recursive: true, mode: 0o755 })
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, entry.name)), join(to, entry.name))
  }
}

/**
 * The part of the host's /etc that a cell sees: what distributions keep there of programs in /usr. It is copied by a
 * list of names, never by what happens to lie there, and what could be a secret is left out whatever its name.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { liesIn, readableNamesIn } from '../../../model/host/host-paths.ts'

/** A name in /etc, with what is below it; `*` stands for the rest of a name. */
const SHOWN = [
  // The loader's.
  ...['ld.so.cache', 'ld.so.conf', 'ld.so.conf.d'],
  // What system this is, its time zone, languages, names of protocols and of kinds of files.
  ...['os-release', 'lsb-release', 'debian_version', 'redhat-release', 'alpine-release', 'localtime', 'timezone'],
  ...['locale.alias', 'locale.conf', 'mime.types', 'mailcap', 'magic', 'magic.mime', 'services', 'protocols', 'rpc'],
  ...['ethertypes', 'gai.conf', 'host.conf', 'inputrc', 'terminfo', 'papersize'],
  // Public certificates and the rules of TLS.
  ...['ssl/certs/ca-certificates.crt', 'ssl/certs/ca-bundle.crt', 'ssl/certs/java', 'ssl/cert.pem', 'ssl/openssl.cnf'],
  ...['ssl/openssl.cnf.d', 'ca-certificates/extracted', 'pki/ca-trust/extracted', 'pki/tls/certs/ca-bundle.crt'],
  ...['pki/tls/cert.pem', 'pki/tls/openssl.cnf', 'pki/tls/openssl.d', 'crypto-policies', 'gnutls'],
  // Languages and their machines.
  ...[
    'java',
    'java-*',
    'jvm-*',
    'pki/java',
    'maven',
    'ant',
    'ant.d',
    'python*',
    'perl',
    'php',
    'php.d',
    'php.ini',
    'mono',
    'dotnet',
  ],
  ...['R', 'octave.conf', 'erlang', 'emacs', 'vim', 'nanorc', 'groff', 'texmf', 'sgml', 'xml', 'matplotlibrc'],
  // Browsers, fonts, pictures, screens.
  ...['chromium', 'chromium.d', 'chromium-browser', 'firefox', 'fonts', 'ImageMagick-*', 'ghostscript', 'libreoffice'],
  ...['gtk-*', 'pango', 'glvnd', 'vulkan', 'OpenCL', 'X11/rgb.txt', 'libva.conf', 'openal', 'ladspa', 'asound.conf'],
]

/**
 * Names that sound like secrets, also below a shown name. `settings.xml` is where maven keeps passwords of
 * repositories.
 */
const SECRET_NAME =
  /(^|[._-])(private|keys?|secrets?|shadow|passwd|passwords?|credentials?|tokens?|auth|netrc|htpasswd|settings\.xml)([._-]|$)|\.(key|p12|pfx|jks|kdbx)$/i
const PRIVATE_KEY = 'PRIVATE KEY-----'
/** A line that gives a secret a value, in whatever is not a comment: `env[DB_PASSWORD] = x`, `GITHUB_PAT=x`. */
const SECRET_LINE =
  /^[ \t]*(?:export[ \t]+)?[^#;!/<\s][^=:\n]*?(?:passw(?:or)?d|secret|token|api_?key|access_?key|credential|_pat\b)[^=:\n]{0,20}[=:][ \t]*[^\s#;]/im
/**
 * The one file that is shown with such lines (`challengePassword = …`): distributions ship it so, and no TLS client
 * starts without it.
 */
const OPENSSL = /openssl\.cnf$/
/**
 * Directories of hundreds of links, of which only these are copied. Certificates lie in some of them as files where
 * somebody made one of this very host.
 */
const LINKS = ['alternatives', 'ssl/certs', 'pki/tls/certs']

const ENTRIES_MAX = 4_000
/** Bytes of a file that people write settings in; what is larger is a cache or a bundle. */
const TEXT_BYTES_MAX = 128 * 1024
const FILE_BYTES_MAX = 4 * 1024 ** 2
const ALL_BYTES_MAX = 32 * 1024 ** 2

interface Copying {
  /** Directory that is copied, with its links resolved. */
  readonly from: string
  readonly to: string
  entries: number
  bytes: number
}

/** Copies what is shown of the directory `from` (the host's /etc) into `to`. What is too much, or cannot be read, is left out. */
export function copyShown(from: string, to: string): void {
  const copying: Copying = { from: realpathSync.native(from), to, entries: 0, bytes: 0 }
  for (const directory of LINKS) copyLinks(join(from, directory), join(to, directory))
  for (const name of SHOWN) for (const path of matching(from, name)) copyEntry(copying, path)
}

function matching(from: string, name: string): readonly string[] {
  if (!name.endsWith('*')) return [name]
  const directory = dirname(name)
  const start = name.slice(0, -1)
  return readableNamesIn(join(from, directory))
    .map((found) => join(directory, found))
    .filter((path) => path.startsWith(start))
}

function copyEntry(copying: Copying, path: string): void {
  if (path.split('/').some((part) => SECRET_NAME.test(part)) || ++copying.entries > ENTRIES_MAX) return
  const place = join(copying.to, path)
  try {
    const source = realpathSync.native(join(copying.from, path))
    // It is there in the cell, too.
    if (liesIn(source, '/usr')) return symlinkSync(source, madeFor(place))
    if (!liesIn(source, copying.from)) return
    // A link within /etc may lead to what is not shown under its own name.
    const own = source.slice(copying.from.length + 1)
    if (own.split('/').some((part) => SECRET_NAME.test(part))) return
    const stats = statSync(source)
    if (stats.isDirectory() && (stats.mode & 0o005) === 0o005) {
      mkdirSync(place, { recursive: true, mode: 0o755 })
      for (const name of readableNamesIn(source)) copyEntry(copying, join(path, name))
    } else if (stats.isFile() && (stats.mode & 0o004) !== 0) copyFile(copying, path, source, stats.size)
  } catch {
    // A link that leads nowhere, or what went away while we looked.
  }
}

function copyFile(copying: Copying, path: string, source: string, size: number): void {
  if (size > FILE_BYTES_MAX || copying.bytes + size > ALL_BYTES_MAX) return
  const bytes = readFileSync(source)
  if (bytes.includes(PRIVATE_KEY)) return
  if (size < TEXT_BYTES_MAX && !OPENSSL.test(path) && SECRET_LINE.test(bytes.toString('latin1'))) return
  copying.bytes += size
  writeFileSync(madeFor(join(copying.to, path)), bytes, { mode: 0o644 })
}

function madeFor(place: string): string {
  mkdirSync(dirname(place), { recursive: true, mode: 0o755 })
  return place
}

/** Copies links with their targets unchanged: they lead into /usr, or to each other. */
function copyLinks(from: string, to: string): void {
  if (!existsSync(from)) return
  mkdirSync(to, { recursive: true, mode: 0o755 })
  for (const entry of readdirSync(from, { withFileTypes: true }).slice(0, ENTRIES_MAX)) {
    if (entry.isSymbolicLink()) symlinkSync(readlinkSync(join(from, entry.name)), join(to, entry.name))
  }
}

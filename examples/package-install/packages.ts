/** Files of packages, made on the spot: a tar file for npm, a wheel for pip. */
import { crc32, gzipSync } from 'node:zlib'

const BLOCK = 512

/** Returns a file of npm: a tar file (POSIX.1-1988) with `package.json` and what else is named. */
export function npmFile(manifest: object, files: Readonly<Record<string, string>> = {}): Buffer {
  return tarFile({ 'package/package.json': JSON.stringify(manifest), ...files })
}

/** Returns a compressed tar file. */
export function tarFile(files: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text)
    return [tarHeader(path, content.length), content, Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK)]
  })
  return gzipSync(Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]))
}

function tarHeader(path: string, bytes: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  block.write(path, 0)
  block.write('0000644\0', 100)
  block.write(`${bytes.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        0', 148)
  block.write('ustar\x0000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Returns a wheel (PyPA, binary distribution format) with one module that says its version. */
export function wheel(name: string, version: string): Buffer {
  const module = name.replaceAll('-', '_')
  const about = `${module}-${version}.dist-info`
  const files: Readonly<Record<string, string>> = {
    [`${module}.py`]: `VERSION = "${version}"\n`,
    [`${about}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`,
    [`${about}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: example\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
  }
  const record = [...Object.keys(files), `${about}/RECORD`].map((path) => `${path},,\n`).join('')
  return zipFile({ ...files, [`${about}/RECORD`]: record })
}

/** Returns a source distribution, whose build runs its `setup.py`. */
export function sourceOf(name: string, version: string, setup: string): Buffer {
  const root = `${name}-${version}`
  const about = `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`
  return tarFile({ [`${root}/PKG-INFO`]: about, [`${root}/setup.py`]: setup })
}

/** Returns a ZIP file (PKWARE APPNOTE 6.3.10) that stores its files as they are. */
function zipFile(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = []
  const entries: Buffer[] = []
  let at = 0
  for (const [path, text] of Object.entries(files)) {
    const [name, content] = [Buffer.from(path), Buffer.from(text)]
    // From the version that is needed to the length of a further field: the same in both headers.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(0x5821, 8)
    common.writeUInt32LE(crc32(content), 10)
    common.writeUInt32LE(content.length, 14)
    common.writeUInt32LE(content.length, 18)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, name, content])
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE((0o100644 << 16) >>> 0, 6)
    rest.writeUInt32LE(at, 10)
    entries.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x03'), common, rest, name]))
    locals.push(local)
    at += local.length
  }
  const directory = Buffer.concat(entries)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...locals, directory, end])
}

/**
 * Looks for the private key of the cell's issuer in all that the cell can read, and tries to change what it believes. What
 * is looked for comes in two halves, which are nowhere together but where somebody else has left them.
 */
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const PIECE = 1024 ** 2
const halves = (process.argv[2] ?? '').split(',').map((each) => Buffer.from(each, 'base64'))
const needles = halves.flatMap((first, i) => (i % 2 === 0 ? [{ first, second: halves[i + 1] ?? first }] : []))
const places = (process.argv[3] ?? '').split(',')
const longest = Math.max(...needles.map(({ first, second }) => first.length + second.length))
const piece = Buffer.alloc(PIECE)
const found: string[] = []
let looked = 0

function holds(bytes: Buffer): boolean {
  return needles.some(({ first, second }) => {
    for (let at = bytes.indexOf(first); at !== -1; at = bytes.indexOf(first, at + 1)) {
      const after = at + first.length
      if (bytes.subarray(after, after + second.length).equals(second)) return true
    }
    return false
  })
}

/** Looks through what a descriptor has from one place to another. */
function search(what: string, fd: number, from: number, to: number): void {
  for (let at = from; at < to; at += PIECE - longest) {
    let count = 0
    try {
      count = readSync(fd, piece, 0, Math.min(PIECE, to - at), at)
    } catch {
      return
    }
    if (count === 0) return
    looked += count
    if (holds(piece.subarray(0, count))) found.push(what)
  }
}

function searchFile(path: string): void {
  try {
    const fd = openSync(path, 'r')
    search(path, fd, 0, Math.min(statSync(path).size || PIECE, 64 * PIECE))
    closeSync(fd)
  } catch {
    // Not for us.
  }
}

function walk(directory: string): void {
  let entries: ReturnType<typeof list>
  try {
    entries = list(directory)
  } catch {
    return
  }
  for (const entry of entries) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) walk(path)
    else if (entry.isFile()) searchFile(path)
  }
}

function list(directory: string) {
  return readdirSync(directory, { withFileTypes: true })
}

// The host's own programs, which links lead to, are not of our making; all else is.
for (const entry of list('/'))
  if (entry.isDirectory() && !['usr', 'proc', 'sys'].includes(entry.name)) walk(join('/', entry.name))

const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
for (const pid of processes) {
  for (const file of ['environ', 'cmdline', 'auxv', 'stat', 'status', 'mountinfo']) searchFile(`/proc/${pid}/${file}`)
  try {
    for (const fd of readdirSync(`/proc/${pid}/fd`)) {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`)
      if (target.startsWith('/') && statSync(`/proc/${pid}/fd/${fd}`).isFile()) searchFile(`/proc/${pid}/fd/${fd}`)
    }
    const memory = openSync(`/proc/${pid}/mem`, 'r')
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from, to, mode] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
      // The program itself apart, which is a file of the host.
      if (from !== undefined && to !== undefined && mode?.startsWith('rw'))
        search(`memory of ${pid}`, memory, Number.parseInt(from, 16), Number.parseInt(to, 16))
    }
    closeSync(memory)
  } catch {
    // Not for us.
  }
}

const changed = places.flatMap((place) => {
  const tries = [
    () => writeFileSync(place, 'mine'),
    () => rmSync(place),
    () => renameSync('/tmp', place),
    () => writeFileSync(`${place}.new`, 'mine'),
  ]
  return tries.flatMap((each, i) => {
    try {
      each()
      return [`${place} by ${i}`]
    } catch {
      return []
    }
  })
})

console.log(JSON.stringify({ found, looked, processes: processes.length, changed }))

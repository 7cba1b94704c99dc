/** A tree that is made to mislead whoever walks it, and a digest of all that can be seen of it. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import process from 'node:process'
import { report, tried } from './raw.ts'

process.chdir('/work')
if (process.argv[2] === 'make') await make()
else tell()

async function make(): Promise<void> {
  const failed: string[] = []
  const step = (what: string, act: () => unknown) => {
    const outcome = tried(act)
    if (typeof outcome === 'string' && /^E[A-Z]+$/.test(outcome)) failed.push(`${what}: ${outcome}`)
  }
  step('changed', () => appendFileSync('given', ' and changed'))
  step('whiteout', () => rmSync('gone'))
  step('links out', () => {
    symlinkSync('/etc/shadow', 'absolute')
    symlinkSync('../../../../etc/shadow', 'upwards')
    symlinkSync('.', 'here')
    symlinkSync('loop', 'loop')
  })
  step('hard links', () => {
    writeFileSync('one', 'shared')
    linkSync('one', 'two')
  })
  step('a FIFO', () => execFileSync('mkfifo', ['pipe']))
  step('holes', () => {
    writeFileSync('holes', 'begin')
    truncateSync('holes', 2 ** 38)
  })
  step('names', () => {
    for (const name of [
      Buffer.from([0xff, 0xfe]),
      Buffer.from('new\nline'),
      Buffer.from('\x1b[2J'),
      Buffer.from('.wh.given'),
    ])
      writeFileSync(Buffer.concat([Buffer.from('/work/'), name]), 'x')
  })
  step('modes', () => {
    writeFileSync('program', '#!/bin/sh\n')
    chmodSync('program', 0o755)
    mkdirSync('sticky')
    chmodSync('sticky', 0o1777)
    mkdirSync('shut')
    writeFileSync('shut/inside', 'x')
  })
  step('a file where a directory is', () => {
    mkdirSync('was-directory')
    rmSync('was-directory', { recursive: true })
    writeFileSync('was-directory', 'x')
  })
  step('depth', () => {
    for (let i = 0; i < 300; i++) {
      mkdirSync('d')
      process.chdir('d')
    }
    writeFileSync('bottom', 'x')
    process.chdir('/work')
  })
  step('many', () => {
    mkdirSync('many')
    for (let i = 0; i < 300; i++) writeFileSync(`many/${i}`, `${i}`)
  })
  step('a directory in the place of a given one', () => mkdirSync('opaque'))
  const socket = createServer()
  await new Promise<void>((resolve) => socket.listen('/work/socket', resolve))
  // Left behind: a socket that is closed in order takes its name along.
  report({ failed })
  process.kill(process.pid, 'SIGTERM')
}

/** Every name as its bytes, what it is, its mode, size, links, target and beginning. */
function tell(): void {
  const lines: string[] = []
  const waiting = [Buffer.from('/work')]
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const name of readdirSync(directory, { encoding: 'buffer' })) {
      const path = Buffer.concat([directory, Buffer.from('/'), name])
      const stat = lstatSync(path)
      const kind = stat.mode.toString(8)
      const content = stat.isSymbolicLink()
        ? readlinkSync(path)
        : stat.isFile() && stat.size < 1_000_000
          ? readFileSync(path).toString('hex')
          : ''
      lines.push(
        `${path.toString('hex')} ${kind} ${stat.isDirectory() ? '' : stat.size} ${stat.nlink} ${stat.mtimeMs} ${content}`,
      )
      if (stat.isDirectory()) waiting.push(path)
    }
  }
  const digest = createHash('sha256').update(lines.toSorted().join('\n')).digest('hex')
  report({ entries: lines.length, digest })
}

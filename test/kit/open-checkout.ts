/** This checkout at a place that every user of the host can pass: tests run programs of it under uids of others. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { cleanUp, temporaryDirectory } from './temporary.ts'

const repository = realpathSync(join(import.meta.dirname, '../..'))

/** Left out: the history, and what a person keeps in the checkout beside the code. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['.git', '.firebreak'])

/**
 * The directory of this checkout as other users reach it: itself, or, below a directory that they may not pass, a
 * read-only bind mount of each of its parts that is gone after the tests.
 */
export const CHECKOUT: string = readableByOthers(repository) || process.getuid?.() !== 0 ? repository : shown()

/** Node as other users reach it. */
export const NODE_FOR_ALL: string = process.execPath.startsWith(`${repository}/`)
  ? CHECKOUT + process.execPath.slice(repository.length)
  : process.execPath

/** Why no program of this checkout runs under another uid; shown as skipped. False where one does. */
export const UNREADABLE: string | false =
  process.getuid?.() === 0 && !readableByOthers(CHECKOUT) ? 'the files of this checkout are their owner’s alone' : false

function readableByOthers(root: string): boolean {
  const files = ['package.json', 'src/cli/main.ts', 'node_modules/koffi/package.json'].map((path) => join(root, path))
  return files.every(
    (file) => spawnSync('/usr/bin/test', ['-r', file], { uid: 65_534, gid: 65_534, cwd: '/' }).status === 0,
  )
}

function shown(): string {
  const place = temporaryDirectory()
  for (const entry of readdirSync(repository, { withFileTypes: true })) {
    if (NOT_SHOWN.has(entry.name) || entry.isSymbolicLink()) continue
    const [from, at] = [join(repository, entry.name), join(place, entry.name)]
    if (statSync(from).isDirectory()) mkdirSync(at)
    else writeFileSync(at, '')
    // Read-only, so that nothing which clears the place away could reach through to the checkout.
    const mounted = spawnSync('/bin/mount', ['-o', 'bind,ro', from, at], { encoding: 'utf8' })
    if (mounted.status !== 0) throw new Error(mounted.stderr)
    cleanUp(() => void spawnSync('/bin/umount', ['-l', at]))
  }
  return place
}

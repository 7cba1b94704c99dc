/**
 * Suites that others wrote and that are no part of this repository: each lies in a directory of its name, or as a snapshot of
 * its git repository, `<owner>+<name>/repo`, below `FIREBREAK_SUITES` or beside this repository.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

const ROOT = join(import.meta.dirname, '..', '..')
const PLACES = [
  ...(process.env.FIREBREAK_SUITES === undefined ? [] : [process.env.FIREBREAK_SUITES]),
  join(ROOT, '..', 'shared', 'data'),
  join(ROOT, '..', '.mirror'),
]

/** Returns the files of one directory of a suite, by their names. */
export type SuiteFiles = (directory: string) => ReadonlyMap<string, Buffer>

/** Returns a suite by its repository on GitHub; undefined where it is not here. */
export function suiteFiles(owner: string, name: string): SuiteFiles | undefined {
  for (const place of PLACES) {
    const snapshot = join(place, `${owner}+${name}`, 'repo')
    if (existsSync(snapshot)) return (directory) => filesInGit(snapshot, directory)
    const whole = join(place, name)
    if (existsSync(whole)) return (directory) => filesIn(join(whole, directory))
  }
  return undefined
}

/** Returns why a suite is not run. */
export function absent(owner: string, name: string): string {
  return `${owner}/${name} is not here: FIREBREAK_SUITES names the directory that it lies in`
}

function filesIn(directory: string): ReadonlyMap<string, Buffer> {
  const files = readdirSync(directory, { withFileTypes: true }).filter((each) => each.isFile())
  return new Map(files.map(({ name }) => [name, readFileSync(join(directory, name))]))
}

/** Reads the blobs of one directory of the newest commit, all in one process of git’s. */
function filesInGit(repository: string, directory: string): ReadonlyMap<string, Buffer> {
  const git = (args: readonly string[], input?: string) => {
    const options = { maxBuffer: 64_000_000, ...(input !== undefined && { input }) }
    const ran = spawnSync('git', ['-C', repository, '-c', 'safe.directory=*', ...args], options)
    if (ran.status !== 0) throw new Error(`${repository}: ${ran.stderr}`)
    return ran.stdout
  }
  const listed = git(['ls-tree', '-z', 'HEAD', ...(directory === '' ? [] : [`${directory}/`])]).toString('utf8')
  const blobs = [...listed.matchAll(/\d+ blob ([0-9a-f]+)\t([^\0]+)/g)].map(([, id = '', path = '']) => ({ id, path }))
  const all = git(['cat-file', '--batch'], blobs.map(({ id }) => `${id}\n`).join(''))
  const files = new Map<string, Buffer>()
  let at = 0
  for (const { path } of blobs) {
    const end = all.indexOf('\n', at)
    const bytes = Number(all.toString('latin1', at, end).split(' ')[2])
    files.set(path.slice(path.lastIndexOf('/') + 1), all.subarray(end + 1, end + 1 + bytes))
    at = end + 1 + bytes + 1
  }
  return files
}

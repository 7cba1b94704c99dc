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

/** A suite that is here. */
export interface SuiteFiles {
  /** Returns the names of the files below a directory of it. */
  readonly list: (directory: string) => readonly string[]
  readonly read: (file: string) => Buffer
}

/** Returns a suite by its repository on GitHub; undefined where it is not here. */
export function suiteFiles(owner: string, name: string): SuiteFiles | undefined {
  for (const place of PLACES) {
    const snapshot = join(place, `${owner}+${name}`, 'repo')
    if (existsSync(snapshot)) return fromGit(snapshot)
    const directory = join(place, name)
    if (existsSync(directory))
      return {
        list: (below) => readdirSync(join(directory, below), { encoding: 'utf8' }).sort(),
        read: (file) => readFileSync(join(directory, file)),
      }
  }
  return undefined
}

/** Returns why a suite is not run. */
export function absent(owner: string, name: string): string {
  return `${owner}/${name} is not here: FIREBREAK_SUITES names the directory that it lies in`
}

function fromGit(directory: string): SuiteFiles {
  const git = (...args: readonly string[]) => {
    const ran = spawnSync('git', ['-C', directory, '-c', 'safe.directory=*', ...args], { maxBuffer: 64_000_000 })
    if (ran.status !== 0) throw new Error(`${directory}: ${ran.stderr}`)
    return ran.stdout
  }
  return {
    list: (below) =>
      git('ls-tree', '-z', '--name-only', 'HEAD', `${below}/`)
        .toString('utf8')
        .split('\0')
        .filter((path) => path !== '')
        .map((path) => path.slice(below.length + 1)),
    read: (file) => git('cat-file', 'blob', `HEAD:${file}`),
  }
}

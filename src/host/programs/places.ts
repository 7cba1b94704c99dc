/** Tells where programs lie on a host, and which of those places a cell may be shown. */
import { statSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { liesIn } from '../../model/host/host-paths.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { nameBytes } from '../../model/text/file-name.ts'
import { resolved, targetOf } from '../shown/looked-at.ts'

/** A person's working directory, PATH, home and variables, in which programs are looked up. */
export interface Surroundings {
  /** Directory in which the command is given, and relative names lie. */
  readonly cwd: string
  readonly path: string
  readonly home: string
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Directories that no cell may be shown: where a configuration is written. */
  readonly kept: readonly string[]
  /** Real paths of what may be shown with what lies below: the project, and what a person named by hand. */
  readonly roots: readonly string[]
  /** True where a person wrote the command, and no file of a project did. */
  readonly byHand: boolean
}

export function kindOfScript(file: string): 'node' | 'python' | undefined {
  const extension = extname(file)
  if (['.js', '.mjs', '.cjs', '.ts', '.mts', '.cts', '.jsx', '.tsx'].includes(extension)) return 'node'
  return extension === '.py' || extension === '.pyz' ? 'python' : undefined
}

/** Tells whether a path is of the host's system, which every cell sees at the same place. */
export function ofSystem(path: string): boolean {
  return /^\/(?:usr|bin|sbin|lib(?:32|64|x32)?)(?:\/|$)/.test(path)
}

/**
 * Tells whether a directory holds many things of many kinds: homes, and what the file system begins with. None is shown
 * whole.
 */
export function isBroad(directory: string, home: string): boolean {
  if (TOPS.has(directory) || /^\/(?:home|Users)\/[^/]+$/.test(directory)) return true
  return (
    liesIn(home, directory) ||
    homes().has(directory) ||
    ['.ssh', '.gnupg', '.aws'].some((name) => isThere(join(directory, name)))
  )
}

const TOPS = new Set(
  [
    '/',
    '/root',
    '/home',
    '/opt',
    '/srv',
    '/var',
    '/etc',
    '/tmp',
    '/var/tmp',
    '/var/lib',
    '/var/log',
    '/mnt',
    '/media',
    '/run',
    '/usr',
    '/usr/local',
  ].concat(['/Users', '/data', '/proc', '/dev', '/sys', '/boot', '/snap', '/work', '/workspace', '/workspaces']),
)

let known: ReadonlySet<string> | undefined

/** Returns the homes of people and services, where they are more than a word. passwd(5) */
function homes(): ReadonlySet<string> {
  known ??= new Set(
    textOf('/etc/passwd')
      .split('\n')
      .flatMap((line) => line.split(':')[5] ?? []),
  )
  return known
}

export function upwards(directory: string): readonly string[] {
  return dirname(directory) === directory ? [directory] : [directory, ...upwards(dirname(directory))]
}

/** Returns the directory and those above it, as far as none of them is broad. */
export function within(directory: string, home: string): readonly string[] {
  const all = upwards(directory)
  const end = all.findIndex((each) => isBroad(each, home))
  return end === -1 ? all : all.slice(0, end)
}

export function onPath(program: string, path: string): string | undefined {
  return path
    .split(':')
    .filter((directory) => directory.startsWith('/'))
    .map((directory) => join(directory, program))
    .find(isFile)
}

export function isFile(path: string): boolean {
  return statOf(path)?.isFile() === true
}

export function isDirectory(path: string): boolean {
  return statOf(path)?.isDirectory() === true
}

function isThere(path: string): boolean {
  return statOf(path) !== undefined
}

function statOf(path: string) {
  try {
    return statSync(nameBytes(path), { throwIfNoEntry: false })
  } catch {
    // Not for us, or a loop of links.
    return undefined
  }
}

/** Returns a file's text; empty where it is larger, is no regular file, or cannot be read. */
export function textOf(path: string, bytesMax = 1_048_576): string {
  const file = readPlainFile(nameBytes(path), bytesMax)
  return file?.whole === true ? file.bytes.toString('utf8') : ''
}

const LINKS_MAX = 40

/** Returns the place and each place that it leads to by links, as they are named; the last one is a file. */
export function hops(place: string): readonly string[] {
  const all = [place]
  for (let count = 0; count < LINKS_MAX; count++) {
    const last = all.at(-1) ?? place
    const target = targetOf(last)
    if (target === undefined || target === 'unreadable') break
    all.push(leadsTo(dirname(last), target))
  }
  return all
}

/** Returns the place by its names; where `..` leads up from what may be a link, as the kernel finds it. */
function leadsTo(directory: string, target: string): string {
  if (!target.split('/').includes('..')) return resolve(directory, target)
  return join(realOf(target.startsWith('/') ? dirname(target) : `${directory}/${dirname(target)}`), basename(target))
}

export function realOf(path: string): string {
  return resolved(path)
}

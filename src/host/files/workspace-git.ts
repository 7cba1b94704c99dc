/**
 * Finds where Git keeps what belongs to a working tree and lies outside of it. gitrepository-layout(5), git-worktree(1)
 */
import { lstatSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { liesIn } from '../../model/host/host-paths.ts'
import { readPlainFile } from '../../model/host/plain-file.ts'
import { nameBytes, shownName } from '../../model/text/file-name.ts'
import { realOf } from '../programs/places.ts'
import { WORKSPACE, type WorkspaceNote } from './workspace-note.ts'

/**
 * Returns what the cell will miss of the repositories in a workspace.
 *
 * @param directories those of the workspace that have a `.git`.
 */
export function gitNotes(lower: string, directories: readonly string[]): readonly WorkspaceNote[] {
  return directories.slice(0, REPOSITORIES_MAX).flatMap((directory) => {
    const git = join(directory, '.git')
    const stats = lstatSync(nameBytes(git), { throwIfNoEntry: false })
    if (stats?.isFile() === true) return pointedAt(lower, directory, git)
    return stats?.isDirectory() === true ? borrowed(lower, directory, git) : []
  })
}

const REPOSITORIES_MAX = 16
/** Bytes that are read of a file of Git: each holds a path or a few. */
const BYTES_MAX = 8_192

/** Notes what a worktree or a submodule lacks: its `.git` is a file that names the repository. */
function pointedAt(lower: string, directory: string, file: string): readonly WorkspaceNote[] {
  const written = /^gitdir: (.+)$/m.exec(textOf(file))?.[1]
  if (written === undefined) return []
  const own = resolve(directory, written)
  const isRelative = !written.startsWith('/')
  if (liesIn(own, lower) && isRelative) return []
  const common = textOf(join(own, 'commondir')).trim()
  const repository = common === '' ? own : resolve(own, common)
  const inCell = resolve(WORKSPACE, relative(lower, directory), written)
  const place = common === '' ? inCell : resolve(inCell, common)
  const isOwn = common === '' ? isSubmoduleOf(own, directory) : isWorktreeOf(own, repository, file)
  const kind = common === '' ? 'a submodule' : 'a worktree'
  const what = `${named(directory, lower)} is ${kind} of Git, whose repository lies elsewhere (${repository}): no git command works in its cell`
  return [{ what, fix: `${isOwn ? shownBy(place, repository) : UNKNOWN}${CLONE}` }]
}

const UNKNOWN = 'that place does not name it as its own, so that nobody is told to show it; '

/** Tells whether a repository knows of a worktree: a workspace's own `.git` may name any place of a person's. */
function isWorktreeOf(own: string, repository: string, file: string): boolean {
  const back = textOf(join(own, 'gitdir')).trim()
  return liesIn(realOf(own), join(realOf(repository), 'worktrees')) && realOf(resolve(own, back)) === realOf(file)
}

function isSubmoduleOf(own: string, directory: string): boolean {
  const back = /^\s*worktree\s*=\s*(.+)$/m.exec(textOf(join(own, 'config')))?.[1]?.trim()
  return back !== undefined && realOf(resolve(own, back)) === realOf(directory)
}

/** Notes objects that are another repository's: `git clone --shared`, `--reference`. */
function borrowed(lower: string, directory: string, git: string): readonly WorkspaceNote[] {
  const objects = join(git, 'objects')
  const lines = textOf(join(objects, 'info/alternates')).split('\n')
  return lines.flatMap((line) => {
    if (line === '' || line.startsWith('#')) return []
    const from = resolve(objects, line)
    if (liesIn(from, lower) && !line.startsWith('/')) return []
    const place = resolve(WORKSPACE, relative(lower, objects), line)
    const what = `${directory === lower ? 'its repository' : `the repository in ${named(directory, lower)}`} borrows its objects from ${from}, which its cell does not see: git finds no commit`
    const isOfGit = basename(realOf(from)) === 'objects' && textOf(join(dirname(realOf(from)), 'HEAD')) !== ''
    const show = isOfGit ? `show them, read-only: cell: { files: { ${place}: ${from} } }; or ` : ''
    return [{ what, fix: `${show}make it whole: git repack -a -d` }]
  })
}

/**
 * Returns how to show a repository read-only: what is written into it (an index, a commit, a hook) does not come to be.
 */
function shownBy(place: string, repository: string): string {
  return `to read its history: cell: { files: { ${place}: ${repository} }, env: { GIT_CONFIG_COUNT: "1", GIT_CONFIG_KEY_0: safe.directory, GIT_CONFIG_VALUE_0: "*", GIT_OPTIONAL_LOCKS: "0" } }; `
}

const CLONE = 'to commit in it, a clone as its workspace: git clone --no-hardlinks'

function named(directory: string, lower: string): string {
  return directory === lower ? 'it' : shownName(relative(lower, directory))
}

/** Returns the beginning of a plain file; empty otherwise. */
function textOf(file: string): string {
  return readPlainFile(nameBytes(file), BYTES_MAX, 'no')?.bytes.toString('utf8') ?? ''
}

/**
 * Tells what a file is to the programs of a host, whatever it is called: found by what stands in it and beside it. Runs
 * in a helper cell; every byte that is read here is the cell's.
 */
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs'
import { codeOf } from './error-code.ts'

/** The workspace as its cell saw it, and as it was given: what lands stands among both. */
interface Both {
  readonly merged: string
  readonly lower: string
  /** Directories that were looked at, and whether each is a repository: for as long as nothing in the trees changes. */
  readonly repositories?: Map<string, boolean>
}

/**
 * Returns which program acts on the file by itself, and when, for a person; undefined where none is known. `leadsTo`: the
 * path that a link names.
 */
export function actsOn(
  both: Both,
  path: string,
  mode: number,
  type: 'file' | 'directory' | 'symlink',
  leadsTo?: string,
): string | undefined {
  if (liesInRepository(both, path))
    return 'it lies in a repository of git, which runs commands that its configuration names'
  if (leadsTo !== undefined && liesInRepository(both, `${leadsTo}/`)) return 'a link to a repository of git'
  if (type !== 'file') return undefined
  // A shell runs a text without `#!` too, and git its hooks.
  if ((mode & 0o111) !== 0) return 'a program that can be started by its name'
  const read = readOf(both.merged + path)
  if (read === undefined) return 'it cannot be looked into'
  const { text, whole } = read
  if (/^\s*gitdir:/.test(text)) return 'git follows it to a repository'
  if (GIT_SECTION.test(text) && (GIT_COMMAND.test(text) || GIT_PROGRAMS.test(text) || text.includes('ext::')))
    return 'a configuration of git that names commands'
  if (isUnit(text)) return 'a desktop or systemd starts what it names'
  if (!whole && LIKE_CONFIGURATION.test(text)) return 'a configuration that is too large to be looked through'
  return undefined
}

/** A section of git's configuration, and a key whose value git runs, or takes for a place of what it runs. */
const GIT_SECTION =
  /\[[ \t]*(?:core|include|includeif|alias|filter|diff|merge|credential|gpg|pager|remote|submodule|url|uploadpack|receive|sequence|browser|mergetool|difftool|interactive|sendemail|hook|trailer|protocol|extensions|tar|init|man|guitool|gui|instaweb|web|lfs|gc|imap|svn|annex|maintenance)\b/i
const GIT_COMMAND =
  /^[ \t]*(?:\[[^\r\n]*\][ \t]*)?(?:(?:fsmonitor|hookspath|sshcommand|editor|pager|worktree|gitproxy|askpass|textconv|clean|smudge|process|driver|program|helper|path|cmd|command|packobjectshook|external|diff|vcs|uploadpack|receivepack|update|tool|alternaterefscommand|defaultkeycommand|difffilter|templatedir|tocmd|cccmd|headercmd|sendmailcmd|smtpserver|httpd|browser|viewer|allow|recentobjectshook|tunnel|authorsprog|[a-z-]+(?:command|cmd|hook|program|helper))[ \t]*(?:=|$)|[a-z0-9-]+[ \t]*=(?:[ \t"]|\\\r?\n)*!)/im

/** A section whose every key is a name for a command: of a pager, or of words that git runs as its own. */
const GIT_PROGRAMS = /\[[ \t]*(?:pager|alias)\b[^\]\r\n]*\](?:[ \t]*|[^[]*?\n[ \t]*)[a-z]/i

/** The first line of what git, systemd or a desktop reads as configuration, or nothing but space. */
const LIKE_CONFIGURATION = /^\s*(?:[#;]|\[[a-z0-9.-]+[\]\s]|[a-z][a-z0-9-]*[ \t]*(?:[=\r\n]|$)|$)/i

const UNIT_SECTION =
  /^[ \t]*\[(?:Desktop Entry|Unit|Service|Socket|Timer|Install|Path|Mount|Automount|Swap|Slice|Scope)\]/
const EXECUTES = /^[ \t]*Exec[A-Za-z]*[ \t]*=/m

/** Tells whether a text is a desktop file or a unit: by its first section, or by a later one where it names what to execute. */
function isUnit(text: string): boolean {
  let [isFirst, from] = [true, 0]
  while (from < text.length) {
    const end = text.indexOf('\n', from)
    const line = text.slice(from, end < 0 ? undefined : end)
    if (UNIT_SECTION.test(line)) return isFirst || EXECUTES.test(text)
    if (!/^[ \t\r]*(?:[#;]|$)/.test(line)) isFirst = false
    if (end < 0) return false
    from = end + 1
  }
  return false
}

/**
 * Tells whether the file lies in a repository, looked for as git does: at each directory above, by what it holds,
 * whatever its name. Of what is landed only a part may be, so that what stands in either tree is there.
 */
function liesInRepository(both: Both, path: string): boolean {
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
    const directory = path.slice(0, at)
    const is = both.repositories?.get(directory) ?? isRepository(both, directory)
    both.repositories?.set(directory, is)
    if (is) return true
    if (at === 0) break
  }
  return false
}

function isRepository({ merged, lower }: Both, directory: string): boolean {
  const holds = (name: string) => [merged, lower].some((tree) => stands(`${tree}${directory}/${name}`))
  return holds('HEAD') && (holds('commondir') || (holds('objects') && holds('refs')))
}

function stands(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined
  } catch (error) {
    // A path that is shut, or too long to be looked for, may be there.
    return !['ENOENT', 'ENOTDIR'].includes(codeOf(error))
  }
}

/** Bytes that are read of each changed file; and of one that begins as a configuration, which is read whole. */
const BEGINNING_BYTES = 16_384
const WHOLE_BYTES = 1024 ** 2

/** Reads a file, without its byte order mark. */
function readOf(path: string): { readonly text: string; readonly whole: boolean } | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const beginning = textIn(fd, BEGINNING_BYTES)
    if (beginning.whole || !LIKE_CONFIGURATION.test(beginning.text)) return beginning
    return textIn(fd, WHOLE_BYTES)
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

function textIn(fd: number, bytesMax: number): { readonly text: string; readonly whole: boolean } {
  const bytes = Buffer.alloc(bytesMax)
  const length = readSync(fd, bytes, 0, bytesMax, 0)
  return { text: bytes.toString('latin1', 0, length).replace(/^\xef\xbb\xbf/, ''), whole: length < bytesMax }
}

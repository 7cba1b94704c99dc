/**
 * Tells what a file is to the programs of a host, whatever it is called: found by what stands in it and beside it. Runs
 * in a helper cell; every byte that is read here is the cell's.
 */
import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs'

/** Returns which program acts on the file by itself, and when, for a person; undefined where none is known. */
export function actsOn(merged: string, path: string, mode: number, type: 'file' | 'directory' | 'symlink') {
  if (liesInRepository(merged, path))
    return 'it lies in a repository of git, which runs commands that its configuration names'
  if (type !== 'file') return undefined
  const head = beginningOf(merged + path)
  if (head === undefined) return 'it cannot be looked into'
  if (/^\s*gitdir:/.test(head)) return 'git follows it to a repository'
  if (GIT_SECTION.test(head) && GIT_COMMAND.test(head)) return 'a configuration of git that names commands'
  if (DESKTOP.test(head)) return 'a desktop starts what it names'
  if ((mode & 0o111) !== 0 && (head.startsWith('#!') || head.startsWith('\x7fELF')))
    return 'a program that can be started by its name'
  return undefined
}

/** A section of git's configuration, and a key whose value git runs, or takes for a place of what it runs. */
const GIT_SECTION =
  /^[ \t]*\[[ \t]*(?:core|include|includeif|alias|filter|diff|merge|credential|gpg|pager|remote|submodule|url|uploadpack|receive|sequence|browser|mergetool|difftool|interactive|sendemail|hook|trailer|protocol|extensions)\b[^\n]*\]/im
const GIT_COMMAND =
  /^[ \t]*(?:\[[^\n]*\][ \t]*)?(?:(?:fsmonitor|hookspath|sshcommand|editor|pager|worktree|gitproxy|askpass|textconv|clean|smudge|process|driver|program|helper|path|cmd|command|packobjectshook|external|diff|vcs|uploadpack|receivepack|update|tool|alternaterefscommand|defaultkeycommand)[ \t]*(?:=|$)|[a-z0-9-]+[ \t]*=[ \t]*"?!)/im
const DESKTOP = /^(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*\[(?:Desktop Entry|Unit|Service|Socket|Timer)\]/

/**
 * Tells whether the file lies in a repository, looked for as git does: at each directory above, by what it holds,
 * whatever its name.
 */
function liesInRepository(merged: string, path: string): boolean {
  for (let at = path.lastIndexOf('/'); at >= 0; at = path.lastIndexOf('/', at - 1)) {
    const directory = merged + path.slice(0, at)
    if (stands(`${directory}/HEAD`)) {
      if (stands(`${directory}/commondir`) || (stands(`${directory}/objects`) && stands(`${directory}/refs`)))
        return true
    }
    if (at === 0) break
  }
  return false
}

function stands(path: string): boolean {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

/** Bytes that are read of each changed file. */
const LOOKED_AT_BYTES = 16_384

function beginningOf(path: string): string | undefined {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const bytes = Buffer.alloc(LOOKED_AT_BYTES)
    return bytes.toString('latin1', 0, readSync(fd, bytes))
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

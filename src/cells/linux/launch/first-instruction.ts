/**
 * The first program of a cell, before its command: a wait for pid 1 to have put on its own filter.
 *
 * bubblewrap forks, and each half loads the filter for itself: the command can be running while pid 1, which has the
 * same uid and can be written to through /proc/1/mem, still has none. Whoever took it over in that moment would keep a
 * process without a filter. (Seen: once in some tens of launches on a busy machine.) Shell builtins only: nothing is
 * started, and what follows is the same process.
 */
import { execFileSync } from 'node:child_process'
import { realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CELL_USER, type RootSpec } from '../../spec.ts'

export function afterFilter(command: readonly string[], shell: Shell, home?: string): readonly string[] {
  const first = home === undefined ? EXEC : `${settled(home)}${EXEC}`
  return [...shell.words, '-c', `${WAIT}${first}`, 'sh', ...command]
}

/** Copies the files that a home begins with, as the cell itself: it may change them. */
function settled(home: string): string {
  return `/bin/cp -R '${home}/.' ${CELL_USER.home} || { echo 'the files that its home begins with cannot be copied' >&2; exit 126; }\n`
}

/** A command that waits, and what it needs. */
export interface Shell {
  readonly words: readonly string[]
  /** Files that must be shown in the cell for it. */
  readonly binds: readonly { readonly from: string; readonly to: string; readonly writable: false }[]
}

export function shellFor(root: RootSpec): Shell {
  if (root.kind === 'host-usr') return { words: [SHELL], binds: [] }
  brought ??= broughtShell()
  return brought
}

const SHELL = '/bin/sh'
let brought: Shell | undefined

/**
 * A root file system of its own may be the attacker's, and its shell need not wait. (Seen: one launch in ten won.) So it
 * is the host's shell that waits there, with the loader and the libraries that ldd(1) names, in a place that no image
 * can hold: /dev is made anew. What would have the loader load something of the image's is refused in check.ts.
 */
function broughtShell(): Shell {
  const shell = realpathSync(SHELL)
  const linked = [...librariesOf(shell).matchAll(/(?:^|=>)\s*(\/\S+) \(/gm)].map(([, path = '']) => path)
  const at = (path: string): string => join(BROUGHT, basename(path))
  const binds = [shell, ...linked].map((path) => ({ from: realpathSync(path), to: at(path), writable: false as const }))
  const loader = linked.find((path) => /^ld[-.]/.test(basename(path)))
  if (loader === undefined) return { words: [at(shell)], binds }
  return { words: [at(loader), '--library-path', BROUGHT, at(shell)], binds }
}

const BROUGHT = '/dev/firebreak'

function librariesOf(program: string): string {
  try {
    return execFileSync('/usr/bin/ldd', [program], {
      encoding: 'utf8',
      env: {},
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  } catch {
    // A program that needs none.
    return ''
  }
}

/** Waits until pid 1 has its filter: 2 in `status` of proc(5). */
const WAIT = `while :; do
while read -r key value; do [ "$key" = Seccomp: ] && break; done < /proc/1/status
[ "$value" = 2 ] && break
done
unset key value
`
const EXEC = 'exec "$@"'

/**
 * The options of bubblewrap for one cell: pure. They go over a descriptor, because every user of the host can read a
 * command line, and a variable may be a secret. bwrap(1)
 */

import { CELL_USER, type CellSpec } from '../../spec.ts'

export const BUBBLEWRAP = '/usr/bin/bwrap'

/** The mounts that the warden has made ready, and the shape of this host's root. */
export interface PreparedMounts {
  readonly etc: string
  /** Sources as the cell's uid can reach them. */
  readonly binds: readonly { readonly from: string; readonly to: string; readonly writable: boolean }[]
  /** Directory that the cell sees as /usr. */
  readonly usr: string
  /** /bin, /lib and so on as this host has them. */
  readonly rootLinks: readonly { readonly path: string; readonly target?: string }[]
  /** Files of /proc to cover, of those that exist here. */
  readonly covered: readonly string[]
  readonly infoFd: number
  readonly blockFd: number
  readonly filterFd: number
  /** A terminal keeps the session that was made for it. */
  readonly newSession: boolean
}

export function bubblewrapOptions(spec: CellSpec, prepared: PreparedMounts): readonly string[] {
  const temporaryBytes = spec.limits.temporaryBytes ?? Math.floor(spec.limits.memoryBytes / 2)
  const scratch = (mode: string, path: string) => ['--perms', mode, '--size', `${temporaryBytes}`, '--tmpfs', path]
  const home = spec.root.kind === 'host-usr' ? ['--dir', '/home', ...scratch('0700', CELL_USER.home)] : []
  return [
    ...['--unshare-user', '--unshare-pid', '--unshare-net', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup'],
    ...['--uid', `${CELL_USER.uid}`, '--gid', `${CELL_USER.gid}`, '--hostname', 'cell'],
    ...['--die-with-parent', '--cap-drop', 'ALL'],
    ...(prepared.newSession ? ['--new-session'] : []),
    ...['--info-fd', `${prepared.infoFd}`, '--block-fd', `${prepared.blockFd}`, '--seccomp', `${prepared.filterFd}`],
    ...rootOptions(spec, prepared),
    ...['--proc', '/proc', ...prepared.covered.flatMap((path) => ['--ro-bind', '/dev/null', path])],
    ...['--dev', '/dev', ...scratch('1777', '/dev/shm')],
    ...scratch('1777', '/tmp'),
    ...home,
    ...prepared.binds.flatMap(({ from, to, writable }) => [writable ? '--bind' : '--ro-bind', from, to]),
    // Last: what is bound below them has a place of its own made there.
    ...['--remount-ro', '/dev', '--remount-ro', '/'],
    ...['--chdir', spec.workingDirectory ?? spec.workspace?.at ?? '/'],
    '--clearenv',
    ...Object.entries(spec.variables).flatMap(([name, value]) => ['--setenv', name, value]),
  ]
}

function rootOptions(spec: CellSpec, prepared: PreparedMounts): readonly string[] {
  if (spec.root.kind === 'directory') return ['--ro-bind', spec.root.path, '/']
  const links = prepared.rootLinks.flatMap(({ path, target }) =>
    target === undefined ? ['--ro-bind', path, path] : ['--symlink', target, path],
  )
  return [
    ...['--ro-bind', prepared.usr, '/usr', ...links, '--ro-bind', prepared.etc, '/etc'],
    ...['--dir', '/var', '--symlink', '../tmp', '/var/tmp', '--dir', '/run'],
  ]
}

import { existsSync, realpathSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'

/**
 * Returns the command of a play on a stage: a network of its own that has loopback and nothing else, whose names its own world
 * answers. `bare`: the host is read-only but for the directory, for an agent that nothing else holds.
 */
export function onStage(directory: string, kind: 'bare' | 'whole', command: readonly string[]): readonly string[] {
  const written = { 'resolv.conf': 'nameserver 127.0.0.1\n', 'nsswitch.conf': 'hosts: files dns\n' }
  const shown = Object.entries(written).flatMap(([name, text]) => {
    const file = join(directory, name)
    writeFileSync(file, text)
    const place = join('/etc', name)
    return existsSync(place) ? ['--ro-bind', file, realpathSync(place)] : []
  })
  const host =
    kind === 'bare'
      ? ['--ro-bind', '/', '/', ...OWN_PARTS, '--bind', directory, directory, '--unshare-pid', '--unshare-ipc']
      : ['--dev-bind', '/', '/']
  // Ports below 1024 are the world's, and root's: a user is root on the stage, over nothing but the stage.
  const root = isRoot() ? [] : ['--unshare-user', '--uid', '0', '--gid', '0']
  const powers = kind === 'bare' ? ['--cap-drop', 'ALL', '--cap-add', 'CAP_NET_BIND_SERVICE'] : ['--cap-add', 'ALL']
  return ['bwrap', ...host, ...shown, ...root, ...powers, '--unshare-net', '--die-with-parent', '--', ...command]
}

/** Parts of the host that a bare play has its own of: sockets of services are in `/run`. */
const OWN_PARTS: readonly string[] = ['--tmpfs', '/run', '--dev', '/dev', '--proc', '/proc']

/** Returns a command as it is run on a stage by a user who is root there, and is to be nobody but themself. */
export function asUser(command: readonly string[], { uid, gid }: StageUser): readonly string[] {
  if (uid === 0) return command
  return ['bwrap', '--dev-bind', '/', '/', '--unshare-user', '--uid', `${uid}`, '--gid', `${gid}`, '--', ...command]
}

/** Ids on the host. */
export interface StageUser {
  readonly uid: number
  readonly gid: number
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** Asks the kernel for what a warden of profile `full` needs of root: uid 0 alone says little in a container. */
import { execFileSync } from 'node:child_process'
import {
  accessSync,
  closeSync,
  existsSync,
  constants as fsConstants,
  mkdtempSync,
  readFileSync,
  rmdirSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { attachMount, makePrivate, newMount, type SystemFault, systemFaultText, unmount } from '../../kernel/libc.ts'
import { UID_FIRST, UID_LAST } from '../../kernel/uid.ts'
import { BUBBLEWRAP } from '../launch/bubblewrap.ts'

/** capabilities(7): the number of each that a launch, a stop or a teardown needs. */
const CAPABILITIES = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
} as const

/** Returns why this process is not the root that profile `full` needs, in some words; undefined where it is. */
export function lacksOfRoot(): string | undefined {
  if (process.getuid?.() !== 0) return `this is uid ${process.getuid?.()}`
  const lacking = lackingCapabilities(readFileSync('/proc/self/status', 'utf8'))
  if (lacking.length > 0) return `this root has no ${lacking.join(', ')}`
  if (!mapsCells(readFileSync('/proc/self/uid_map', 'utf8')))
    return `this root is one of a user namespace without the uids ${UID_FIRST} to ${UID_LAST}`
  return undefined
}

/**
 * Returns what `lacksOfRoot` does, or why mounts cannot be made: a filter of system calls may forbid what capabilities
 * allow.
 */
export function lacksOfRootTried(): string | undefined {
  return lacksOfRoot() ?? mountFault()
}

/** Returns the names of those `CAPABILITIES` that are not effective by the text of a /proc/<pid>/status. */
export function lackingCapabilities(status: string): readonly string[] {
  const effective = BigInt(`0x${/^CapEff:\t([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return Object.entries(CAPABILITIES)
    .filter(([, number]) => (effective & (1n << BigInt(number))) === 0n)
    .map(([name]) => name)
}

/** Tells whether a uid_map has every uid that a cell may get. Lines of "inside outside count"; user_namespaces(7) */
export function mapsCells(map: string): boolean {
  return map.split('\n').some((line) => {
    const [inside = Number.NaN, , count = 0] = line.trim().split(/\s+/).map(Number)
    return inside <= UID_FIRST && inside + count > UID_LAST
  })
}

/** Makes and takes away what every launch mounts: a private directory, and a file system of its own in it. */
function mountFault(): string | undefined {
  const place = mkdtempSync(join(tmpdir(), 'firebreak-probe-'))
  const mounted: string[] = []
  try {
    // Of what is no mount the kernel says EINVAL; what is mounted here must be taken away again.
    const away = unmount(place, true)
    if (!away.ok && away.reason.errno !== constants.errno.EINVAL) return cannot(away.reason)
    const own = makePrivate(place)
    if (!own.ok) return cannot(own.reason)
    mounted.push(place)
    const made = newMount('tmpfs', [], { nosuid: true, nodev: true })
    if (!made.ok) return cannot(made.reason)
    const attached = attachMount(made.value, place)
    closeSync(made.value)
    if (!attached.ok) return cannot(attached.reason)
    mounted.push(place)
    return undefined
  } finally {
    for (const path of mounted) unmount(path, true)
    rmdirSync(place)
  }
}

function cannot(fault: SystemFault): string {
  return `this root cannot mount: ${systemFaultText(fault)}`
}

/** Returns what a person can do about a root that lacks something. */
export function rootFix(): string {
  const more =
    process.getuid?.() === 0
      ? 'give it to this root (docker: --privileged, or --cap-add SYS_ADMIN --cap-add SYS_PTRACE --security-opt seccomp=unconfined)'
      : 'run it as root for the full profile'
  const fault = startFault({})
  return fault === undefined
    ? `${more}; or write "profile: user" in the configuration, which works here and is weaker: firebreak doctor tells by what`
    : `${more}; "profile: user" does not work here, either (${fault}): ${userNamespaceFix()}`
}

/** Starts bubblewrap as a cell is started, as `ids`; absent: as this process. Returns what it said where that failed. */
export function startFault(ids: { readonly uid?: number; readonly gid?: number }): string | undefined {
  const root = ['--ro-bind', '/usr', '/usr', '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64']
  const options = ['--unshare-user', '--unshare-pid', '--unshare-net', ...root, '--proc', '/proc', '/usr/bin/true']
  try {
    execFileSync(BUBBLEWRAP, options, { ...ids, cwd: '/', env: {}, stdio: 'pipe', timeout: 5_000 })
    return undefined
  } catch (error) {
    const words = error instanceof Error && 'stderr' in error ? String(error.stderr ?? '').trim() : ''
    if (words !== '') return words
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return 'bubblewrap is not installed'
    return `bubblewrap starts no cell${code === undefined || code === null ? '' : ` (${BUBBLEWRAP}: ${String(code)})`}`
  }
}

/**
 * Returns what a person can do where bubblewrap starts no cell, by what the kernel's files say: the first of them that
 * forbids user namespaces. `setting` reads one of them, and returns '' for one that is not there.
 */
export function userNamespaceFix(setting: (path: string) => string = trimmed): string {
  if (!executable(BUBBLEWRAP)) return 'apt-get install bubblewrap (0.8 or newer), which everybody may execute'
  // Ubuntu 23.10 and newer let only programs with an AppArmor profile make user namespaces.
  if (setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1') {
    return 'AppArmor restricts user namespaces: install an AppArmor profile for /usr/bin/bwrap that allows userns (apparmor-profiles has bwrap-userns-restrict)'
  }
  if (setting('/proc/sys/kernel/unprivileged_userns_clone') === '0') return 'sysctl kernel.unprivileged_userns_clone=1'
  if (setting('/proc/sys/user/max_user_namespaces') === '0') return 'sysctl user.max_user_namespaces=10000'
  if (setting('/sys/fs/selinux/enforce') === '1')
    return 'SELinux is enforcing: ausearch -m avc -c bwrap tells whether it refused, and audit2allow what would let it; in a container also: an unmasked /proc and user namespaces'
  return 'in a container: allow user namespaces and an unmasked /proc (docker: --security-opt seccomp=unconfined --security-opt systempaths=unconfined)'
}

function trimmed(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : ''
}

function executable(path: string): boolean {
  try {
    accessSync(path, fsConstants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * A look at this host: its abilities, tried rather than guessed, and the promises that hold under each profile because
 * of them.
 */

import { execFileSync } from 'node:child_process'
import { closeSync, existsSync, readFileSync } from 'node:fs'
import process from 'node:process'
import type { Ability, Finding, HostReport } from '../../abilities.ts'
import { newMount } from '../../kernel/libc.ts'
import { BUBBLEWRAP } from '../launch/bubblewrap.ts'
import { CGROUP_PARENT } from '../limits/cgroup.ts'
import { openCgroups } from '../limits/cgroup-host.ts'
import { filterProgram } from '../seccomp/filter.ts'
import { lacksOfRootTried, rootFix, startFault, userNamespaceFix } from '../view/root.ts'
import { anyAddressFault } from './any-address.ts'

export function probeHost(): HostReport {
  const lacking = lacksOfRootTried()
  const root = lacking === undefined
  const findings = [rootFinding(lacking), ...programFindings(), ...kernelFindings(root), ...cgroupFindings()]
  const has = new Set(findings.filter(({ holds }) => holds).map(({ ability }) => ability))
  const promises = PROMISES.map(({ promise, needs }) => {
    const lacking = {
      full: needs.full.filter((ability) => !has.has(ability)),
      user: (needs.user ?? ['root']).filter((ability) => !has.has(ability) || needs.user === undefined),
    }
    return {
      promise,
      lacking,
      holds: { full: lacking.full.length === 0, user: lacking.user.length === 0 && needs.user !== undefined },
    }
  })
  const cell = CELL.every((ability) => has.has(ability))
  return {
    kernel: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    findings,
    promises,
    ...(cell ? { profile: FULL.every((ability) => has.has(ability)) ? 'full' : 'user' } : {}),
  }
}

/** Abilities of a host without which no cell starts. */
const CELL: readonly Ability[] = ['bubblewrap', 'user-namespaces', 'seccomp', 'util-linux']

/** Abilities of a host without which no cell starts under profile `full`. */
const FULL: readonly Ability[] = ['root', 'cgroup-freeze', 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids']

/** `user` absent: the promise does not hold without root, whatever else the host has. */
const PROMISES: readonly {
  readonly promise: string
  readonly needs: { readonly full: readonly Ability[]; readonly user?: readonly Ability[] }
}[] = [
  { promise: 'S1 no way out: namespaces, filter, minimal root', needs: { full: ['root', ...CELL], user: CELL } },
  {
    promise: 'S3 private workspace over the owner’s files',
    needs: { full: ['root', ...CELL, 'overlay', 'owner-map'], user: [...CELL, 'overlay'] },
  },
  { promise: 'S3 a host uid of its own for each cell', needs: { full: ['root', ...CELL] } },
  {
    promise: 'S8 frozen and killed, on the kernel’s word',
    needs: { full: ['root', ...CELL, 'cgroup-freeze'], user: [...CELL, 'cgroup-freeze'] },
  },
  { promise: 'S13 gone means gone', needs: { full: ['root', ...CELL, 'cgroup-freeze'], user: CELL } },
  {
    promise: 'S17 memory, cpu and processes',
    needs: {
      full: ['root', ...CELL, 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'],
      user: [...CELL, 'cgroup-memory', 'cgroup-cpu', 'cgroup-pids'],
    },
  },
  {
    promise: 'S17 locks, open files and queues that no cgroup counts',
    needs: { full: ['root', ...CELL, 'kernel-counts'], user: [...CELL, 'kernel-counts'] },
  },
  { promise: 'S17 disk of a workspace', needs: { full: ['root', ...CELL, 'disk-images'] } },
  { promise: 'S17 disk throughput', needs: { full: ['root', ...CELL, 'cgroup-io'] } },
]

function finding(ability: Ability, holds: boolean, why: string, fix: string): Finding {
  return holds ? { ability, holds, why } : { ability, holds, why, fix }
}

function rootFinding(lacking: string | undefined): Finding {
  return finding('root', lacking === undefined, lacking ?? 'uid 0, which may mount and change uids', rootFix())
}

function programFindings(): readonly Finding[] {
  const version = output(BUBBLEWRAP, ['--version'])
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(version ?? '') ?? []
  const tools = ['/usr/bin/prlimit', '/usr/bin/setsid', '/usr/bin/unshare', '/usr/bin/nsenter'].filter(
    (path) => !existsSync(path),
  )
  return [
    finding(
      'bubblewrap',
      Number(major) > 0 || Number(minor) >= 8,
      version ?? 'not installed',
      'apt-get install bubblewrap (0.8 or newer)',
    ),
    finding(
      'util-linux',
      tools.length === 0,
      tools.length === 0 ? 'prlimit, setsid, unshare, nsenter' : `missing: ${tools.join(' ')}`,
      'apt-get install util-linux',
    ),
  ]
}

function kernelFindings(root: boolean): readonly Finding[] {
  const filter = filterProgram(process.arch)
  const modes = /^Seccomp:/m.test(readFileSync('/proc/self/status', 'utf8'))
  const overlay = readFileSync('/proc/filesystems', 'utf8').includes('overlay') || canMake('overlay')
  const [major = 0, minor = 0] = readFileSync('/proc/sys/kernel/osrelease', 'utf8').split('.').map(Number)
  const maps = major > 5 || (major === 5 && minor >= 19)
  const loop =
    existsSync('/dev/loop-control') && ['/usr/sbin/mkfs.ext4', '/sbin/mkfs.ext4'].some((path) => existsSync(path))
  return [
    userNamespaces(root),
    anyAddress(root),
    kernelCounts(),
    finding(
      'seccomp',
      filter !== undefined && modes,
      `${process.arch}, ${modes ? 'in this kernel' : 'not in this kernel'}`,
      'a kernel with CONFIG_SECCOMP_FILTER on x86-64 or arm64',
    ),
    finding('overlay', overlay, overlay ? 'in this kernel' : 'not in this kernel', 'modprobe overlay'),
    finding('owner-map', maps, `kernel ${major}.${minor}`, 'a kernel of 5.19 or newer, for idmapped lower layers'),
    finding(
      'disk-images',
      loop,
      loop ? 'loop devices and mkfs.ext4' : 'no loop devices or no mkfs.ext4',
      'modprobe loop; apt-get install e2fsprogs',
    ),
  ]
}

/** Tries whether every address of a cell can be made to lead to its gateway. */
function anyAddress(root: boolean): Finding {
  const fault = anyAddressFault(root)
  return finding(
    'any-address',
    fault === undefined,
    fault ?? 'every address of a cell can lead to its gateway',
    root
      ? 'give this root CAP_NET_ADMIN and CAP_NET_BIND_SERVICE (docker: --cap-add NET_ADMIN --cap-add NET_BIND_SERVICE)'
      : userNamespaceFix(),
  )
}

/** Tells whether the files can be read in which `uncounted/` counts what a cell holds of the kernel. */
function kernelCounts(): Finding {
  const unread = ['/proc/locks', '/proc/sys/fs/file-nr', '/proc/self/net/netlink', '/proc/self/fdinfo/0'].filter(
    (path) => output('/usr/bin/head', ['-c', '1', path]) === undefined,
  )
  return finding(
    'kernel-counts',
    unread.length === 0,
    unread.length === 0 ? 'locks, open files, queues of sockets' : `cannot be read: ${unread.join(' ')}`,
    'in a container: an unmasked /proc (docker: --security-opt systempaths=unconfined)',
  )
}

/**
 * Tries user namespaces with bubblewrap itself, as the uid that a cell would be started as here: an unprivileged one,
 * or without root this one.
 */
function userNamespaces(root: boolean): Finding {
  const fault = startFault(root ? { uid: 65_534, gid: 65_534 } : {})
  if (fault === undefined) return finding('user-namespaces', true, 'bubblewrap starts a cell', '')
  return finding('user-namespaces', false, fault, userNamespaceFix())
}

function cgroupFindings(): readonly Finding[] {
  const host = openCgroups(CGROUP_PARENT)
  const freeze = finding(
    'cgroup-freeze',
    host.unified !== undefined,
    host.unified ?? 'no cgroup2 that we may write to',
    'mount cgroup2 where it can be written to (in a container: a writable /sys/fs/cgroup), or have a group delegated (systemd: Delegate=yes)',
  )
  const controllers = (['memory', 'cpu', 'pids', 'io'] as const).map((controller) => {
    const at = host.controllers[controller]
    const half = controller === 'io' && at?.version === 1
    const found = at ? `v${at.version} at ${at.directory}` : 'no hierarchy that we may write to'
    return finding(
      `cgroup-${controller}`,
      at !== undefined && !half,
      half ? `${found}: buffered writes are not limited` : found,
      `enable the ${controller} controller; without root have it delegated (systemd: Delegate=${controller})`,
    )
  })
  return [freeze, ...controllers]
}

function canMake(type: string): boolean {
  // Asking for it loads the module.
  const made = newMount(type, [], { nosuid: true, nodev: true })
  if (made.ok) closeSync(made.value)
  return readFileSync('/proc/filesystems', 'utf8').includes(type)
}

function output(program: string, args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: 'utf8', timeout: 5_000, stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return undefined
  }
}

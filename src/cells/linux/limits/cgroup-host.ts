/** The cgroup hierarchies of this host, and their places: pure over /proc/self/mountinfo, then one look at each. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { CellLimits } from '../../spec.ts'

export type Controller = 'memory' | 'cpu' | 'pids' | 'io'

export interface CgroupHost {
  /** The cgroup2 mount (of a pure or a hybrid host): freeze and kill. */
  readonly unified?: string
  readonly controllers: Readonly<Partial<Record<Controller, { readonly version: 1 | 2; readonly directory: string }>>>
}

/** Returns where each controller can be used, after making the parent group `parent` in every hierarchy. */
export function openCgroups(parent: string): CgroupHost {
  const mounts = cgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  const unified = usableRoot(mounts.find((mount) => mount.version === 2)?.directory, parent)
  const controllers: Partial<Record<Controller, { version: 1 | 2; directory: string }>> = {}
  for (const controller of CONTROLLERS) {
    const v1 = mounts.find((mount) => mount.version === 1 && mount.controllers.includes(V1_NAMES[controller]))
    if (v1 && made(join(v1.directory, parent))) controllers[controller] = { version: 1, directory: v1.directory }
  }
  if (unified === undefined) return { controllers }
  const offered = words(join(unified, 'cgroup.controllers'))
  for (const controller of CONTROLLERS.filter((name) => offered.includes(name))) {
    const enabled = [unified, join(unified, parent)].every((directory) => enable(directory, controller))
    if (enabled) controllers[controller] ??= { version: 2, directory: unified }
  }
  return { unified, controllers }
}

export interface CgroupMount {
  readonly directory: string
  readonly version: 1 | 2
  /** v1 only: the options that name controllers. */
  readonly controllers: readonly string[]
}

/** proc(5), mountinfo: the fields after " - " are type, source and super block options. */
export function cgroupMounts(mountinfo: string): readonly CgroupMount[] {
  return mountinfo.split('\n').flatMap((line): CgroupMount[] => {
    const [before = '', after = ''] = line.split(' - ')
    const [type, , options = ''] = after.split(' ')
    const directory = before.split(' ')[4]
    if (directory === undefined) return []
    if (type === 'cgroup2') return [{ directory, version: 2, controllers: [] }]
    if (type === 'cgroup') return [{ directory, version: 1, controllers: options.split(',') }]
    return []
  })
}

/**
 * The hierarchy's root, or, for a warden without root, the group it lives in where that was delegated to it (freeze and
 * kill work there; limits only if somebody enabled the controllers for it).
 */
function usableRoot(mount: string | undefined, parent: string): string | undefined {
  if (mount === undefined) return undefined
  const own = /^0::(.+)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1] ?? '/'
  return [mount, join(mount, own)].find((root) => made(join(root, parent)))
}

const CONTROLLERS: readonly Controller[] = ['memory', 'cpu', 'pids', 'io']
const V1_NAMES: Record<Controller, string> = { memory: 'memory', cpu: 'cpu', pids: 'pids', io: 'blkio' }

function made(directory: string): boolean {
  try {
    mkdirSync(directory, { recursive: true })
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}

function enable(directory: string, controller: Controller): boolean {
  try {
    writeFileSync(join(directory, 'cgroup.subtree_control'), `+${controller}`)
  } catch {
    // Refused where it was delegated already, or not to us: what counts is whether it is on.
  }
  return words(join(directory, 'cgroup.subtree_control')).includes(controller)
}

function words(path: string): readonly string[] {
  try {
    return readFileSync(path, 'utf8').trim().split(' ')
  } catch {
    return []
  }
}

/**
 * Returns the files to write, and their contents, in this order: the memory limit must stand before the one that
 * includes swap.
 */
export function cgroupSettings(
  controller: Controller,
  version: 1 | 2,
  limits: CellLimits,
  disk: string | undefined,
): readonly (readonly [string, string])[] {
  const { memoryBytes, cpu, pids, io } = limits
  const quotaUs = Math.max(1_000, Math.round(cpu * PERIOD_US))
  switch (controller) {
    case 'memory':
      return version === 2
        ? [
            ['memory.max', `${memoryBytes}`],
            ['memory.swap.max', '0'],
          ]
        : [
            ['memory.limit_in_bytes', `${memoryBytes}`],
            ['memory.memsw.limit_in_bytes', `${memoryBytes}`],
            [TCP_LIMIT, `${Math.floor(memoryBytes / TCP_SHARE)}`],
          ]
    case 'cpu':
      return version === 2
        ? [['cpu.max', `${quotaUs} ${PERIOD_US}`]]
        : [
            ['cpu.cfs_period_us', `${PERIOD_US}`],
            ['cpu.cfs_quota_us', `${quotaUs}`],
          ]
    case 'pids':
      return [['pids.max', `${pids}`]]
    case 'io': {
      const wanted = [
        ['rbps', 'blkio.throttle.read_bps_device', io?.readBytesPerSecond],
        ['wbps', 'blkio.throttle.write_bps_device', io?.writeBytesPerSecond],
        ['riops', 'blkio.throttle.read_iops_device', io?.readsPerSecond],
        ['wiops', 'blkio.throttle.write_iops_device', io?.writesPerSecond],
      ] as const
      const given = wanted.filter(([, , value]) => value !== undefined)
      return version === 2
        ? [['io.max', `${disk} ${given.map(([key, , value]) => `${key}=${value}`).join(' ')}`]]
        : given.map(([, file, value]) => [file, `${disk} ${value}`] as const)
    }
  }
}

/**
 * Version 1 counts the buffers of sockets beside the memory limit, and only once this is set: a cell of 32 MiB could
 * hold gigabytes in connections to itself, of the one amount that all TCP on the host draws on.
 */
export const TCP_LIMIT = 'memory.kmem.tcp.limit_in_bytes'
/** An eighth of the memory limit, beside it: 64 MiB of 512, where a busy connection takes a few. */
const TCP_SHARE = 8
/** The kernel's default; a shorter one wakes the scheduler more often than it helps. */
const PERIOD_US = 100_000

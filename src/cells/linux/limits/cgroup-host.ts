/** The cgroup hierarchies of this host, and their places: pure over /proc/self/mountinfo, then one look at each. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

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

import { readFileSync } from 'node:fs'
import type { CellLimits } from '../spec.ts'

/** util-linux; it limits itself and becomes the command that follows. */
const PRLIMIT = '/usr/bin/prlimit'
const DESCRIPTORS_DEFAULT = 4_096

/**
 * The words to put before a command so that it, and all it forks, runs under these limits; none can be raised again.
 * Not prlimit(2) from outside: that needs CAP_SYS_RESOURCE, which root in a container does not have.
 */
export function limitedCommand(limits: CellLimits): readonly string[] {
  return [
    PRLIMIT,
    `--nofile=${descriptorsFor(limits)}`,
    // Not 0: a core_pattern that pipes into a host program, run as root, ignores 0 and honours 1. core(5)
    '--core=1',
    '--memlock=65536',
    '--rtprio=0',
  ]
}

/** Returns how many descriptors each process of a cell with these limits may have. */
export function descriptorsFor(limits: CellLimits): number {
  return Math.min(limits.descriptors ?? DESCRIPTORS_DEFAULT, ownDescriptorsMax())
}

/**
 * Returns this process's own hard limit of descriptors, which nobody can raise without CAP_SYS_RESOURCE. proc(5),
 * limits.
 */
function ownDescriptorsMax(): number {
  const hard = /^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
  return hard === undefined ? Number.POSITIVE_INFINITY : Number(hard)
}

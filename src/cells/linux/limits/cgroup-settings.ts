import type { CellLimits } from '../../spec.ts'
import type { Controller } from './cgroup-host.ts'

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

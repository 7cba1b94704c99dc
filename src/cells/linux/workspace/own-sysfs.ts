import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import process from 'node:process'
import { no, ok, type Result } from '../../../model/result.ts'
import { enterNamespace, newMount, newNetwork, systemFaultText } from '../../kernel/libc.ts'

/**
 * Returns a path at which /sys can be written to, on a host whose own is read-only: one sysfs belongs to each network
 * namespace, so it is made in a new one. It stands nowhere but behind a descriptor of this process, and what is set
 * through it is only what is ours: the file systems of workspaces.
 *
 * Synchronous from end to end, so that nothing else of this process ever runs in that namespace. A thread that cannot
 * come back must not go on: the process ends there.
 */
export function ownSysfs(): Result<string, string> {
  const own = openSync('/proc/thread-self/ns/net', 'r')
  try {
    const entered = newNetwork()
    if (!entered.ok) return no(systemFaultText(entered.reason))
    try {
      const made = newMount('sysfs', [], { nosuid: true, nodev: true, noexec: true })
      return made.ok ? ok(`/proc/self/fd/${made.value}`) : no(systemFaultText(made.reason))
    } finally {
      const back = enterNamespace(own, 'network')
      if (!back.ok || statSync('/proc/thread-self/ns/net').ino !== fstatSync(own).ino) {
        console.error('firebreak: the warden is lost in a network namespace, ending')
        process.abort()
      }
    }
  } finally {
    closeSync(own)
  }
}

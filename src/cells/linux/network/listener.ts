import { closeSync, fstatSync, openSync, readlinkSync, statSync } from 'node:fs'
import process from 'node:process'
import { no, ok, type Result } from '../../../model/result.ts'
import type { CellSocket } from '../../cell-sockets.ts'
import { type Handle, hold } from '../../handle.ts'
import { enterNamespace, systemFaultText } from '../../kernel/libc.ts'
import { openSockets } from './open-sockets.ts'

/**
 * Makes the sockets of a cell in the network namespace of `pid`, from outside: no process in the cell carries them, and
 * the socket itself is the cell's identity. The warden never accepts on one.
 *
 * Synchronous from end to end, so that nothing else of this process ever runs inside the cell's namespace. A thread
 * that cannot come back must not go on: the process ends there.
 */
export function listenInside(pid: number, sockets: readonly CellSocket[]): Result<readonly Handle[], string> {
  if (sockets.length === 0) return ok([])
  const own = openSync('/proc/thread-self/ns/net', 'r')
  try {
    const inside = openSync(`/proc/${pid}/ns/net`, 'r')
    try {
      // Before anything listens: a listener in our own namespace would be the host's port, open to everyone, and the
      // route would take the host off its network.
      if (fstatSync(inside).ino === fstatSync(own).ino) return no('the cell has no network namespace of its own')
      const entered = enterNamespace(inside, 'network')
      if (!entered.ok) return no(systemFaultText(entered.reason))
      try {
        const opened = openSockets(sockets)
        return opened.ok ? ok(opened.value.map(hold)) : opened
      } finally {
        const back = enterNamespace(own, 'network')
        if (!back.ok || statSync('/proc/thread-self/ns/net').ino !== fstatSync(own).ino) {
          console.error(
            `firebreak: the warden is lost in a cell's network namespace, ending: ${readlinkSync('/proc/thread-self/ns/net')}`,
          )
          process.abort()
        }
      }
    } finally {
      closeSync(inside)
    }
  } finally {
    closeSync(own)
  }
}

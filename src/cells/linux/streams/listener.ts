import { closeSync, fstatSync, openSync, readlinkSync, statSync } from 'node:fs'
import process from 'node:process'
import { no, ok, type Result } from '../../../model/result.ts'
import { type Handle, hold } from '../../handle.ts'
import { enterNamespace, listenLoopback, systemFaultText } from '../../kernel/libc.ts'

/** Connections that wait to be accepted; a cell's clients open a handful. The kernel drops what is over it. */
export const BACKLOG = 64

/**
 * Listening sockets on 127.0.0.1 of the network namespace of `pid`, made from outside: no process in the cell carries
 * them, and the socket itself is the cell's identity. The warden never accepts on one.
 *
 * Synchronous from end to end, so that nothing else of this process ever runs inside the cell's namespace. A thread
 * that cannot come back must not go on: the process ends there.
 */
export function listenInside(pid: number, ports: readonly number[]): Result<readonly Handle[], string> {
  if (ports.length === 0) return ok([])
  const own = openSync('/proc/thread-self/ns/net', 'r')
  const made: Handle[] = []
  try {
    const inside = openSync(`/proc/${pid}/ns/net`, 'r')
    try {
      // Before anything listens: a listener in our own namespace would be the host's port, open to everyone.
      if (fstatSync(inside).ino === fstatSync(own).ino) return no('the cell has no network namespace of its own')
      const entered = enterNamespace(inside, 'network')
      if (!entered.ok) return no(systemFaultText(entered.reason))
      try {
        for (const port of ports) {
          const listener = listenLoopback(port, BACKLOG)
          if (!listener.ok) {
            for (const handle of made) handle.close()
            return no(`port ${port}: ${systemFaultText(listener.reason)}`)
          }
          made.push(hold(listener.value))
        }
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
    return ok(made)
  } finally {
    closeSync(own)
  }
}

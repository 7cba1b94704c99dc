/** Tables of the kernel that a cell makes as long as it likes, read without holding up whoever reads them. */
import { closeSync, openSync, readSync } from 'node:fs'
import { setImmediate as others } from 'node:timers/promises'

/** Bytes that are read in one turn of the event loop: 437 connections, in a millisecond or two. */
const TURN_BYTES = 65_536

let last: Promise<unknown> = Promise.resolve()

/**
 * Yields a text in pieces of whole lines, one in a turn of the event loop; of several texts that are read at a time one has
 * its turn in each, by order: a short one is read to its end before long ones are. On the thread of the caller, which
 * runs ahead of a loaded host in a stop; those of Node's pool do not. Throws where it cannot be read.
 */
export async function* inTurns(path: string): AsyncGenerator<string> {
  const fd = openSync(path, 'r')
  try {
    const bytes = Buffer.allocUnsafe(TURN_BYTES)
    for (let rest = ''; ; ) {
      last = last.then(() => others())
      await last
      let length = 0
      for (let read = -1; read !== 0 && length < TURN_BYTES; length += read)
        read = readSync(fd, bytes, length, TURN_BYTES - length, null)
      const text = rest + bytes.toString('latin1', 0, length)
      const end = length < TURN_BYTES ? text.length : text.lastIndexOf('\n') + 1
      if (end > 0) yield text.slice(0, end)
      if (length < TURN_BYTES) return
      rest = text.slice(end)
    }
  } finally {
    closeSync(fd)
  }
}

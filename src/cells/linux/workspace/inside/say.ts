import { writeSync } from 'node:fs'

/** One JSON value a line on standard output, whole, however full the pipe is: nothing waits in memory. */
export function say(line: object): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`)
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(1, bytes, at)
    } catch (error) {
      // Node has made the pipe non-blocking.
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
      Atomics.wait(CLOCK, 0, 0, 1)
    }
  }
}

const CLOCK = new Int32Array(new SharedArrayBuffer(4))

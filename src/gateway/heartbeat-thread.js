/**
 * The thread of `heartbeat.ts`, with what a `Beating` holds. JavaScript that imports nothing of ours: a thread reads no
 * compiled code, and would load the whole of Node's TypeScript parser for these lines.
 */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'

const { fd, moves, beat, everyMs } = workerData
let seen = Atomics.load(moves, 0)
setInterval(() => {
  const now = Atomics.load(moves, 0)
  if (now === seen) return
  seen = now
  try {
    writeSync(fd, beat)
  } catch (error) {
    // A warden that does not read has more beats waiting than it needs.
    if (error?.code !== 'EAGAIN') throw error
  }
}, everyMs)

/**
 * The thread of `heartbeat.ts`, with what a `Beating` holds. JavaScript that imports nothing of ours: the gateway that
 * starts it is a uid which may not read compiled code, and would load Node's TypeScript parser once more.
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

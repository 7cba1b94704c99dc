/** See `heartbeat.ts`. */
import { writeSync } from 'node:fs'
import { workerData } from 'node:worker_threads'
import type { Beating } from './heartbeat.ts'
import { HEARTBEAT_EVERY_MS, pulseBytes } from './pulse.ts'

const { fd, moves } = workerData as Beating // as `startHeartbeat` gives it
const beat = pulseBytes({ kind: 'heartbeat', number: 0 })
let seen = Atomics.load(moves, 0)
setInterval(() => {
  const now = Atomics.load(moves, 0)
  if (now === seen) return
  seen = now
  try {
    writeSync(fd, beat)
  } catch (error) {
    // A warden that does not read has more beats waiting than it needs.
    if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
  }
}, HEARTBEAT_EVERY_MS)

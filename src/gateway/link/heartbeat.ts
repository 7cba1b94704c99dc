import { Worker } from 'node:worker_threads'
import type { LoopSlices } from '../fairness/loop-slices.ts'
import { HEARTBEAT_EVERY_MS, pulseBytes } from './pulse.ts'

/** The data of the thread that beats. */
export interface Beating {
  /** Pulses to the warden are written here. */
  readonly fd: number
  readonly moves: Int32Array
  /** The bytes of one beat. */
  readonly beat: Uint8Array
  readonly everyMs: number
}

/**
 * Shows the warden that the gateway's main thread goes on: from a thread of its own, since on the main one a timer waits
 * until every socket that is ready was served, and a beat only where that thread has moved since the last one, so that
 * one which is stuck falls silent.
 */
export function startHeartbeat(
  fd: number,
  turns: LoopSlices,
  onFailure: () => void,
): { readonly stop: () => Promise<unknown> } {
  const beat = pulseBytes({ kind: 'heartbeat', number: 0 })
  const worker = new Worker(new URL('./heartbeat-thread.js', import.meta.url), {
    workerData: { fd, moves: turns.moves, beat, everyMs: HEARTBEAT_EVERY_MS } satisfies Beating,
    env: {},
  })
  worker.on('error', onFailure)
  // A loop that has nothing to do has moved as well.
  const moving = setInterval(() => turns.moved(), HEARTBEAT_EVERY_MS / 2)
  return {
    stop: () => {
      clearInterval(moving)
      return worker.terminate()
    },
  }
}

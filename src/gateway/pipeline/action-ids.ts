import { randomBytes } from 'node:crypto'
import { type ActionId, newActionId } from '../../model/index.ts'

/** Random bytes that are drawn in blocks: one system call for 512 actions. */
const pool = { bytes: randomBytes(8_192), used: 0 }

/** Draws the id of an action that is attempted at `nowMs`. */
export function drawActionId(nowMs: number): ActionId {
  if (pool.used + 16 > pool.bytes.length) {
    pool.bytes = randomBytes(pool.bytes.length)
    pool.used = 0
  }
  pool.used += 16
  return newActionId(nowMs, pool.bytes.subarray(pool.used - 16, pool.used))
}

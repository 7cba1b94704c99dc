/** `npm run test:long`: a million admitted reservations, in worlds of their own; the seed is printed. */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { it } from 'node:test'
import { type Simulated, simulate } from './budget-sim.ts'

const SEED = Number(process.env.FIREBREAK_SEED ?? randomInt(2 ** 31))
const ADMITTED = Number(process.env.FIREBREAK_RESERVATIONS ?? 1_000_000)

it('S7: a million concurrent reservations with crashes, settlements and clock jumps overspend nothing', (t) => {
  t.diagnostic(`seed ${SEED}`)
  const sum = { worlds: 0, attempts: 0, admitted: 0, overspent: 0, crashes: 0, jumps: 0, released: 0, settled: 0 }
  while (sum.admitted < ADMITTED) {
    const figures: Simulated = simulate(SEED + sum.worlds, 20_000)
    for (const name of ['attempts', 'admitted', 'overspent', 'crashes', 'jumps', 'released', 'settled'] as const) {
      sum[name] += figures[name]
    }
    sum.worlds++
    assert.equal(figures.overspent, 0, `seed ${figures.seed}`)
  }
  t.diagnostic(JSON.stringify(sum))
})

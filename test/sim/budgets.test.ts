import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import process from 'node:process'
import { it } from 'node:test'
import { simulate } from './budget-sim.ts'

const SEED = Number(process.env.FIREBREAK_SEED ?? randomInt(2 ** 31))

it('S7: 20,000 concurrent reservations with crashes, settlements and clock jumps overspend nothing', (t) => {
  const figures = simulate(SEED, 20_000)
  t.diagnostic(`seed ${SEED}`)
  t.diagnostic(JSON.stringify(figures))
  assert.equal(figures.overspent, 0, `seed ${SEED}`)
  assert.ok(figures.admitted > 2_000 && figures.crashes > 0 && figures.released > 0 && figures.settled > 0)
})

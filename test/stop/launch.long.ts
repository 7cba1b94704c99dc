/** Every order at every step of a launch: some ten minutes. `npm run test:long` */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { SKIP } from '../kit/command-line.ts'
import { ALL, ALPHA, DELEGATES, nothingRuns, orderedAt, type Stage, stage } from './launch-kit.ts'
import { LAUNCH_STEPS } from './order-at.ts'

describe('S8, S9: every order at every step of a launch', { skip: SKIP, concurrency: 2 }, () => {
  let own: Stage
  before(async () => {
    own = await stage()
  })

  for (const step of LAUNCH_STEPS)
    for (const target of [ALPHA, ALL])
      for (const rung of ['quarantined', 'frozen', 'killed'] as const)
        for (const nth of [1, 2] as const)
          it(`${rung}, to ${target.kind}, at: ${step}, of cell ${nth}`, async () => {
            const met = await orderedAt(own, { step, target, rung, nth, ...(nth === 2 && { command: DELEGATES }) })
            if (rung === 'quarantined') assert.ok(met.receipt?.contained)
            else await nothingRuns(met)
            await met.over()
          })
})

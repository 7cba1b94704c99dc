/** Every process of ours, killed at every step of the stop: some four minutes on two cores. */
import { describe, it } from 'node:test'
import { SKIP } from '../kit/command-line.ts'
import { STEPS, VICTIMS } from './doom.ts'
import { killedAt } from './killed.ts'

describe('S8: the stop, while any process of ours is killed at any step', { skip: SKIP, concurrency: 2 }, () => {
  for (const victim of VICTIMS)
    for (const step of STEPS)
      it(`${victim === 'itself' ? 'warden' : victim}, at: ${step}`, () => killedAt({ step, victim }))
})

/**
 * S8, S9: an order that meets an agent while a cell of it is being started. At whichever step it comes, afterwards nothing
 * of the agent runs that the receipt does not name, asked of the kernel. Every step and every target in launch.long.ts.
 */
import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { ledgerOf, SKIP } from '../kit/command-line.ts'
import { until } from '../kit/until.ts'
import {
  ALL,
  ALPHA,
  BETA,
  cellsOf,
  DELEGATES,
  eventsOf,
  NOTES,
  nothingRuns,
  orderedAt,
  type Stage,
  stage,
} from './launch-kit.ts'

const CONTAINED = 5

describe('S8, S9: an order at a step of a launch', { skip: SKIP, concurrency: 2 }, () => {
  let own: Stage
  before(async () => {
    own = await stage()
  })

  for (const step of ['its directory made', 'its group made', 'in its group'] as const)
    it(`to the agent, at: ${step}: it does not begin, and the receipt names it`, async () => {
      const met = await orderedAt(own, { step, target: ALPHA })
      await nothingRuns(met)
      const { code, stdout, stderr } = await met.run.ended
      assert.deepEqual([code, stdout], [CONTAINED, ''], stderr)
      assert.match(stderr, /not started: alpha is frozen/)
      assert.equal(met.receipt?.cells.length, 1)
      const [told, ...more] = (await ledgerOf(met.state)).filter(({ kind }) => kind === 'cell.contained')
      assert.ok(told?.kind === 'cell.contained' && more.length === 0, 'the ledger tells of it, once')
      assert.deepEqual([told.cell, told.agent, told.rung], [met.receipt?.cells[0], 'alpha', 'frozen'])
      assert.match(JSON.stringify(told.receipt), /"start of c_[^}]*it has not begun, and nothing of it is left/)
      await met.over()
    })

  // The warden hears of it before it lets the cell go, or after.
  for (const step of ['its gateway being told', 'being let go', 'let go'] as const)
    it(`to the agent, at: ${step}: it does not begin, or stands still`, async () => {
      const met = await orderedAt(own, { step, target: ALPHA })
      await nothingRuns(met)
      await met.over()
    })

  it('to all, at: its gateway being told', async () => {
    const met = await orderedAt(own, { step: 'its gateway being told', target: ALL })
    await nothingRuns(met)
    await met.over()
  })

  it('to the agent that delegates, while a delegation starts: neither runs', async () => {
    const met = await orderedAt(own, { step: 'in its group', target: ALPHA, nth: 2, command: DELEGATES })
    await nothingRuns(met)
    await met.over()
  })

  it('to the agent that is delegated to, while it starts: it does not run, and the other goes on', async () => {
    const met = await orderedAt(own, { step: 'its gateway being told', target: BETA, nth: 2, command: DELEGATES })
    assert.ok(met.receipt?.contained)
    const { cells } = met.receipt
    const isStill = (cell: string) => eventsOf(cell).includes('frozen 1')
    await until('the one below is gone or stands still, and is named', () => {
      const below = cellsOf(met.run).filter((cell) => cells.includes(cell))
      return below.every(isStill) && cellsOf(met.run).length - below.length < 2
    })
    assert.ok(!cellsOf(met.run).every(isStill), 'the other one goes on')
    await met.over()
  })

  it('that only the disk has: it does not begin', async () => {
    const met = await orderedAt(own, { step: 'its gateway being told', target: ALPHA, by: 'disk' })
    assert.equal((await met.run.ended).code, CONTAINED)
    await met.over()
  })

  it('to restrict it: it begins, and writes nothing', async () => {
    const met = await orderedAt(own, { step: 'its group made', target: ALPHA, rung: 'restricted', command: NOTES })
    assert.ok(met.receipt?.contained)
    await until('it is refused', () => met.run.stdout().includes('refused'))
    assert.ok(!own.book.calls.some(({ name }) => name === 'note'))
    await met.over()
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Agent } from '../../config/config.ts'
import type { CellId } from '../../model/index.ts'
import { type IsMeant, ToldCells } from './told-cells.ts'

const agent = (name: string) => ({ name }) as unknown as Agent // only what names it
const [giver, helper] = [agent('giver'), agent('helper')]
const cell = (n: number) => `c_${n}` as CellId
const byName =
  (name: string): IsMeant =>
  (_, { name: own }) =>
    own === name
const byCell =
  (meant: CellId): IsMeant =>
  (each) =>
    each === undefined || each === meant

describe('S8: the cells that a shared server has had', () => {
  it('are meant by their agent, by themselves, and by what they were delegated from', () => {
    const told = new ToldCells()
    told.has(
      2,
      [
        { cell: cell(2), agent: helper },
        { cell: cell(1), agent: giver },
      ],
      new Set([2]),
    )
    assert.deepEqual(told.meant(byName('helper')), [helper])
    assert.deepEqual(told.meant(byName('giver')), [helper])
    assert.deepEqual(told.meant(byCell(cell(2))), [helper])
    assert.deepEqual(told.meant(byCell(cell(3))), [])
    told.only(new Set())
    assert.deepEqual(told.meant(byName('helper')), [])
  })

  it('are bounded: of the oldest that have ended only the agent is kept, and any cell of it may be meant', () => {
    const told = new ToldCells()
    const older = agent('older')
    const now = (n: number) => new Set([0, n])
    told.has(0, [{ cell: cell(0), agent: giver }], now(0))
    for (let n = 1; n <= 500; n++) told.has(n, [{ cell: cell(n), agent: older }], now(n))
    for (let n = 501; n <= 1_500; n++) told.has(n, [{ cell: cell(n), agent: helper }], now(n))
    let known = 0
    const count: IsMeant = (each) => {
      if (each !== undefined) known++
      return false
    }
    assert.deepEqual(told.meant(count), [])
    assert.equal(known, 1_026, 'of those that are here, and of 1,024 that have ended')
    // Of the older agent no cell is known: it may have been any.
    assert.deepEqual(told.meant(byCell(cell(1_500))), [helper, older])
    assert.deepEqual(told.meant(byCell(cell(1))), [older])
    assert.deepEqual(told.meant(byCell(cell(0))), [giver, older], 'one that is here now stays')
    assert.deepEqual(told.meant(byName('nobody')), [])
    told.only(now(0))
    assert.deepEqual(told.meant(byCell(cell(1))), [])
    assert.deepEqual(told.meant(byName('giver')), [giver])
  })
})

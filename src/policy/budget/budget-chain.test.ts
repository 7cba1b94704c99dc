import assert from 'node:assert/strict'
import { it } from 'node:test'
import { action, authority, bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import type { Budget } from '../../model/budget.ts'
import { type CellId, type DelegationId, grantId } from '../../model/ids.ts'
import type { Authority } from '../decide/authority.ts'
import { admit } from '../decide/decide.ts'
import { BudgetBook } from './budget.ts'

const calls = (max: number): Budget => ({ kind: 'calls', max, window: { kind: 'total' } })
const OPEN = await bundle('')

/** An agent's own cell, and one below it that was given so many calls, in one book. */
function chain(top: number, below: number) {
  const budgets = new BudgetBook()
  const giver = authority(OPEN, { budgets, grants: [grant({ budgets: [calls(top)], task: 'c_top' as CellId })] })
  const above: NonNullable<Authority['above']> = {
    id: 'd_below' as DelegationId,
    depth: 1,
    restriction: { arguments: [], budgets: [calls(below)], expiresAtMs: NOW_MS + 1_000 },
    from: () => giver,
    revokedAtMs: () => undefined,
  }
  return { giver, child: authority(OPEN, { budgets, grants: [], above }) }
}

it('S7: a call of a delegated cell is charged to everyone above it', () => {
  const { giver, child } = chain(3, 9)
  const admitted = admit(action(), child, NOW_MS)
  assert.ok(admitted.verdict === 'allow')
  const { holders } = admitted.reservation
  assert.deepEqual(
    holders.map(({ id, task }) => [id, task]),
    [
      [grantId('g_desk'), 'c_top'],
      ['d_below', undefined],
    ],
  )
  for (const who of [child, giver]) assert.equal(admit(action(), who, NOW_MS).verdict, 'allow')
  for (const who of [child, giver]) assert.equal(admit(action(), who, NOW_MS).verdict, 'deny')
})

it('S7: what was delegated is used up for that cell alone', () => {
  const { giver, child } = chain(9, 2)
  for (let i = 0; i < 2; i++) assert.equal(admit(action(), child, NOW_MS).verdict, 'allow')
  const refused = admit(action(), child, NOW_MS)
  const [reason] = refused.reasons
  assert.ok(reason.kind === 'budget' && reason.holder === 'd_below' && reason.source === undefined)
  assert.equal(admit(action(), giver, NOW_MS).verdict, 'allow')
})

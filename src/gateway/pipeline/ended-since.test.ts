import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Action, DelegationId, Grant, GrantId, Rung } from '../../model/index.ts'
import type { Authority, DefinitionProblem } from '../../policy/index.ts'
import { endedSince } from './ended-since.ts'

const NOW = 1_000_000
const GRANT = 'g_1' as GrantId
const action = { upstream: 'desk', operation: 'tool', tool: 'pay', effect: 'write' } as Action

/** No more of an authority than is asked. */
function granted(rung: Rung, expiresAtMs: number, revokedAtMs?: number, problem?: DefinitionProblem): Authority {
  const grant = { id: GRANT, expiresAtMs, ...(revokedAtMs !== undefined && { revokedAtMs }) } as Grant
  const definitionProblems = new Map(problem === undefined ? [] : [['desk/pay', problem]])
  return { rung, grants: [grant], definitionProblems } as unknown as Authority
}

function below(giver: Authority, expiresAtMs: number, revokedAtMs?: number): Authority {
  const above = {
    id: 'd_1' as DelegationId,
    depth: 1,
    restriction: { arguments: [], budgets: [], expiresAtMs },
    from: () => giver,
    revokedAtMs: () => revokedAtMs,
  }
  return { ...giver, rung: 'normal', grants: [], above }
}

describe('what a decision was made under, asked again before it is sent', () => {
  const good = granted('normal', NOW + 1)
  const CASES: readonly (readonly [what: string, authority: Authority, why: string | undefined])[] = [
    ['all of it stands', good, undefined],
    ['the grant has expired', granted('normal', NOW), 'its grant has ended'],
    ['the grant was revoked', granted('normal', NOW + 1, NOW), 'its grant has ended'],
    ['the cell is quarantined', granted('quarantined', NOW + 1), 'the cell is quarantined'],
    ['the cell is watched', granted('watched', NOW + 1), undefined],
    [
      'the cell is frozen, and so is one above it',
      { ...below(granted('killed', 0), 0), rung: 'frozen' },
      'the cell is frozen',
    ],
    ['the cell is restricted, and it is no read', granted('restricted', NOW + 1), 'the cell is restricted'],
    [
      'the definition has changed',
      granted('normal', NOW + 1, undefined, 'changed since it was accepted'),
      'its definition: changed since it was accepted',
    ],
    ['a delegation stands', below(below(good, NOW + 1), NOW + 1), undefined],
    ['a delegation has expired', below(good, NOW), 'its delegation has expired'],
    ['one further up was revoked', below(below(good, NOW + 1, NOW), NOW + 1), 'its delegation was revoked'],
    ['the giver is frozen', below(granted('frozen', NOW + 1), NOW + 1), 'a cell above it is frozen'],
    ['the grant at the top has ended', below(granted('normal', NOW), NOW + 1), 'its grant has ended'],
  ]
  for (const [what, authority, why] of CASES)
    it(`S2: S5: ${what}`, () => assert.equal(endedSince(action, authority, [GRANT], NOW), why))

  it('S8: a restricted cell still reads, and so does one below it', () => {
    const read: Action = { ...action, effect: 'read' }
    const restricted = granted('restricted', NOW + 1)
    for (const authority of [restricted, below(restricted, NOW + 1)])
      assert.equal(endedSince(read, authority, [GRANT], NOW), undefined)
    assert.equal(endedSince(read, granted('quarantined', NOW + 1), [GRANT], NOW), 'the cell is quarantined')
  })

  it('S2: only the grant that was charged counts, and a definition that nobody complains of stands', () => {
    const one = granted('normal', NOW + 1)
    const [grant] = one.grants
    const two = { ...one, grants: [{ ...grant, id: 'g_2' as GrantId, expiresAtMs: NOW }, ...one.grants] as Grant[] }
    assert.equal(endedSince(action, two, [GRANT], NOW), undefined)
    assert.equal(endedSince(action, two, [GRANT, 'g_2' as GrantId], NOW), 'its grant has ended')
    assert.equal(endedSince(action, two, ['g_3' as GrantId], NOW), 'its grant has ended')
    const { definitionProblems: _, ...plain } = one
    assert.equal(endedSince(action, plain, [GRANT], NOW), undefined)
  })

  it('S2: what a person let through needs no grant, and a cell that may act', () => {
    assert.equal(endedSince(action, granted('normal', NOW), [], NOW), undefined)
    assert.equal(endedSince(action, granted('killed', NOW), [], NOW), 'the cell is killed')
  })
})

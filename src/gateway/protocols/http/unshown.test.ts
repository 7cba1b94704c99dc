import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ActionId, upstreamName } from '../../../model/index.ts'
import type { Refusal } from '../../../policy/index.ts'
import { unshown } from './web-attempt.ts'

const ACTION = 'a_00000000000000000000' as ActionId // by its shape
const FORGE = upstreamName('forge')

describe('a request of which its cell is shown no answer', () => {
  const refused = (...reasons: readonly Refusal[]) => {
    const { status, said } = unshown({ kind: 'refused', action: ACTION, reasons }, FORGE)
    return [status, said]
  }
  const away = (what: Extract<Refusal, { kind: 'unavailable' }>['what'], problem = 'x') =>
    refused({ kind: 'unavailable', what, problem })

  it('is told what was away, and nothing of its upstream where that was another', () => {
    assert.match(String(away('upstream')), /503,the gateway does not get to forge/)
    for (const what of ['ledger', 'witness', 'checkpoint', 'holds'] as const) {
      const [status, said] = away(what)
      assert.equal(status, 503)
      assert.doesNotMatch(String(said), /forge|get to/)
    }
    assert.match(String(away('ledger', 'too-large')), /larger than what is kept/)
    const all = (['upstream', 'ledger', 'witness', 'checkpoint', 'holds'] as const).map((what) => away(what)[1])
    assert.equal(new Set(all).size, 5)
  })

  it('is told what is wrong with its own words, and else that it may not', () => {
    assert.deepEqual(refused({ kind: 'arguments', path: '$.a', problem: 'is missing' }), [400, '$.a is missing'])
    assert.deepEqual(refused({ kind: 'no-grant', upstream: FORGE, tool: 'x' as never }), [403, 'it may not do this'])
    assert.equal(unshown({ kind: 'held', action: ACTION, hold: ACTION }, FORGE).said, 'it waits for a person')
    assert.equal(unshown({ kind: 'passed', action: ACTION }, FORGE).status, 502)
  })
})

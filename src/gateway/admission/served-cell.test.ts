import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authority, bundle } from '../../../test/policy/fixture.ts'
import { personName } from '../../model/index.ts'
import { ownersOf } from './served-cell.ts'

describe('S15: who cannot answer a hold of a hardened environment', () => {
  it('the owner of the agent that asks, and of each that delegated to it', async () => {
    const policies = await bundle('')
    const giver = authority(policies, { owner: personName('ana') })
    const restriction = { arguments: [], budgets: [], expiresAtMs: 0 }
    const above = { depth: 1, restriction, revokedAtMs: () => undefined }
    const middle = authority(policies, {
      owner: personName('ben'),
      above: { ...above, id: 'd_1' as never, from: () => giver },
    })
    const asking = authority(policies, {
      owner: personName('eve'),
      above: { ...above, id: 'd_2' as never, from: () => middle },
    })
    assert.deepEqual(ownersOf(giver), ['ana'])
    assert.deepEqual(ownersOf(asking), ['eve', 'ben', 'ana'])
  })
})

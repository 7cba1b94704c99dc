import assert from 'node:assert/strict'
import { it } from 'node:test'
import { probeHost } from './probe.ts'

it('each thing that a host lacks comes with what to do about it', () => {
  for (const { ability, holds, why, fix } of probeHost().findings) {
    assert.ok(why.length > 0, ability)
    assert.equal(fix === undefined, holds, ability)
  }
})

it('a promise holds where nothing it needs is lacking', () => {
  const { promises, findings } = probeHost()
  const missing = new Set(findings.filter(({ holds }) => !holds).map(({ ability }) => ability))
  assert.ok(promises.length >= 8)
  for (const { promise, holds, lacking } of promises) {
    assert.equal(holds.full, lacking.full.length === 0, promise)
    for (const ability of lacking.full) assert.ok(missing.has(ability), promise)
  }
  assert.equal(promises.find(({ promise }) => promise.includes('host uid'))?.holds.user, false)
})

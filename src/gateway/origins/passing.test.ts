import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { it } from 'node:test'
import { Passing } from './passing.ts'

it('a connection on which nothing passes ends, after as long as its declaration says', async () => {
  const asked: { ms?: number; then?: () => void } = {}
  const far = Object.assign(new PassThrough(), {
    setTimeout: (ms: number, then: () => void) => Object.assign(asked, { ms, then }),
  }) as unknown as Socket // all of one that is asked for here
  const { signal } = new AbortController()
  const passing = new Passing(far, { lastCheck: () => undefined, signal, silenceMsMax: 5_000 })
  assert.ok(passing.begin(0) && passing.leaves(3) && passing.comes(5))
  assert.equal(asked.ms, 5_000)
  asked.then?.()
  const ended = await passing.ended
  assert.ok(ended.kind === 'passed')
  assert.deepEqual(ended.passed, { sent: 3, received: 5 })
  assert.equal(ended.why, 'nothing has passed for 5 seconds')
})

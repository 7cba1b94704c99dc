import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { LIMITS } from '../../../../model/index.ts'
import { hasBatches, messagesIn } from './batch.ts'

const batchOf = (count: number) => Buffer.from(JSON.stringify(Array.from({ length: count }, (_, id) => ({ id }))))

describe('a batch of an upstream', () => {
  it('is one in 2025-03-26 alone', () => {
    assert.equal(hasBatches('2025-03-26'), true)
    for (const revision of ['2024-11-05', '2025-06-18', '2025-11-25', '2026-07-28'] as const)
      assert.equal(hasBatches(revision), false)
  })

  it('S17: has at most 64 messages', () => {
    assert.equal(LIMITS.batchMessagesMax, 64)
    assert.equal(messagesIn(batchOf(64))?.length, 64)
    assert.equal(messagesIn(batchOf(65)), undefined)
  })

  it('S11: is nothing where it is empty, holds what is no message, or is ambiguous', () => {
    for (const text of ['[]', '[1]', '[{}, []]', '[{"id":1,"id":2}]', '{"id":1}', '[{"id":1}', ''])
      assert.equal(messagesIn(Buffer.from(text)), undefined, text)
    const number = ' [{"id":1,"n":12345678901234567890}]'
    assert.deepEqual(messagesIn(Buffer.from(number))?.map(String), ['{"id":1,"n":12345678901234567890}'])
  })
})

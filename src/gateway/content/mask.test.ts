import assert from 'node:assert/strict'
import { it } from 'node:test'
import { Hidden } from './mask.ts'

it('masks: values of many lengths are looked for in one pass over a long text, and found at its end', () => {
  const hidden = new Hidden()
  const values = Array.from({ length: 40 }, (_, i) => `account ${'y'.repeat(100 * i)}${i}`)
  hidden.take(values)
  const long = 'nothing of it '.repeat(70_000)
  assert.equal(hidden.repeatedIn(long), long)
  assert.notEqual(hidden.repeatedIn(`${long} ACCOUNT-${'y'.repeat(3_900)}39`), `${long} ACCOUNT-${'y'.repeat(3_900)}39`)
})

it('S17: masks: a text that is like a value at each of its places is taken to hold it', () => {
  const hidden = new Hidden()
  hidden.take(`${'y'.repeat(4_000)}x`)
  const text = 'y'.repeat(500_000)
  assert.notEqual(hidden.repeatedIn(text), text)
})

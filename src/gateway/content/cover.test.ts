import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { EntryBody } from '../../model/entry.ts'
import { covered, coveredEntry, coveredText, isCovered } from './cover.ts'
import { openSecrets } from './secrets.ts'

const SECRET = 'production'
const opened = openSecrets(new Map([['key', SECRET]]))
if (!opened.ok) throw new Error(opened.reason)
const secrets = opened.value
const HEX = Buffer.from(SECRET).toString('hex')

describe('what entries show of secrets', () => {
  it('S10: each text and each name with one is replaced, whatever its encoding, and nothing else is', () => {
    assert.deepEqual(covered({ a: [`x ${SECRET}`, 1, true, null, 'plain'], [HEX]: { b: 'kept' } }, secrets), {
      a: ['[the secret "key"]', 1, true, null, 'plain'],
      '[the secret "key"]': { b: 'kept' },
    })
    const same = { a: ['produc', 'tion'] }
    assert.equal(covered(same, secrets), same)
  })

  it('S10: names that are covered stay apart, and nothing that is covered passes for shown', () => {
    const three = { [SECRET]: 1, '[the secret "key"] 2': 2, [`to ${SECRET}`]: 3, [HEX]: 4 }
    const told = covered(three, secrets)
    assert.deepEqual(told, {
      '[the secret "key"]': 1,
      '[the secret "key"] 2': 2,
      '[the secret "key"] 3': 3,
      '[the secret "key"] 4': 4,
    })
    for (const value of [SECRET, [`to ${SECRET}`], { a: { [HEX]: 1 } }, three]) {
      assert.equal(isCovered(covered(value, secrets)), true, JSON.stringify(value))
      assert.equal(isCovered(value), JSON.stringify(value).includes('the secret'), JSON.stringify(value))
    }
  })

  it('S10: a text that is cut within a secret is replaced, and one that has a few characters of it is not', () => {
    const told = '[the secret "key"]'
    for (const text of ['sent with producti', '"producti"', 'it was producti…', 'oduction is no key', 'oduction'])
      assert.equal(coveredText(text, secrets), told, text)
    for (const text of ['sent with product', 'product', 'duction is it', 'producti is within it', ''])
      assert.equal(coveredText(text, secrets), text)
  })

  it('S10: of an entry, what others wrote; never what it is found by', () => {
    const entry = {
      kind: 'action.refused',
      action: 'a_1',
      cell: 'c_1',
      agent: 'alpha',
      environment: SECRET,
      tool: `pay-${SECRET}`,
      args: { to: SECRET },
      reasons: [{ kind: 'arguments', path: '$', problem: `"${SECRET}" is not declared` }],
    } as unknown as EntryBody
    const shown = coveredEntry(entry, secrets)
    assert.deepEqual(shown, {
      ...entry,
      tool: '[the secret "key"]',
      args: { to: '[the secret "key"]' },
      reasons: [{ kind: 'arguments', path: '$', problem: '[the secret "key"]' }],
    })
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { EFFECTS } from '../../model/action.ts'
import { toolName, upstreamName } from '../../model/ids.ts'
import { actionGroups, cedarActionId, cedarString, SMUGGLING_NAMES } from './vocabulary.ts'

describe('the words of policies', () => {
  it('V2: an action is in the group of its effect, and all but reads in that of effects', () => {
    assert.deepEqual(EFFECTS.map(actionGroups), [
      ['read'],
      ['write', 'effect'],
      ['spend', 'effect'],
      ['irreversible', 'effect'],
    ])
  })

  it('V3: what is different has different names', () => {
    const id = (operation: 'tool' | 'resource' | 'prompt', tool: string) =>
      cedarActionId(upstreamName('shop'), operation, toolName(tool))
    assert.deepEqual(
      [id('tool', 'pay'), id('resource', 'pay'), id('prompt', 'pay'), id('tool', 'resource:pay')],
      ['shop/pay', 'shop/resource:pay', 'shop/prompt:pay', 'shop/tool:resource:pay'],
    )
  })

  it('S11: a text ends where its literal does, whatever is in it', () => {
    assert.equal(cedarString(''), '""')
    assert.equal(cedarString(' !#[]~az09'), '" !#[]~az09"')
    assert.equal(cedarString('a"b\\c\n\u007f'), '"a\\u{22}b\\u{5c}c\\u{a}\\u{7f}"')
    assert.equal(cedarString('é😀'), '"\\u{e9}\\u{1f600}"')
  })

  it('S11: the names that Cedar reserves', () => {
    assert.deepEqual([...SMUGGLING_NAMES], ['__entity', '__extn', '__expr'])
  })
})

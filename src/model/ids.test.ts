import assert from 'node:assert/strict'
import { it } from 'node:test'
import { isPersonName } from './ids.ts'

it('a person has any name but that of Firebreak itself', () => {
  for (const name of ['maria.silva@shop.example', 'José', 'firebreak@shop.example']) assert.ok(isPersonName(name), name)
  for (const name of ['firebreak', ' Firebreak ', 'ｆirebreak', '', 'a\nb', 'x'.repeat(257)])
    assert.ok(!isPersonName(name), name)
})

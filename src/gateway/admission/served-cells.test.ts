import assert from 'node:assert/strict'
import { it } from 'node:test'
import { shutDoors } from './served-cells.ts'

it('S8: one door that fails to close keeps no other one open, and is told', () => {
  const closed: string[] = []
  const closes = (name: string) => ({ close: () => void closed.push(name) })
  const fails = {
    close: () => {
      throw new Error('Not running')
    },
  }
  const live = { doors: [closes('mcp'), fails, closes('web')], own: [closes('line')] } as never
  assert.throws(() => shutDoors(live), /a door could not be closed/)
  assert.deepEqual(closed, ['mcp', 'web', 'line'])
})

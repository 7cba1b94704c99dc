import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lackingCapabilities, mapsCells } from './root.ts'

it('capabilities that a container takes from its root are missed by name', () => {
  const status = (effective: string) => `Name:\tnode\nCapPrm:\t000001ffffffffff\nCapEff:\t${effective}\nCapBnd:\t0\n`
  assert.deepEqual(lackingCapabilities(status('000001ffffffffff')), [])
  // What docker gives by default.
  assert.deepEqual(lackingCapabilities(status('00000000a80425fb')), ['CAP_SYS_PTRACE', 'CAP_SYS_ADMIN'])
  assert.equal(lackingCapabilities('').length, 8)
})

it('a root whose user namespace has no uids for cells is none', () => {
  assert.equal(mapsCells('         0          0 4294967295\n'), true)
  assert.equal(mapsCells('         0     100000      65536\n'), false)
  assert.equal(mapsCells('         0       1000          1\n'), false)
  assert.equal(mapsCells(''), false)
})

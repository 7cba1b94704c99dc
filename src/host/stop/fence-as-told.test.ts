import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryLogs } from '../../ledger/memory/memory-logs.ts'
import { agentName, type CellId, type EntryBody, newCellId, personName, type Rung } from '../../model/index.ts'
import { ordersAsTold } from './fence-as-told.ts'
import { memoryFences } from './memory-fences.ts'
import { fenceByOrders } from './stop.ts'

const cell = newCellId(new Uint8Array(16).fill(1))
const another = newCellId(new Uint8Array(16).fill(2))
const agent = agentName('bot')
const moved = (to: Rung, of: CellId = cell): EntryBody => {
  return { kind: 'rung.changed', cell: of, agent, from: 'normal', to, by: 'firebreak', why: 'a test' }
}
const released = (to: Rung): EntryBody => {
  return { kind: 'rung.changed', agent, from: 'frozen', to, by: personName('maria'), why: 'a test' }
}
const signal = (mode: 'observe' | 'enforce', rung: Rung): EntryBody => {
  return { kind: 'signal.raised', cell, agent, detector: 'decoy', mode, what: 'it did', evidence: [1], rung }
}

describe('S8: where a cell stood when its gateway was lost, by the ledger', () => {
  const cases: readonly [string, readonly EntryBody[], Rung | undefined][] = [
    ['nothing is said of it', [], undefined],
    ['it was lowered', [moved('restricted')], 'restricted'],
    ['further, and further', [moved('restricted'), moved('frozen')], 'frozen'],
    ['watched keeps nobody from a start', [moved('watched')], undefined],
    ['another cell of its agent was', [moved('frozen', another)], undefined],
    ['a signal was not followed any more', [signal('enforce', 'quarantined')], 'quarantined'],
    ['one that only observes', [signal('observe', 'quarantined')], undefined],
    ['a person has let its agent go since', [moved('frozen'), released('normal')], undefined],
    ['and it fell again', [moved('frozen'), released('normal'), moved('restricted')], 'restricted'],
  ]
  for (const [title, entries, rung] of cases)
    it(title, async () => {
      const fences = memoryFences()
      fences.make()
      const log = memoryLogs().log('test')
      const opened = await log.open({ clock: { nowMs: Date.now } })
      assert.ok(opened.ok)
      for (const entry of entries) assert.ok(opened.value.append(entry).ok)
      await opened.value.close()
      const orders = await ordersAsTold(log, [cell], 'o_1')
      assert.ok((await fenceByOrders(fences, () => orders)).ok)
      const fence = fences.read()
      assert.equal(fence.ok && fence.value.get(agent)?.rung, rung)
    })
})

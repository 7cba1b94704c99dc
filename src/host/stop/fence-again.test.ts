import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { monotonicUs } from '../../model/host/monotonic.ts'
import { agentName, type Rung } from '../../model/index.ts'
import { Starting } from '../services/starting.ts'
import type { Order } from './containment.ts'
import { fileFences, makeFence, readFence } from './fence.ts'
import { FenceAgain } from './fence-again.ts'
import { newOrderId } from './stop.ts'

const [one, two] = [agentName('one'), agentName('two')]

describe('S9: a fence that could not be written', () => {
  it('is written again until it stands, of all orders that have none, and then holds in the process no more', async () => {
    const { state, starting, again, rungs, seen } = held({ firstMs: 5, maxMs: 10 })
    starting.fencing(orderTo('restricted'), [one])
    starting.fencing(orderTo('quarantined'), [one, two])
    again.later()
    await until('it has been tried', () => seen.looks > 4)
    assert.equal(readFence(state).ok, false)
    makeFence(state)
    await until('it stands', () => starting.unfenced().length === 0)
    assert.deepEqual(rungs(), { one: 'quarantined', two: 'quarantined' })
    assert.deepEqual(await again.last(), [])
  })

  it('is told at the end, with why, once it was tried for the last time', async () => {
    const { starting, again, seen } = held({ firstMs: 1, maxMs: 1 })
    const order = orderTo('frozen')
    starting.fencing(order, [one])
    const [left, ...more] = await again.last()
    assert.deepEqual([left?.order, left?.agents, more], [order, [one], []])
    assert.match(left?.problem ?? '', /fence.json is missing/)
    const { looks } = seen
    again.later()
    await delay(20)
    assert.equal(seen.looks, looks, 'nothing is tried after the end')
  })

  it('is written at the end without waiting for the next try', async () => {
    const { state, starting, again, rungs } = held({ firstMs: 3_600_000, maxMs: 3_600_000 })
    starting.fencing(orderTo('frozen'), [one])
    again.later()
    makeFence(state)
    assert.deepEqual(await again.last(), [])
    assert.deepEqual(rungs(), { one: 'frozen' })
  })

  it('is not written any more for an agent that a person has released since', async () => {
    const { state, starting, again, rungs } = held()
    const toAll: Order = { ...orderTo('frozen'), target: { kind: 'all' } }
    starting.fencing(toAll, [one, two])
    starting.released(one, 'normal', monotonicUs() + 1)
    makeFence(state)
    assert.deepEqual(await again.last(), [])
    assert.deepEqual(rungs(), { two: 'frozen' })
  })
})

function held(pace?: { readonly firstMs: number; readonly maxMs: number }) {
  const state = temporaryDirectory()
  makeFence(state)
  rmSync(join(state, 'fence', 'fence.json'))
  const starting = new Starting(fileFences(state))
  const seen = { looks: 0 }
  const unfenced = () => {
    seen.looks++
    return starting.unfenced()
  }
  const fenced = (order: Order) => starting.fenced(order)
  const again = new FenceAgain({ fences: fileFences(state), starting: { unfenced, fenced }, ...(pace && { pace }) })
  const rungs = () => {
    const fence = readFence(state)
    assert.ok(fence.ok)
    return Object.fromEntries([...fence.value].map(([name, { rung }]) => [name, rung]))
  }
  return { state, starting, again, rungs, seen }
}

function orderTo(rung: Exclude<Rung, 'normal'>): Order {
  return { id: newOrderId(), target: { kind: 'agent', name: 'one' }, rung, by: 'firebreak', why: 'a test' }
}

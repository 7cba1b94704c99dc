import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { agentName, personName } from '../../../model/index.ts'
import { makeFence, readFence } from '../fence.ts'
import { orderStop } from './order-stop.ts'

const agent = (environment: string) => ({ environment, grants: [], command: ['/usr/bin/true'] })
const MARIA = personName('maria.silva@shop.example')
const directory = temporaryDirectory()
const configuration = writeConfig(directory, {
  environments: { test: {}, live: {} },
  upstreams: {},
  agents: { test: agent('live'), desk: agent('test') },
})

/** Asks for a stop and returns the fault, and how much was heard. */
async function faultOf(target: string | undefined, file = configuration, state = join(directory, '.firebreak')) {
  let heard = 0
  const ask = {
    state,
    configuration: file,
    target,
    rung: 'frozen',
    by: MARIA,
    why: 'a test',
  } as const
  const answer = await orderStop(ask, {
    heard: () => heard++,
    amiss: () => heard++,
    actsFor: () => heard++,
    waiting: () => undefined,
  })
  assert.ok(!answer.ok, JSON.stringify(answer))
  return { ...answer.reason, heard }
}

describe('S8: an order that stops nobody says why, and orders nothing', () => {
  it('where a name is unknown, or none was given, or is that of several things', async () => {
    const agents = ['test', 'desk']
    assert.deepEqual(await faultOf('typo'), { kind: 'unknown', name: 'typo', agents, heard: 0 })
    assert.deepEqual(await faultOf(undefined), { kind: 'unknown', name: undefined, agents, heard: 0 })
    const kinds = ['agent', 'environment']
    assert.deepEqual(await faultOf('test'), { kind: 'several', name: 'test', kinds, heard: 0 })
  })

  it('where no configuration can be read that would know the name', async () => {
    assert.deepEqual(await faultOf('desk', join(directory, 'none.yaml')), { kind: 'no-configuration', heard: 0 })
    // A pipe, or a device that never ends, would hold the stop.
    assert.deepEqual(await faultOf('desk', '/dev/zero'), { kind: 'no-configuration', heard: 0 })
  })

  it('where the state is a place inside of one, to which no run listens', async () => {
    const state = join(directory, 'whole')
    for (const part of ['ledger', 'fence', 'workspaces']) mkdirSync(join(state, part), { recursive: true })
    const fault = await faultOf('desk', configuration, join(state, 'workspaces'))
    assert.equal(fault.kind, 'no-state')
    assert.equal(fault.heard, 0)
    assert.deepEqual(fault.kind === 'no-state' && fault.states, [state])
  })
})

describe('S8: an order goes on, whoever hears of it', () => {
  it('a listener that throws at each word keeps no step from being taken', async () => {
    const state = join(directory, 'heard-by-nobody')
    for (const part of ['ledger', 'witness']) mkdirSync(join(state, part), { recursive: true })
    makeFence(state)
    const thrown = () => {
      throw new Error('nobody listens any more')
    }
    const answer = await orderStop(
      { state, configuration, target: 'desk', rung: 'frozen', by: MARIA, why: 'a test' },
      { heard: thrown, amiss: thrown, actsFor: thrown, waiting: thrown },
    )
    assert.ok(answer.ok && answer.value.contained, JSON.stringify(answer))
    assert.deepEqual(
      answer.value.confirmations.map(({ point, confirmed }) => [point, confirmed]),
      [
        ['fence', true],
        ['host', true],
      ],
    )
    const fence = readFence(state)
    assert.equal(fence.ok && fence.value.get(agentName('desk'))?.rung, 'frozen')
  })

  it('a reason without end is cut before it stands in a fence', async () => {
    const state = join(directory, 'long-reason')
    for (const part of ['ledger', 'witness']) mkdirSync(join(state, part), { recursive: true })
    makeFence(state)
    const answer = await orderStop(
      { state, configuration, target: 'desk', rung: 'killed', by: MARIA, why: 'x'.repeat(10_000_000) },
      { heard: () => undefined, amiss: () => undefined, actsFor: () => undefined, waiting: () => undefined },
    )
    assert.ok(answer.ok, JSON.stringify(answer))
    assert.equal(answer.value.order.why.length, 500)
  })
})

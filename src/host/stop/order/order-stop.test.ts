import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { writeConfig } from '../../../../test/kit/config-text.ts'
import { temporaryDirectory } from '../../../../test/kit/temporary.ts'
import { agentName, personName } from '../../../model/index.ts'
import { openControlSocket } from '../../people/control-socket.ts'
import { makeFence, readFence } from '../fence.ts'
import { fencedIn } from '../fences.ts'
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
    // Cells of other states, of agents with the same name, may run on this host.
    const ours = answer.value.confirmations.filter(({ point }) => point !== 'another state')
    assert.deepEqual(
      ours.map(({ point, confirmed }) => [point, confirmed]),
      [
        ['fence', true],
        ['host', true],
      ],
    )
    const fence = readFence(state)
    assert.equal(fence.ok && fence.value.get(agentName('desk'))?.rung, 'frozen')
  })

  it('a state whose tenants cannot be listed is ordered all the same, and it is said that there may be more', async () => {
    for (const target of ['c_0000000000000001', 'desk', 'all']) {
      const state = join(directory, `tenants-of-${target}`)
      for (const part of ['ledger', 'witness']) mkdirSync(join(state, part), { recursive: true })
      makeFence(state)
      symlinkSync('tenants', join(state, 'tenants'))
      const asked = new Set<string>()
      const door = await openControlSocket(state, async ({ kind }, reply) => {
        asked.add(kind)
        reply({ kind: 'done', ok: true, said: '' })
      })
      assert.ok(door.ok, JSON.stringify(door))
      const answer = await orderStop(
        { state, configuration, target, rung: 'killed', by: MARIA, why: 'a test' },
        { heard: () => undefined, amiss: () => undefined, actsFor: () => undefined, waiting: () => undefined },
      )
      await door.value.close()
      assert.ok(asked.has('contain'), `${target}: the warden of the state itself was not asked`)
      assert.ok(answer.ok && !answer.value.contained, JSON.stringify(answer))
      const not = answer.value.confirmations.filter(({ confirmed }) => !confirmed)
      assert.deepEqual(
        not.map(({ point }) => point),
        ['tenants'],
        JSON.stringify(not),
      )
      if (target === 'c_0000000000000001') continue
      const fence = readFence(state)
      assert.equal(fence.ok && fencedIn(fence.value, agentName('desk'))?.rung, 'killed')
    }
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

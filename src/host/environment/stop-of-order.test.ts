import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Agent } from '../../config/config.ts'
import type { WardenMessage } from '../../gateway/link/setup.ts'
import { environmentName, newCellId, no, ok } from '../../model/index.ts'
import { Starting } from '../services/starting.ts'
import type { Order } from '../stop/containment.ts'
import { memoryFences } from '../stop/memory-fences.ts'
import { stopCells } from '../stop/stop.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'
import { LiveCells } from './live-cells.ts'
import { PulseNumbers } from './pulse-numbers.ts'
import { stopFor } from './stop-of-order.ts'

const ORDER: Order = { id: 'o_1', target: { kind: 'all' }, rung: 'frozen', by: 'maria', why: 'a test' }
const END = `end of ${newCellId(Buffer.alloc(16, 1))}`

/** Stops a cell that is ending: the kernel has nothing of it any more; returns what the gateway was told, and the points. */
async function stopEnding(follows: boolean) {
  const fences = memoryFences()
  fences.make()
  const starting = new Starting(fences)
  const cells = new LiveCells(starting)
  const cell = { id: newCellId(Buffer.alloc(16, 1)) }
  const agent = { name: 'alpha' } as Agent // of an agent, nothing else is looked at
  cells.begin(1, { cell, agent, kept: [], teardown: { gone: true } } as unknown as HostedCell) // as above
  cells.beginEnd(1)
  const heard: (WardenMessage | string)[] = []
  const services = {
    gatewayPid: 0,
    tell: (message: WardenMessage) => ok(void heard.push(message)),
    said: async () => (follows ? ok(undefined) : no('it does not say so')),
    distrust: () => heard.push('distrusted'),
  }
  const ground = {
    cells,
    starting,
    environment: environmentName('test'),
    gateway: { services },
    numbers: new PulseNumbers(),
    state: { fences },
  } as unknown as EnvironmentGround // all that is asked of it
  const parts = { ground, servers: { stopShared: () => [] }, undos: { isBusy: () => false } }
  const stop = stopFor(parts as unknown as Parameters<typeof stopFor>[0], ORDER, [1], () => true)
  const confirmations = await stopCells({ ...stop, agents: [], fences })
  return { heard, points: confirmations.map(({ point, confirmed, escalated }) => [point, confirmed, escalated]) }
}

describe('S8: a cell that is ending when the order comes', () => {
  it('is contained when its gateway has said so, too: streams of it may stand there', async () => {
    const { heard, points } = await stopEnding(true)
    const [told] = heard
    assert.deepEqual(typeof told === 'object' && told.kind === 'order' && [told.cells, told.rung], [[1], 'frozen'])
    assert.deepEqual(points, [
      ['gate', true, false],
      [END, true, false],
    ])
  })

  it('takes its gateway along where that does not', async () => {
    const { heard, points } = await stopEnding(false)
    assert.deepEqual(heard.slice(1), ['distrusted'])
    assert.deepEqual(points, [
      ['gate', true, true],
      [END, true, false],
    ])
  })
})

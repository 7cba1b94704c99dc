import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Agent } from '../../config/config.ts'
import { newCellId, ok } from '../../model/index.ts'
import { Servers, type ServersOptions } from './servers.ts'
import type { IsMeant } from './told-cells.ts'
import type { StdioUpstream } from './upstream-cell.ts'

const GIVER = { name: 'giver' } as Agent // of an agent, nothing else is looked at
const cell = newCellId(Buffer.alloc(16, 1))
const [isGiver, isNobody]: IsMeant[] = [(_, { name }) => name === 'giver', () => false]

describe('S8: a shared server that is being ended', () => {
  for (const [how, ends] of [
    ['with the last cell that has it', (_: Servers, kept: { end: () => Promise<void> }) => kept.end()],
    ['with its environment', (servers: Servers) => servers.endShared()],
  ] as const)
    it(`${how} is meant by an order to a cell that has told it something, until it is gone`, async () => {
      const servers = new Servers({
        newNumber: () => 1,
        mayBegin: () => ok(undefined),
        lineOf: () => [{ cell, agent: GIVER }],
      } as unknown as ServersOptions) // all that is asked of it
      const [kept] = servers.forCell([{ name: 'shared', server: { shared: true } } as unknown as StdioUpstream], 1, '')
      assert.ok(kept && isGiver && isNobody)
      const { promise: gone, resolve } = Promise.withResolvers<void>()
      kept.server.end = () => gone
      const asked: string[] = []
      kept.server.halt = async (rung) => {
        asked.push(rung)
        return ok('populated 0')
      }
      const ended = ends(servers, kept)
      assert.deepEqual(servers.toldBy(isGiver), ['giver'])
      assert.deepEqual(servers.toldBy(isNobody), [])
      assert.deepEqual(servers.stopShared(new Set(), isNobody, 'freeze'), [])
      const stopped = servers.stopShared(new Set(), isGiver, 'freeze')
      assert.deepEqual(
        stopped.map(({ name }) => name),
        ['shared'],
      )
      assert.deepEqual(await stopped[0]?.halt(), ok('populated 0'))
      assert.deepEqual(asked, ['kill'], 'nothing is kept of it')
      resolve()
      await ended
      assert.deepEqual(servers.toldBy(isGiver), [])
      assert.deepEqual(servers.stopShared(new Set(), isGiver, 'freeze'), [])
    })
})

it('S8: a shared server that an order has frozen, and that has ended since, is meant by none', async () => {
  const servers = new Servers({
    newNumber: () => 1,
    mayBegin: () => ok(undefined),
    lineOf: () => [{ cell, agent: GIVER }],
  } as unknown as ServersOptions) // all that is asked of it
  const [kept] = servers.forCell([{ name: 'shared', server: { shared: true } } as unknown as StdioUpstream], 1, '')
  assert.ok(kept && isGiver)
  kept.server.halt = async () => ok('frozen 1')
  assert.equal(servers.stopShared(new Set([1]), isGiver, 'freeze').length, 1)
  await kept.end()
  assert.deepEqual([servers.stopShared(new Set(), isGiver, 'freeze'), servers.toldBy(isGiver)], [[], []])
})

it('S8: a shared server that one order has frozen is meant by the next one, until it was killed', async () => {
  const servers = new Servers({
    newNumber: () => 1,
    mayBegin: () => ok(undefined),
    lineOf: () => [{ cell, agent: GIVER }],
  } as unknown as ServersOptions) // all that is asked of it
  const [kept] = servers.forCell([{ name: 'shared', server: { shared: true } } as unknown as StdioUpstream], 1, '')
  assert.ok(kept && isGiver && isNobody)
  const asked: string[] = []
  kept.server.halt = async (rung) => {
    asked.push(rung)
    return ok('as asked')
  }
  for (const [rung, numbers] of [
    ['freeze', [1]],
    ['freeze', []],
    ['kill', []],
  ] as const) {
    assert.deepEqual(servers.stopShared(new Set(), isNobody, rung), [])
    const stopped = servers.stopShared(new Set(numbers), isGiver, rung)
    assert.deepEqual(
      stopped.map(({ name }) => name),
      ['shared'],
      `${rung} ${numbers}`,
    )
    assert.deepEqual(servers.toldBy(isGiver), ['giver'])
    await stopped[0]?.halt()
  }
  assert.deepEqual(asked, ['freeze', 'freeze', 'kill'])
  assert.deepEqual(servers.stopShared(new Set(), isGiver, 'kill'), [])
  assert.deepEqual(servers.toldBy(isGiver), [])
})

import assert from 'node:assert/strict'
import { it } from 'node:test'
import { type MemoryGateway, memoryGateway } from '../../../test/kit/memory-gateway.ts'
import { bundle, grant } from '../../../test/policy/fixture.ts'
import type { Entry } from '../../model/entry.ts'
import { no, sha256 } from '../../model/index.ts'
import type { Passage } from './line.ts'
import { perform } from './pipeline.ts'

const BUDGET = [{ kind: 'bytes', max: 100_000_000, window: { kind: 'total' } }] as const
const COUNTED = grant({ budgets: BUDGET })

async function opened(): Promise<MemoryGateway> {
  return memoryGateway(await bundle(''), { authority: { grants: [COUNTED] } })
}

/** Performs a read whose answer passes on as it comes, and returns the entry of its outcome. */
async function outcomeOf(desk: MemoryGateway, passage: Partial<Passage>): Promise<Entry & { kind: 'action.outcome' }> {
  const attempt = desk.attempt('orders.get', { id: 'o_1' })
  await perform(desk.gate, desk.cell, {
    ...attempt,
    prepare: () => ({
      bytes: Buffer.from('asked'),
      send: async () => ({
        kind: 'passed',
        passed: { sent: 5, received: 70_000_000 },
        counted: { bytes: 70_000_005 },
        ...passage,
      }),
    }),
  })
  const found = (await desk.entries()).find((entry) => entry.kind === 'action.outcome')
  return found ?? assert.fail('no outcome was recorded')
}

const asks = (count: number, name: string) =>
  Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, id: `${name}${i}`, args: sha256('a'.repeat(64)) }))

it('B1: tools that a model asked for stand in its outcome as far as there is room, and the rest as a number', async () => {
  const few = await outcomeOf(await opened(), { asks: asks(256, 'Bash') })
  assert.equal(few.asks?.length, 256)
  assert.equal(few.detail, undefined)
  const many = await outcomeOf(await opened(), { asks: asks(256, '試'.repeat(240)) })
  assert.ok(many.asks !== undefined && many.asks.length > 10 && JSON.stringify(many.asks).length < 65_536)
  assert.equal(many.detail, `${256 - many.asks.length} more tools are asked for, and not named here`)
  assert.equal(many.settled?.bytes, 70_000_005)
})

it('B1: a name that is no text of Unicode keeps nothing out of the ledger', async () => {
  const outcome = await outcomeOf(await opened(), { asks: [{ name: 'x\ud83d' }] })
  assert.deepEqual(outcome.asks, [{ name: 'x\ufffd' }])
})

it('B1: an outcome that the ledger does not take is recorded without what only tells, and says so', async () => {
  const desk = await opened()
  const { ledger } = desk
  const append = ledger.append.bind(ledger)
  Object.assign(ledger, {
    append: (entry: Parameters<typeof append>[0]) =>
      'asks' in entry ? no({ kind: 'too-large', bytes: 300_000, max: 262_144 }) : append(entry),
  })
  const outcome = await outcomeOf(desk, { asks: asks(1, 'Bash'), why: 'it broke off' })
  assert.equal(outcome.outcome, 'unknown')
  assert.equal(outcome.settled?.bytes, 70_000_005, 'the next gateway counts what it cost')
  assert.equal(outcome.asks, undefined)
  assert.match(outcome.detail ?? '', /could not be recorded \(too-large\)/)
})

it('an answer that is not kept says so', async () => {
  const told = await outcomeOf(await opened(), { note: 'its answer is not kept: it is too long' })
  assert.equal(told.detail, 'its answer is not kept: it is too long')
  const desk = await opened()
  const { payloads } = desk.ledger
  let puts = 0
  const put = payloads.put.bind(payloads)
  Object.assign(payloads, {
    put: (...of: Parameters<typeof put>) => (++puts === 2 ? no({ kind: 'too-large', bytes: 9, max: 1 }) : put(...of)),
  })
  const outcome = await outcomeOf(desk, { bytes: Buffer.from('answered') })
  assert.match(outcome.detail ?? '', /what came back is not kept \(too-large\)/)
})

import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { memoryLogs } from '../../ledger/memory/memory-logs.ts'
import { agentName, cellId, environmentName, ok } from '../../model/index.ts'
import { askWardens, openControlSocket } from '../people/control-socket.ts'
import {
  ANSWERS_MS_MAX,
  EVIDENCE_MS_MAX,
  POINTS_MS_MAX,
  RECORD_MS_MAX,
  SILENCE_MS_MAX,
  STOP_MS_MAX,
  WORD_EVERY_MS,
} from './bounds.ts'
import { type Containing, contain, containedEntry, processesOf, recordingAloud } from './contain.ts'
import type { Confirmation } from './containment.ts'
import { memoryFences } from './memory-fences.ts'
import { fencedText } from './stop.ts'

const CELL = cellId('c_0000000000000001')

describe('S8: what is seen of the cells that were stopped', () => {
  it('keeps the order waiting no longer than its bound, whatever the cells have made to be looked at', async () => {
    const looked: string[] = []
    const cells = ['c_0000000000000001', 'c_0000000000000002'].map((name) => ({
      cell: {
        id: cellId(name),
        evidence: async () => {
          looked.push(name)
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20)
          return { processes: [], processesInAll: 2 }
        },
      },
    }))
    const seen = [...(await processesOf(cells, 10)).values()]
    assert.deepEqual(seen, [
      { processes: [], processesInAll: 2 },
      { problem: 'others were looked at, and there was no time left' },
    ])
    assert.deepEqual(looked, ['c_0000000000000001'])
  })
})

describe('S8: what the ledger is told of a stop', () => {
  const point = (name: string, said: string, confirmed = true): Confirmation => {
    return { point: name, by: 'kernel', confirmed, said, afterMs: 1, escalated: false }
  }
  const order = { id: 'o_1', target: { kind: 'all' }, rung: 'frozen', by: 'maria', why: 'x'.repeat(500) } as const
  const entryOf = (confirmations: readonly Confirmation[]) =>
    containedEntry(
      { id: CELL, agent: agentName('bot'), points: [] },
      { order, confirmations, contained: false, atMs: 1 },
      undefined,
    )

  it('has room in one message to the gateway, however many agents and points there are', () => {
    const names = Array.from({ length: 20_000 }, (_, i) => agentName(`a${i}`.padEnd(48, 'x')))
    const said = fencedText(names, order)
    assert.ok(said.endsWith(' and 19980 more, everybody else starts no more before it is released'), said.slice(-90))
    assert.equal(
      fencedText(names.slice(0, 2), { ...order, target: { kind: 'agent', name: 'a' } }).split(', ').length,
      2,
    )
    const own = [point(`processes of ${CELL}`, 'frozen'), point('gate', 'nothing more is admitted')]
    const states = Array.from({ length: 1_000 }, () => point('fence', said))
    const left = point('shared server desk', 'it goes on', false)
    const { receipt } = entryOf([...own, ...states, left])
    assert.ok(Buffer.byteLength(JSON.stringify(receipt)) < 40_000)
    const told = receipt.confirmations as unknown as readonly Confirmation[]
    assert.deepEqual(
      told.slice(0, 3).map((each) => each.point),
      ['shared server desk', `processes of ${CELL}`, 'gate'],
    )
    // As they came where there is room for all.
    assert.deepEqual(entryOf([...own, left]).receipt.confirmations, [own[1], left, own[0]])
  })
})

describe('S14: a warden that records a stop is not taken for one that hangs', () => {
  it('since nothing that it does between two words takes as long as it may be silent, nor all of it as it is heard', () => {
    assert.ok(POINTS_MS_MAX < SILENCE_MS_MAX, 'from the order to a first word, or between two points')
    assert.ok(EVIDENCE_MS_MAX + WORD_EVERY_MS < SILENCE_MS_MAX / 2, 'in the tick in which it can say nothing')
    assert.ok(RECORD_MS_MAX > SILENCE_MS_MAX, 'control: a record alone may take longer')
    // One that hangs in its record is ended before nobody listens any more.
    assert.ok(STOP_MS_MAX + SILENCE_MS_MAX < ANSWERS_MS_MAX)
  })

  it('says so at once and each second, and no longer than a record takes', (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] })
    let words = 0
    const over = recordingAloud(() => words++)
    assert.equal(words, 1)
    t.mock.timers.tick(WORD_EVERY_MS)
    assert.equal(words, 2)
    for (let i = 0; i < 100; i++) t.mock.timers.tick(WORD_EVERY_MS)
    assert.equal(words, 1 + RECORD_MS_MAX / WORD_EVERY_MS)
    over()
    const again = recordingAloud(() => words++)
    again()
    const before = words
    t.mock.timers.tick(10 * WORD_EVERY_MS)
    assert.equal(words, before)
  })

  it('answers whoever has ordered, though its record takes longer than they wait for a word', async () => {
    const directory = temporaryDirectory()
    mkdirSync(join(directory, 'control'))
    const logs = memoryLogs()
    const order = {
      id: 'o_0123456789abcdef',
      target: { kind: 'all' },
      rung: 'killed',
      by: 'maria',
      why: 'a test',
    } as const
    const gone = async () => ok('nothing is left')
    const containing = {
      order,
      stopping: [],
      leaving: [{ point: `end of ${CELL}`, cell: CELL, agent: agentName('bot'), gone }],
      shared: [],
      alsoAtGate: [],
      agents: [],
      environment: environmentName('test'),
      number: 1,
      state: { directory, fences: memoryFences(), logs },
      // Its disk takes long for the last entries.
      services: { gatewayPid: 0, tell: () => ok(undefined), said: () => delay(SLOW_MS, ok(undefined)) },
      record: async () => true,
      goesOn: () => undefined,
    } as unknown as Containing // all that is asked of it
    const door = await openControlSocket(directory, async ({ kind }, reply) => {
      if (kind === 'cells') return reply({ kind: 'done', ok: true, said: '', cells: [] })
      const receipt = await contain(containing, {
        confirmation: (confirmation) => reply({ kind: 'confirmation', confirmation }),
        recording: () => reply({ kind: 'recording' }),
      })
      reply({ kind: 'done', ok: receipt.contained, said: '', receipt })
    })
    assert.ok(door.ok, JSON.stringify(door))
    const heard: string[] = []
    const request = { kind: 'contain', order } as const
    const answers = await askWardens(directory, request, ({ kind }) => heard.push(kind), SILENT_MS)
    await door.value.close()
    assert.deepEqual(
      answers.map(({ ok: done, silent }) => [done, silent]),
      [[true, undefined]],
    )
    assert.deepEqual([...new Set(heard)], ['confirmation', 'recording', 'done'])
    assert.ok(existsSync(join(directory, 'receipts', `${order.id}.note`)))
  })
})

/** Milliseconds of a record, and of the silence that is waited for: words come far more often than that. */
const SLOW_MS = 7_000
const SILENT_MS = 4_500

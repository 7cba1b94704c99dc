import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type CheckpointId, newCheckpointId, personName } from '../model/index.ts'
import { BOUNDS_DEFAULT, NAMED_MAX, surplus, unfit } from './bounds.ts'
import type { Checkpoint, Occasion } from './checkpoint.ts'

let made = 0

function checkpoint(more: Partial<Checkpoint> = {}): Checkpoint {
  const madeAtMs = ++made
  return {
    id: newCheckpointId(madeAtMs, Buffer.alloc(16)),
    occasion: 'asked',
    by: personName('maria.silva@shop.example'),
    why: 'a test',
    madeAtMs,
    bytes: 1,
    stamp: '',
    workspace: {},
    spans: [[0, null]],
    ...more,
  }
}

const occasion = fc.constantFrom<Occasion>('asked', 'scheduled', 'before')
const history = fc.array(fc.record({ occasion, bytes: fc.integer({ min: 1, max: 20 }), named: fc.boolean() }), {
  minLength: 1,
  maxLength: 30,
})

function historyOf(plan: readonly { occasion: Occasion; bytes: number; named: boolean }[]): readonly Checkpoint[] {
  return plan.map(({ named, ...more }, i) => checkpoint({ ...more, ...(named && { name: `n${i}` }) }))
}

describe('which checkpoints go', () => {
  it('CK3: never the newest, never one with a name, and the oldest of its occasion before a younger one', () => {
    fc.assert(
      fc.property(history, fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 200 }), (plan, keep, bytesMax) => {
        const all = historyOf(plan)
        const newest = all.at(-1)?.id as CheckpointId
        const gone = new Set(surplus(all, newest, { keep, bytesMax }))
        const left = all.filter(({ id }) => !gone.has(id))
        assert.ok(!gone.has(newest))
        for (const each of all) if (each.name !== undefined) assert.ok(!gone.has(each.id))
        for (const which of ['asked', 'scheduled', 'before'] as const) {
          const unnamed = left.filter((each) => each.occasion === which && each.name === undefined)
          assert.ok(unnamed.length <= keep)
          const [oldest] = unnamed
          for (const each of all)
            if (gone.has(each.id) && each.occasion === which && oldest && oldest.id !== newest)
              assert.ok(each.madeAtMs < oldest.madeAtMs)
        }
        const bytes = left.reduce((sum, each) => sum + each.bytes, 0)
        const held = left.every((each) => each.name !== undefined || each.id === newest)
        assert.ok(bytes <= bytesMax || held, 'what could go went')
      }),
      { numRuns: 2_000 },
    )
  })

  it('S17: so many of each occasion are kept; what an agent causes pushes out nothing else', () => {
    const own = [checkpoint(), checkpoint({ occasion: 'scheduled' })]
    const caused = Array.from({ length: 200 }, () => checkpoint({ occasion: 'before' }))
    const gone = surplus([...own, ...caused], caused.at(-1)?.id as CheckpointId, BOUNDS_DEFAULT)
    assert.deepEqual(
      gone,
      caused.slice(0, 180).map(({ id }) => id),
    )
  })

  it('where bytes are short, the occasion that takes the most gives', () => {
    const own = [checkpoint({ bytes: 10 }), checkpoint({ occasion: 'scheduled', bytes: 10 })]
    const caused = Array.from({ length: 5 }, () => checkpoint({ occasion: 'before', bytes: 100 }))
    const gone = surplus([...own, ...caused], caused.at(-1)?.id as CheckpointId, { keep: 20, bytesMax: 250 })
    assert.deepEqual(
      gone,
      caused.slice(0, 3).map(({ id }) => id),
    )
  })

  it('S17: a hundred have a name, each its own, and what they hold is no room for others', () => {
    const named = Array.from({ length: NAMED_MAX }, (_, i) => checkpoint({ name: `n${i}`, bytes: 10 }))
    assert.match(unfit(named, { name: 'more', bytes: 1 }, BOUNDS_DEFAULT) ?? '', /100 of this workspace have a name/)
    assert.match(unfit(named.slice(1), { name: 'n7', bytes: 1 }, BOUNDS_DEFAULT) ?? '', /called "n7" already/)
    assert.equal(unfit(named.slice(1), { name: 'more', bytes: 1 }, BOUNDS_DEFAULT), undefined)
    assert.match(
      unfit(named, { bytes: 1 }, { keep: 1, bytesMax: 1_000 }) ?? '',
      /beside the 1000 of those that have a name/,
    )
    assert.equal(unfit(named, { bytes: 1 }, { keep: 1, bytesMax: 1_001 }), undefined)
  })
})

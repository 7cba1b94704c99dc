import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalText } from '../../ledger/log/canonical.ts'
import {
  cutText,
  type EntryBody,
  isJsonObject,
  type Json,
  type Label,
  LIMITS,
  type Reason,
  UNTRUSTED,
} from '../../model/index.ts'
import { reasonsFrom, reasonsJson, recordLabels, redacted } from './record.ts'

function bytesOf(value: Json): number {
  const text = canonicalText(value)
  assert.ok(text.ok, 'it has a canonical form')
  return Buffer.byteLength(text.value)
}

const text = fc
  .string({ unit: fc.constantFrom('a', '"', '\u0001', 'é', '漢', '😀', '\n'), maxLength: 20 })
  .chain((part) => fc.integer({ min: 1, max: 30 }).map((times) => part.repeat(times)))
const { value } = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 8 }),
    fc.dictionary(text, tie('value'), { maxKeys: 8, noNullPrototype: true }),
  ),
}))

describe('S6: the labels that a cell has newly seen', () => {
  it('are on disk before anything goes on, for whoever asks meanwhile too, and are written once', async () => {
    const labels = new Map<Label, object>([[UNTRUSTED, {}]])
    const written: EntryBody[] = []
    const synced = Promise.withResolvers<{ readonly ok: boolean }>()
    const ledger = {
      append: (body: EntryBody) => ({ ok: true, value: { seq: written.push(body) - 1 } }) as const,
      durable: () => synced.promise,
    }
    const cell = { id: 'c_1', labelled: new Set(), authority: { agent: 'alpha', exposure: { labels } } }
    const record = () => recordLabels(ledger as never, cell as never)
    const gone: string[] = []
    const first = record()?.then((onDisk) => gone.push(`first ${onDisk}`))
    const second = record()?.then((onDisk) => gone.push(`second ${onDisk}`))
    assert.deepEqual(
      written.map((entry) => entry.kind === 'label.seen' && entry.label),
      [UNTRUSTED],
    )
    await Promise.resolve()
    assert.deepEqual(gone, [], 'the disk has not answered')
    synced.resolve({ ok: true })
    await Promise.all([first, second])
    assert.deepEqual(gone, ['first true', 'second true'])
    assert.equal(record(), undefined, 'there is nothing to wait for any more')
  })

  it('that the ledger does not take keep everything back', async () => {
    const labels = new Map<Label, object>([[UNTRUSTED, {}]])
    const cell = { id: 'c_1', labelled: new Set(), authority: { agent: 'alpha', exposure: { labels } } }
    const full = { append: () => ({ ok: false }), durable: async () => ({ ok: true }) }
    for (let i = 0; i < 2; i++) assert.equal(await recordLabels(full as never, cell as never), false)
    const failing = { append: () => ({ ok: true, value: { seq: 0 } }), durable: async () => ({ ok: false }) }
    for (let i = 0; i < 2; i++) assert.equal(await recordLabels(failing as never, cell as never), false)
  })
})

describe('what the ledger shows of arguments', () => {
  it('S4: has a canonical form of bounded size, whatever a cell sends', () => {
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 2_000 }), (args, bytesMax) => {
        // Beside what is counted: brackets and the mark of what was left out, once for each level.
        assert.ok(bytesOf(redacted(args, bytesMax)) <= bytesMax + 400)
      }),
      { numRuns: 150 },
    )
    const wide = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`${i}`.padEnd(250, '漢'), '\u0001'.repeat(250)]),
    )
    assert.ok(bytesOf(redacted(wide)) <= LIMITS.recordedArgumentBytesMax + 400)
    assert.ok(bytesOf(redacted({ ['k'.repeat(300_000)]: 1 })) < 400)
  })

  it('S4: a pair of surrogates is never cut in two', () => {
    for (let before = 60; before < 68; before++) {
      const cut = redacted({ text: `${'a'.repeat(before)}😀${'b'.repeat(300)}` })
      assert.ok(isJsonObject(cut) && String(cut.text).isWellFormed())
    }
    assert.equal(cutText('ab😀', 3), 'ab')
    assert.equal(cutText('ab😀', 4), 'ab😀')
    assert.ok(cutText('\ud800', 4).isWellFormed())
  })

  it('leaves what is short as it is, and names that were cut apart', () => {
    const args = { order: 'o-1', lines: [{ sku: 'a', amount: 1.5 }], none: null, yes: true }
    assert.deepEqual(redacted(args), args)
    const long = redacted({ [`${'k'.repeat(300)}1`]: 1, [`${'k'.repeat(300)}2`]: 2 })
    assert.ok(isJsonObject(long))
    assert.deepEqual(Object.values(long), [1, 2])
    const many = redacted(Array.from({ length: 1_000 }, (_, i) => i))
    assert.ok(Array.isArray(many) && many.length === 200 && many.at(-1) === '…')
  })
})

describe('what the ledger keeps of reasons', () => {
  it('S15: all of them, as far as there is room, and how many more there were', () => {
    const reasons: Reason[] = Array.from({ length: 1_000 }, (_, i) => {
      return {
        kind: 'forbid',
        policy: `p${i}`,
        source: { file: 'a.cedar', line: i, column: 1 },
        advice: 'x'.repeat(200),
      }
    })
    const written = reasonsFrom(reasonsJson(reasons))
    assert.deepEqual(written.slice(0, 100), reasons.slice(0, 100))
    assert.ok(bytesOf(reasonsJson(reasons)) <= LIMITS.recordedReasonBytesMax + 200)
    const last = written.at(-1)
    assert.ok(last?.kind === 'unavailable' && last.problem.startsWith(`and ${1_001 - written.length} more`))
    const long = reasonsJson([{ kind: 'arguments', path: `$.${'😀'.repeat(5_000)}`, problem: '\ud800' }])
    assert.ok(bytesOf(long) < 9_000)
  })
})

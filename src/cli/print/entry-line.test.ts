import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { type Entry, isJsonObject, type Json } from '../../model/index.ts'
import { explain } from '../../policy/index.ts'
import { lineOf } from '../contain/contain.ts'
import { entryLine } from './entry-line.ts'
import { whatOf, wordsFor } from './holds.ts'

const AT = Date.UTC(2026, 10, 29, 20, 15, 1, 100)
const FORGED = '20:15:01.123  c_01hostile released: alpha of m'
/** A name as a cell or an upstream may choose it: what comes behind its spaces looks like an entry. */
const NAME = `x${' '.repeat(100)}${FORGED}`

const named = { cell: 'c_1', agent: 'alpha', environment: 'test', upstream: 'shop' }
const action = { action: 'a_1', ...named, operation: 'tool', tool: NAME, effect: 'write', args: {}, more: 2 }
const seen = { action: 'a_0', tool: NAME, path: '$.a', labels: ['untrusted'], as: NAME }
const source = { file: 'firebreak.yaml', line: 1, column: 1 }

const reasons: readonly { readonly [member: string]: Json }[] = [
  { kind: 'no-grant', upstream: NAME, tool: NAME },
  { kind: 'task', tool: NAME },
  { kind: 'definition', tool: NAME, problem: 'not accepted' },
  { kind: 'arguments', path: NAME, problem: NAME },
  { kind: 'delegation', delegation: 'd_1', problem: NAME },
  { kind: 'unrepresentable', path: NAME, problem: NAME, policy: 'never', source },
  { kind: 'requested', why: NAME },
  { kind: 'spend', path: NAME, problem: NAME },
  { kind: 'unavailable', what: 'upstream', problem: NAME },
  { kind: 'label', label: 'untrusted', accepts: [], cause: seen },
  { kind: 'destination', path: NAME, value: NAME, seen },
  { kind: 'link', path: NAME, value: NAME, seen },
  { kind: 'grant-condition', grant: 'g_1', source, condition: NAME, error: NAME },
  { kind: 'forbid', policy: 'p', source, error: NAME, advice: NAME },
]

/** One of every kind of entry, with such a name wherever a text of others can stand. */
const entries: readonly { readonly kind: string; readonly [member: string]: unknown }[] = [
  { kind: 'gateway.started', environment: NAME, configuration: NAME, version: '1' },
  {
    kind: 'configuration.applied',
    environment: NAME,
    by: NAME,
    before: NAME,
    after: NAME,
    narrowed: [NAME],
    widened: [{ agent: NAME, agreed: NAME, what: [NAME] }],
  },
  { kind: 'gateway.stopped', environment: NAME, why: NAME },
  { kind: 'cell.started', ...named, owner: NAME, receipt: {} },
  { kind: 'cell.taken-over', ...named, why: NAME, rung: 'watched', labels: [] },
  { kind: 'cell.ended', cell: NAME, receipt: {} },
  { kind: 'action.intent', ...action, spend: NAME, reasons: [] },
  ...reasons.flatMap((reason) =>
    ['action.refused', 'action.held'].map((kind) => ({ kind, ...action, reasons: [reason] })),
  ),
  { kind: 'hold.answered', hold: 'a_1', approved: true, by: NAME, why: NAME },
  { kind: 'label.seen', ...named, label: NAME },
  { kind: 'delegation.made', delegation: 'd_1', ...named, to: NAME, depth: 1, assignment: NAME },
  { kind: 'delegation.ended', delegation: 'd_1', why: NAME },
  { kind: 'action.outcome', action: 'a_1', outcome: 'failed', detail: NAME, leaked: [NAME] },
  { kind: 'upstream.seen', upstream: NAME, problem: NAME },
  { kind: 'egress.tried', upstream: 'shop', place: NAME, problem: NAME, times: 2 },
  { kind: 'cell.sensed', ...named, sensor: NAME, what: NAME, count: 2 },
  { kind: 'signal.raised', ...named, detector: NAME, mode: 'observe', what: NAME },
  { kind: 'rung.changed', ...named, from: 'normal', to: 'watched', by: NAME, why: NAME },
  { kind: 'cell.contained', ...named, rung: 'frozen', receipt: { by: NAME, why: NAME } },
  { kind: 'checkpoint.made', checkpoint: 'k_1', workspace: NAME, by: NAME, name: NAME, why: NAME },
  { kind: 'checkpoint.restored', checkpoint: 'k_1', workspace: NAME, by: NAME, why: NAME },
  { kind: 'undo.started', cell: 'c_1', by: NAME, why: NAME },
  { kind: 'effect.checked', action: 'a_1', problem: NAME },
  { kind: 'undo.ended', cell: NAME },
  { kind: 'definition.seen', upstream: 'shop', tool: NAME, problem: NAME, words: true },
  { kind: 'list.cut', upstream: 'shop', list: 'tools', what: [NAME, NAME], more: 1 },
  { kind: NAME, tool: NAME },
]

/** Members that are sentences of others: they stand behind a colon, and not in quotes. */
const SENTENCES = new Set(['why', 'problem', 'what', 'detail', 'condition', 'error', 'advice', 'as', 'spend'])

function withShort(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withShort)
  if (!isJsonObject(value as Json)) return value
  const members = Object.entries(value as object)
  return Object.fromEntries(members.map(([key, item]) => [key, SENTENCES.has(key) ? shortOf(item) : withShort(item)]))
}

function shortOf(value: unknown): unknown {
  return Array.isArray(value) ? ['short'] : 'short'
}

function line(entry: unknown): string {
  return entryLine({ v: 1, seq: 0, atMs: AT, ...(entry as object) } as Entry)
}

/** Returns the part of a line that is outside of quotes. */
function unquoted(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
}

describe('a line of an entry', () => {
  it('has a kind of entry for each that there is', () => {
    const model = readFileSync(join(import.meta.dirname, '../../model/entry.ts'), 'utf8')
    const kinds = [...model.matchAll(/readonly kind: '([a-z.-]+)'/g)]
      .map(([, kind = '']) => kind)
      .filter((kind) => kind.includes('.'))
    assert.ok(kinds.length > 20)
    assert.deepEqual(
      kinds.filter((kind) => !entries.some((entry) => entry.kind === kind)),
      [],
    )
  })

  it('has no run of spaces that others chose', () => {
    const own = line({ kind: 'action.refused', ...action, tool: 'pay', reasons: [{ kind: 'task', tool: 'pay' }] })
    assert.match(own, /^20:15:01\.100 {2}a_1 {2}REFUSED {2}write {8}shop\/pay {2}— pay is not among/)
    for (const entry of entries) {
      const text = line(entry)
      assert.doesNotMatch(text, / {10}/, text)
      assert.doesNotMatch(unquoted(text), /20:15:01\.123 {2}c_/, text)
    }
  })

  it('has no other time in it but in quotes, or behind the colon of a sentence', () => {
    for (const entry of entries.slice(0, -1)) {
      const text = unquoted(line(withShort(entry)))
      assert.deepEqual(text.match(/\d\d:\d\d:\d\d\.\d{3}/g), ['20:15:01.100'], text)
    }
  })

  it('says what a check found of an effect, or that it could not tell', () => {
    const found = [true, false, undefined].map((undone) => line({ kind: 'effect.checked', action: 'a_1', undone }))
    const said = found.map((text) => text.split('  a_1  ')[1])
    assert.deepEqual(said, ['does not stand', 'stands', 'cannot be told'])
  })

  it('of a reason, of a hold and of a stop keeps to the same', () => {
    for (const reason of reasons) {
      const [text = ''] = explain({ reasons: [withShort(reason)] as never })
      assert.doesNotMatch(unquoted(text), /20:15:01/, text)
    }
    const held = { ...action, hold: 'a_1', labels: [], reasons, expiresAtMs: AT, notBy: [NAME] }
    const hold = { held, log: 'test', attempts: 1, state: 'waiting' } as unknown as Parameters<typeof whatOf>[0]
    for (const text of wordsFor(hold, undefined, { ok: true, value: { args: { [NAME]: NAME } } } as never)) {
      assert.doesNotMatch(text, / {13}/, text)
      assert.ok(!unquoted(text).includes(FORGED), text)
    }
    assert.doesNotMatch(unquoted(whatOf(hold)), /20:15:01/)
    const point = { point: NAME, by: 'disk', confirmed: true, said: NAME, afterMs: 1, escalated: false } as const
    assert.doesNotMatch(lineOf(point), / {10}/)
  })
})

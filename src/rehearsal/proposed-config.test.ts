import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import type { Tightening } from '../recovery/incident/tighten.ts'
import { tightened, unifiedDiff } from './proposed-config.ts'

const BLOCK = `# the desk
agents:
  desk:
    owner: maria   # a person
    grants:
      - upstream: bank
        tools: [refunds.create, refunds.list]   # both
        budget: { spend: 100 EUR/day }
        expires: 8h

      - { upstream: mail, tools: [send], expires: 8h }   # for answers
      - upstream: files
        tools:
          - read
          - write
        expires: 8h
upstreams:
  bank:
    tools:
      refunds.create: { effect: spend, accepts: [untrusted, "confidential:x"] }
`

const JSON_FORM = JSON.stringify(parse(BLOCK))

/** The same, of the parsed document: the oracle of what a change means. */
function changed(text: string, change: Tightening): unknown {
  const next = tightened(text, 'desk', change)
  return next === undefined ? undefined : parse(next)
}

const grantsIn = (document: unknown) =>
  (document as { agents: { desk: { grants: readonly object[] } } }).agents.desk.grants

describe('a configuration with one line narrowed', () => {
  const changes: readonly (readonly [Tightening, (document: ReturnType<typeof parse>) => void])[] = [
    [
      { kind: 'tools', grant: 0, keep: ['refunds.create'] },
      (it) => {
        it.agents.desk.grants[0].tools = ['refunds.create']
      },
    ],
    [
      { kind: 'tools', grant: 2, keep: ['read'] },
      (it) => {
        it.agents.desk.grants[2].tools = ['read']
      },
    ],
    [
      { kind: 'budget', grant: 0, of: 'spend', to: '81.13 EUR/day' },
      (it) => {
        it.agents.desk.grants[0].budget.spend = '81.13 EUR/day'
      },
    ],
    [
      { kind: 'budget', grant: 0, of: 'calls', to: '3/min' },
      (it) => {
        it.agents.desk.grants[0].budget.calls = '3/min'
      },
    ],
    [
      { kind: 'budget', grant: 1, of: 'calls', to: '3/min' },
      (it) => {
        it.agents.desk.grants[1].budget = { calls: '3/min' }
      },
    ],
    [
      { kind: 'budget', grant: 2, of: 'calls', to: '3/min' },
      (it) => {
        it.agents.desk.grants[2].budget = { calls: '3/min' }
      },
    ],
    [
      { kind: 'accepts', tool: 'bank/refunds.create', keep: [] },
      (it) => {
        it.upstreams.bank.tools['refunds.create'].accepts = []
      },
    ],
    [
      { kind: 'enforce', detector: 'velocity' },
      (it) => {
        it.containment = { detectors: { velocity: { mode: 'enforce' } } }
      },
    ],
    [
      { kind: 'decoy', tool: 'bank/admin.override' },
      (it) => {
        it.containment = { decoys: ['bank/admin.override'] }
      },
    ],
  ]

  it('means what the proposal says, and nothing else of it has changed', () => {
    for (const text of [BLOCK, JSON_FORM])
      for (const [change, apply] of changes) {
        const expected = parse(BLOCK)
        apply(expected)
        assert.deepEqual(changed(text, change), expected, JSON.stringify(change))
      }
  })

  it('keeps every other byte, comments included', () => {
    const named = tightened(BLOCK, 'desk', { kind: 'tools', grant: 0, keep: ['model:generate', 'package:list'] })
    assert.match(named ?? '', /tools: \[generate, list\]/, 'as they stand under their upstream')
    const next = tightened(BLOCK, 'desk', { kind: 'tools', grant: 0, keep: ['refunds.create'] })
    assert.equal(next, BLOCK.replace('[refunds.create, refunds.list]', '[refunds.create]'))
    const budget = tightened(BLOCK, 'desk', { kind: 'budget', grant: 1, of: 'calls', to: '3/min' })
    assert.equal(budget, BLOCK.replace('expires: 8h }', 'expires: 8h, budget: { calls: 3/min } }'))
  })

  it('a new line stands behind the last of its block, before the empty ones', () => {
    const block = 'containment:\n  detectors:\n    duplicates: { rung: frozen }   # a storm\n\n'
    const next = tightened(`${block}${BLOCK}`, 'desk', { kind: 'decoy', tool: 'bank/x' })
    assert.equal(next, `${block.slice(0, -1)}  decoys: [bank/x]\n\n${BLOCK}`)
  })

  it('takes a grant out with its lines; of a list in one line, that is left to a person', () => {
    const without = changed(BLOCK, { kind: 'tools', grant: 1, keep: [] })
    assert.deepEqual(grantsIn(without), grantsIn(parse(BLOCK)).toSpliced(1, 1))
    assert.equal(tightened(JSON_FORM, 'desk', { kind: 'tools', grant: 1, keep: [] }), undefined)
  })

  it('what is not there, or means several things, is left to a person', () => {
    const several = BLOCK.replace('spend: 100 EUR/day', 'spend: [100 EUR/day, 500 EUR per month]')
    assert.equal(tightened(several, 'desk', { kind: 'budget', grant: 0, of: 'spend', to: '1 EUR/day' }), undefined)
    assert.equal(tightened(BLOCK, 'desk', { kind: 'tools', grant: 9, keep: ['read'] }), undefined)
    assert.equal(tightened('agents: [', 'desk', { kind: 'decoy', tool: 'bank/x' }), undefined)
  })
})

describe('its diff', () => {
  it('makes the second text of the first, wherever they differ', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`)
    const texts = [
      lines,
      lines.toSpliced(3, 1),
      lines.toSpliced(5, 2, 'other', 'and more', 'and more'),
      lines.toSpliced(0, 1).toSpliced(20, 0, 'between').toSpliced(38, 2, 'end'),
      ['all', 'else'],
    ].map((each) => each.join('\n'))
    for (const before of texts)
      for (const after of texts) {
        const diff = unifiedDiff('f', before, after)
        assert.deepEqual(diff.length === 0, before === after)
        assert.equal(patched(before, diff), after)
      }
  })
})

/** What `patch` does with it. */
function patched(before: string, [, , ...diff]: readonly string[]): string {
  const lines = before.split('\n')
  const next: string[] = []
  let at = 0
  for (const line of diff) {
    const [, from, , to] = /^@@ -(\d+),(\d+) \+(\d+),\d+ @@$/.exec(line) ?? []
    if (from !== undefined) {
      while (at < Number(from) - 1) next.push(lines[at++] ?? '')
      assert.equal(next.length, Number(to) - 1)
    } else if (line.startsWith('+')) next.push(line.slice(1))
    else {
      assert.equal(lines[at], line.slice(1))
      if (line.startsWith(' ')) next.push(lines[at] ?? '')
      at++
    }
  }
  return [...next, ...lines.slice(at)].join('\n')
}

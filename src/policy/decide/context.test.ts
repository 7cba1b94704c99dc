import assert from 'node:assert/strict'
import { it } from 'node:test'
import { environmentName, personName } from '../../model/ids.ts'
import type { Label } from '../../model/label.ts'
import { CedarSet, Decimal } from '../cedar/value.ts'
import { contextOf } from './context.ts'

const FACTS = {
  args: new Map([['amount', new Decimal(1n)]]),
  effect: 'spend',
  environment: environmentName('test'),
  owner: personName('maria@shop.example'),
  rung: 'watched',
  labels: new Map(),
  delegationDepth: 2,
  nowMs: Date.UTC(2026, 10, 22, 15, 30) + 59_999.5, // a Sunday
} as const

it('policies see who acts, what on, what it has seen, how far below, and when', () => {
  assert.deepEqual(
    contextOf(FACTS),
    new Map<string, unknown>([
      ['args', FACTS.args],
      ['effect', 'spend'],
      ['environment', 'test'],
      ['owner', 'maria@shop.example'],
      ['rung', 'watched'],
      ['labels', new CedarSet([])],
      ['delegationDepth', 2],
      [
        'time',
        new Map([
          ['ms', Math.floor(FACTS.nowMs)],
          ['hour', 15],
          ['minute', 30],
          ['weekday', 7],
        ]),
      ],
    ]),
  )
  const labels = new Map((['untrusted', 'confidential:a'] as Label[]).map((label) => [label, 0]))
  assert.deepEqual(contextOf({ ...FACTS, labels }).get('labels'), new CedarSet(['untrusted', 'confidential:a']))
})

it('a week begins on Monday, a day at 00:00 UTC', () => {
  const time = (nowMs: number) => {
    const seen = contextOf({ ...FACTS, nowMs }).get('time') as ReadonlyMap<string, unknown>
    return ['weekday', 'hour', 'minute'].map((name) => seen.get(name))
  }
  const mondayMs = Date.UTC(2026, 10, 23)
  assert.deepEqual(time(mondayMs - 1), [7, 23, 59])
  assert.deepEqual(time(mondayMs), [1, 0, 0])
  assert.deepEqual(time(mondayMs + 3_600_000 - 1), [1, 0, 59])
  assert.deepEqual(time(0), [4, 0, 0])
})

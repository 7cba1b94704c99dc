import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { budget, duration } from './units.ts'

const HOUR = 3_600_000

describe('a duration', () => {
  it('is taken as people write it', () => {
    const written: readonly (readonly [string, number])[] = [
      ['90s', 90_000],
      ['2m', 120_000],
      ['10min', 600_000],
      ['10 minutes', 600_000],
      ['2 h', 2 * HOUR],
      ['2hrs', 2 * HOUR],
      ['1h30m', 1.5 * HOUR],
      ['1h 30m', 1.5 * HOUR],
      ['1 hour 30 min', 1.5 * HOUR],
      ['1.5h', 1.5 * HOUR],
      ['1d12h', 36 * HOUR],
      ['1w', 168 * HOUR],
      ['1500ms', 1_500],
      ['2H', 2 * HOUR],
      ['PT1H30M', 1.5 * HOUR],
      ['P1D', 24 * HOUR],
      ['366d', 366 * 24 * HOUR],
    ]
    for (const [text, ms] of written) assert.equal(duration(text), ms, text)
  })

  it('is nothing that could mean two things, or none', () => {
    const refused = ['', '30', '0s', '500ms', '30m1h', '1h1h', '10M', '1y', '-5m', '1e3s', '1h30', 'h', '1.h', '367d']
    for (const text of [...refused, 'PT', 'P', '1h,30m', '1 h  30m', 'two hours', '٣h', '1h ', ' 1h'])
      assert.equal(duration(text), undefined, text)
  })
})

describe('a window of a budget', () => {
  it('takes the spellings of its unit', () => {
    for (const text of ['60/min', '60/m', '60/minute', '60 per minute', '60 per min'])
      assert.deepEqual(budget('calls')(text), { kind: 'calls', max: 60, window: { kind: 'sliding', ms: 60_000 } }, text)
    assert.deepEqual(budget('calls')('60/h')?.window, { kind: 'sliding', ms: HOUR })
    assert.deepEqual(budget('calls')('60 per day')?.window, { kind: 'calendar', unit: 'day', zone: 'UTC' })
    for (const text of ['60/week', '60/fortnight', '60 per minute Europe/Lisbon', '60/ms'])
      assert.equal(budget('calls')(text), undefined, text)
  })
})

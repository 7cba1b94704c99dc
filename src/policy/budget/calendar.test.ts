import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { periodAt } from './calendar.ts'

const HOUR_MS = 3_600_000

describe('periodAt', () => {
  const days: readonly (readonly [zone: string, at: string, hours: number, start: string])[] = [
    ['UTC', '2026-03-29T12:00:00Z', 24, '2026-03-29T00:00:00Z'],
    // Clocks are set forward at one in the morning, and back at two.
    ['Europe/Lisbon', '2026-03-29T12:00:00Z', 23, '2026-03-29T00:00:00Z'],
    ['Europe/Lisbon', '2026-10-25T00:30:00Z', 25, '2026-10-24T23:00:00Z'],
    ['America/New_York', '2026-11-01T12:00:00Z', 25, '2026-11-01T04:00:00Z'],
    // Forward at midnight: the day begins at one.
    ['Africa/Cairo', '2026-04-24T12:00:00Z', 23, '2026-04-23T22:00:00Z'],
    ['Asia/Kathmandu', '2026-06-01T00:00:00Z', 24, '2026-05-31T18:15:00Z'],
    // The day after a day that was left out.
    ['Pacific/Apia', '2011-12-31T00:00:00Z', 24, '2011-12-30T10:00:00Z'],
  ]
  for (const [zone, at, hours, start] of days) {
    it(`S7: the day of ${at} in ${zone} has ${hours} hours`, () => {
      const period = periodAt(Date.parse(at), 'day', zone)
      assert.equal(new Date(period.startMs).toISOString().replace('.000', ''), start)
      assert.equal((period.endMs - period.startMs) / HOUR_MS, hours)
    })
  }

  it('a week begins on Monday, a month on its first, over the end of a year too', () => {
    const week = periodAt(Date.parse('2027-01-03T23:59:59Z'), 'week', 'UTC')
    assert.deepEqual([week.startMs, week.endMs], [Date.UTC(2026, 11, 28), Date.UTC(2027, 0, 4)])
    const month = periodAt(Date.parse('2026-12-31T23:30:00Z'), 'month', 'Europe/Berlin')
    assert.equal(new Date(month.startMs).toISOString(), '2026-12-31T23:00:00.000Z')
    assert.equal(new Date(month.endMs).toISOString(), '2027-01-31T23:00:00.000Z')
  })

  it('S7: each moment is in its period, and the next begins where it ends', () => {
    const zones = ['UTC', 'Europe/Lisbon', 'America/Sao_Paulo', 'Asia/Tehran', 'Australia/Lord_Howe', 'Pacific/Chatham']
    const date = (zone: string, ms: number) => new Date(ms).toLocaleDateString('en-CA', { timeZone: zone })
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.constantFrom('day' as const, 'week' as const, 'month' as const),
        fc.integer({ min: Date.UTC(2015, 0), max: Date.UTC(2040, 0) }),
        (zone, unit, ms) => {
          const { startMs, endMs } = periodAt(ms, unit, zone)
          assert.ok(startMs <= ms && ms < endMs)
          assert.equal(periodAt(endMs, unit, zone).startMs, endMs)
          // By the dates that the platform shows: the last moment before is of another date than the first one.
          assert.notEqual(date(zone, startMs - 1), date(zone, startMs))
          if (unit === 'day') assert.equal(date(zone, ms), date(zone, startMs))
          if (unit === 'month') assert.match(date(zone, startMs), /-01$/)
        },
      ),
      { numRuns: 60 },
    )
  })
})

/**
 * The official conformance suite against a server, and against the same server behind Firebreak, compared check by check:
 * every revision towards the cell, over every kind of upstream.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../kit/gateway.ts'
import { cleanUp } from '../kit/temporary.ts'
import { fixtureUpstream } from './fixture-grants.ts'
import { startFixture } from './fixture-server.ts'
import { REFUSED, UNTESTABLE_BEHIND_OLDER } from './refused.ts'
import { type Asked, lost, runServerSuite, type SuiteRun } from './suite.ts'

const REVISIONS: readonly (readonly [string, Asked, checksMin: number])[] = [
  ['2026-07-28', { requirements: '2026-07-28' }, 160],
  ['2025-11-25', { requirements: '2025-11-25' }, 80],
  ['2025-06-18', { specVersion: '2025-06-18', suite: 'all' }, 55],
]

const fixture = await startFixture()
const older = await startFixture('legacy')
cleanUp(fixture.close)
cleanUp(older.close)
const gateway = await startGateway({
  upstreams: {
    modern: fixtureUpstream({ url: fixture.url }, 'modern'),
    older: fixtureUpstream({ url: older.url }, 'legacy'),
  },
})
const everLost = new Set<string>()

describe('the conformance suite, through Firebreak', { concurrency: 2 }, () => {
  for (const [revision, asked, checksMin] of REVISIONS) {
    it(`${revision}: no check is lost but those that are refused on purpose`, async () => {
      const cell = await gateway.admit()
      const direct = await runServerSuite(fixture.url, asked)
      assert.ok(successes(direct) >= checksMin, `the server itself passes ${successes(direct)} checks`)
      const behindModern = lost(direct, await runServerSuite(cell.url('modern'), asked))
      const behindOlder = lost(direct, await runServerSuite(cell.url('older'), asked))
      for (const key of [...behindModern, ...behindOlder]) everLost.add(key)
      assert.deepEqual(
        behindModern.filter((key) => !Object.hasOwn(REFUSED, key)),
        [],
      )
      assert.deepEqual(
        behindOlder.filter((key) => !Object.hasOwn({ ...REFUSED, ...UNTESTABLE_BEHIND_OLDER }, key)),
        [],
      )
    })
  }
})

it('every check that is listed as refused is one that is lost', () => {
  const listed = Object.keys({ ...REFUSED, ...UNTESTABLE_BEHIND_OLDER })
  assert.deepEqual(
    listed.filter((key) => !everLost.has(key)),
    [],
  )
})

function successes({ checks }: SuiteRun): number {
  return [...checks.values()].reduce((sum, counts) => sum + (counts.SUCCESS ?? 0), 0)
}

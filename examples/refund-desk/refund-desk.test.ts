import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { assertRecorded, NOT_COMPARED } from '../../test/house/compared.ts'
import { ledgerOf } from '../../test/kit/command-line.ts'
import { refundsIn } from './shop/book.ts'

/** Entries that are the same on every day. */
const TOLD = [
  'action.intent',
  'action.outcome',
  'action.refused',
  'label.seen',
  'definition.seen',
  'signal.raised',
  'undo.started',
  'effect.checked',
  'undo.ended',
] as const

const missing = ['script', 'bwrap'].filter(
  (program) => !['/usr/bin', '/bin'].some((folder) => existsSync(join(folder, program))),
)

describe('the refund desk', { skip: missing.length > 0 ? `needs ${missing.join(' and ')}` : false }, () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-desk-test-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  it('S1 S2 S3 S6 S8 S10 S16: holds every claim, and keeps a ledger that verifies', { timeout: 240_000 }, async () => {
    const desk = spawnSync(process.execPath, [join(import.meta.dirname, 'start.ts'), '--json', '--state', state], {
      encoding: 'utf8',
    })
    const last = desk.stdout.trimEnd().split('\n').at(-1) ?? ''
    assert.equal(desk.status, 0, desk.stderr + last)
    const result = JSON.parse(last)
    assert.ok(
      Object.keys(result.claims).length >= 12 && Object.values(result.claims).every((holds) => holds === true),
      last,
    )
    assert.equal(result.within.attempts.length, 11)
    assert.equal(result.without.productionChanged, true)
    assert.ok(existsSync(join(state, 'ledger', 'test')) && existsSync(join(state, 'witness', 'witness.pub')))
    const { lastAct } = result
    // The shop's own book, opened here: what the storm paid is all taken back, and the honest refunds stand.
    const refunds = refundsIn(join(state, 'book.db'))
    const storm = refunds.filter(({ order }) => order === 'o_1004')
    assert.equal(storm.length, lastAct.within.paid)
    assert.deepEqual([storm.length, storm.filter(({ state }) => state === 'cancelled').length], [11, 11])
    assert.deepEqual(
      refunds.filter(({ order }) => order !== 'o_1004').map(({ cents, state }) => [cents, state]),
      [
        [1990, 'paid'],
        [4500, 'paid'],
      ],
    )
    assert.deepEqual([lastAct.without.paid, lastAct.within.later, lastAct.undo.undone], [200, 0, 11])
    const pages = lastAct.page.map((path: string) => readFileSync(path, 'utf8'))
    assert.equal(pages.length, 2)
    if (NOT_COMPARED === false) assertRecorded('refund-desk', await ledgerOf(state), TOLD)
    for (const page of pages) assert.match(page, /Contained\.[\s\S]*did not leave/)
  })
})

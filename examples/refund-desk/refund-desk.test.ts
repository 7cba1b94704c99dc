import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, describe, it } from 'node:test'

const missing = ['script', 'bwrap'].filter(
  (program) => !['/usr/bin', '/bin'].some((folder) => existsSync(join(folder, program))),
)

describe('the refund desk', { skip: missing.length > 0 ? `needs ${missing.join(' and ')}` : false }, () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-desk-test-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  it('S1 S2 S3 S6 S10: holds every claim, and keeps a ledger that verifies', { timeout: 120_000 }, () => {
    const desk = spawnSync(process.execPath, [join(import.meta.dirname, 'start.ts'), '--json', '--state', state], {
      encoding: 'utf8',
    })
    const last = desk.stdout.trimEnd().split('\n').at(-1) ?? ''
    assert.equal(desk.status, 0, desk.stderr + last)
    const result = JSON.parse(last)
    assert.ok(
      Object.keys(result.claims).length >= 7 && Object.values(result.claims).every((holds) => holds === true),
      last,
    )
    assert.equal(result.within.attempts.length, 11)
    assert.equal(result.without.productionChanged, true)
    assert.ok(existsSync(join(state, 'ledger', 'test')) && existsSync(join(state, 'witness', 'witness.pub')))
  })
})

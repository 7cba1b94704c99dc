import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { openLedger, originOf } from '../../src/ledger/log/ledger.ts'
import { LEDGER_LIMITS } from '../../src/ledger/log/limits.ts'
import { startSealing } from '../../src/ledger/seal/sealing.ts'
import { fill, intent, witnessFor } from './ledger-fixture.ts'

const UNSEALED_MAX = LEDGER_LIMITS.unsealedEntriesMax
const LOWERED = 100

describe('entries that no seal covers', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-unsealed-'))
  after(() => rmSync(state, { recursive: true, force: true }))

  it('S17: are 1,048,576 at the most', () => assert.equal(UNSEALED_MAX, 1_048_576))

  it('S17: past the limit nothing is appended, until the witness has sealed what is there', async () => {
    // A million would take ten seconds and 64 MiB: the ledger that is asked is the real one.
    Object.assign(LEDGER_LIMITS, { unsealedEntriesMax: LOWERED })
    const directory = join(state, 'ledger')
    const opened = await openLedger({ directory, origin: originOf('test'), clock: { nowMs: Date.now } })
    assert.ok(opened.ok)
    const ledger = opened.value
    await fill(ledger, LOWERED)
    const refused = { ok: false, reason: { kind: 'unsealed', entries: LOWERED } }
    assert.deepEqual(ledger.append(intent(LOWERED)), refused)
    assert.equal(ledger.fault, undefined, 'it is not broken')

    const witness = await witnessFor(join(state, 'witness'), 'test')
    const sealing = startSealing(ledger, witness.stream, Date.now)
    assert.ok((await sealing.sealNow()).ok)
    // It would go on by itself, in the middle of what follows.
    await sealing.stop()
    await fill(ledger, LOWERED, LOWERED)
    assert.deepEqual(ledger.append(intent(2 * LOWERED)), refused)
    await witness.stopWitness()
    await ledger.close()
  })
})

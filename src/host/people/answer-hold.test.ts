/** S15: an approval is of all that a call would carry, by whatever way a person gives it. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { CELL, openDesk } from '../../../test/sim/ledger-fixture.ts'
import { heldBytes } from '../../gateway/pipeline/held-payload.ts'
import { redacted } from '../../gateway/pipeline/record.ts'
import { holdsIn, type KnownHold } from '../../ledger/views/holds.ts'
import {
  actionId,
  agentName,
  type Commitment,
  environmentName,
  type JsonObject,
  personName,
  sha256,
  toolName,
  upstreamName,
} from '../../model/index.ts'
import { entriesOf } from '../state/logs.ts'
import { storesOf } from '../state/stores.ts'
import { answerHold } from './answer-hold.ts'
import { wholeOf } from './held-whole.ts'

const MARIA = personName('maria.silva@shop.example')
const LONG = { to: 'EVIL1', note: `${'x'.repeat(400)} and a copy to evil.example` }
const noSecrets = { leakIn: () => undefined } as unknown as Parameters<typeof heldBytes>[1] // what is asked of it

const desk = openDesk()
storesOf(desk.state).fences.make()
after(() => desk.remove())

/** Returns a hold of these arguments that waits in a log; `lost` is one whose payload is not there. */
async function held(number: number, args: JsonObject, lost = false): Promise<KnownHold> {
  const { ledger, sealing, close } = await desk.open('test')
  const hold = actionId(`a_${String(number).padStart(20, '0')}`)
  const put = ledger.payloads.put(CELL, heldBytes(args, noSecrets))
  assert.ok(put.ok)
  const payload: Commitment = lost ? { ...put.value, sha256: sha256('e'.repeat(64)) } : put.value
  const appended = ledger.append({
    kind: 'action.held',
    action: hold,
    hold,
    cell: CELL,
    agent: agentName('desk'),
    environment: environmentName('test'),
    upstream: upstreamName('bank'),
    operation: 'tool',
    tool: toolName('pay'),
    effect: 'write',
    definition: sha256('d'.repeat(64)),
    args: redacted(args),
    payload,
    binding: sha256('b'.repeat(64)),
    labels: [],
    reasons: [],
    expiresAtMs: Date.now() + 600_000,
  })
  assert.ok(appended.ok && (await ledger.durable(appended.value.seq)).ok)
  await sealing.sealNow()
  await close()
  const known = (await holdsIn(entriesOf(desk.state), Date.now())).find((each) => each.held.hold === hold)
  assert.ok(known !== undefined)
  return known
}

const answer = (hold: KnownHold, approved: boolean, read?: string) =>
  answerHold(desk.state, { hold, approved, by: MARIA, forMs: 60_000, ...(read !== undefined && { read }) })
const given = async ({ held: { hold } }: KnownHold) => (await storesOf(desk.state).mailbox.get(hold))?.approved

describe('S15: an approval', () => {
  it('of what its entry shows in part only is none before a person has read the rest', async () => {
    const hold = await held(1, LONG)
    const whole = await wholeOf(desk.state, hold.log, hold.held)
    assert.ok(whole.ok && whole.value.digest !== undefined, JSON.stringify(whole))
    assert.deepEqual(whole.value.args, LONG)
    for (const read of [undefined, '', 'f'.repeat(16), whole.value.digest.slice(0, 15)])
      assert.deepEqual(await answer(hold, true, read), { ok: false, reason: { kind: 'unread' } })
    assert.equal(await given(hold), undefined, 'nothing lies there')
    assert.deepEqual(await answer(hold, true, whole.value.digest), { ok: true, value: false })
    assert.equal(await given(hold), true)
  })

  it('of what nobody can see whole is none, and a denial needs no reading', async () => {
    const hold = await held(2, LONG, true)
    const answered = await answer(hold, true, 'f'.repeat(16))
    assert.ok(!answered.ok && answered.reason.kind === 'unseen', JSON.stringify(answered))
    assert.equal(await given(hold), undefined)
    assert.deepEqual(await answer(hold, false), { ok: true, value: false })
    assert.equal(await given(hold), false)
  })

  it('of what its entry shows whole needs no digest', async () => {
    const hold = await held(3, { to: 'GOOD1' })
    assert.deepEqual(await answer(hold, true), { ok: true, value: false })
  })
})

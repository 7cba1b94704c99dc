import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { until } from '../../../test/kit/until.ts'
import { holdsIn } from '../../ledger/views/holds.ts'
import type { Entry } from '../../model/entry.ts'
import { actionId, environmentName, ok, personName } from '../../model/index.ts'
import { AnswerBox } from './answers.ts'
import type { HoldAnswer } from './mailbox.ts'
import { memoryMailbox } from './memory-mailbox.ts'

type Logged = Entry & { readonly log: string }

const HOLD = actionId('a_00000000000000000001')
const TEST = environmentName('test')

function answer(by: string, approved: boolean, changes: Partial<HoldAnswer> = {}): HoldAnswer {
  const person = personName(`${by}@shop.example`)
  return { hold: HOLD, environment: TEST, approved, by: person, forMs: 60_000, ...changes }
}

describe('S15: answers on their way to a gateway', () => {
  it('an approval takes no other answer’s place; a denial takes that of an approval', async () => {
    const mailbox = memoryMailbox()
    const given = async () => (await mailbox.get(HOLD))?.by
    assert.ok((await mailbox.put(answer('alice', true))).ok)
    assert.deepEqual(await mailbox.put(answer('carol', true)), {
      ok: false,
      reason: `${HOLD} is approved by alice@shop.example already`,
    })
    assert.equal(await given(), 'alice@shop.example')
    assert.ok((await mailbox.put(answer('bob', false))).ok)
    for (const approved of [true, false])
      assert.deepEqual(await mailbox.put(answer('carol', approved)), {
        ok: false,
        reason: `${HOLD} is denied by bob@shop.example already`,
      })
    assert.equal(await given(), 'bob@shop.example')
    assert.equal((await mailbox.get(HOLD))?.approved, false)
  })

  it('S9: an approval from before a release is withdrawn, here as at the gateway, and only where it lies unused', async () => {
    const body = { v: 1, seq: 0, atMs: 1, log: 'test' } as const
    const held = { ...body, kind: 'action.held', hold: HOLD, agent: 'desk', expiresAtMs: 100 } as unknown as Logged
    const answered = { ...body, kind: 'hold.answered', hold: HOLD, by: 'alice', approved: true, expiresAtMs: 100 }
    const released = (from: string) => ({ ...body, kind: 'rung.changed', agent: 'desk', from, to: 'normal' })
    const stateOf = async (...entries: readonly object[]) => {
      const told = async function* () {
        yield* [held, ...entries] as Logged[]
      }
      return (await holdsIn(told(), 2)).map(({ state }) => state)
    }
    assert.deepEqual(await stateOf(answered, released('restricted')), ['approved'])
    assert.deepEqual(await stateOf(answered, released('killed')), ['withdrawn'])
    assert.deepEqual(await stateOf(released('killed'), answered), ['approved'])
    const mailbox = memoryMailbox()
    assert.ok((await mailbox.put(answer('alice', true))).ok)
    await mailbox.withdraw(HOLD)
    assert.equal(await mailbox.get(HOLD), undefined)
    assert.ok((await mailbox.put(answer('alice', false))).ok)
    await mailbox.withdraw(HOLD)
    assert.equal((await mailbox.get(HOLD))?.approved, false, 'a denial stays')
  })

  it('one that cannot be delivered yet keeps no other back, and is delivered at a later look', async (t) => {
    const mailbox = memoryMailbox()
    const other = actionId('a_00000000000000000002')
    assert.ok((await mailbox.put(answer('alice', true))).ok)
    assert.ok((await mailbox.put(answer('alice', true, { hold: other }))).ok)
    const heard: string[] = []
    let faults = 0
    const deliver = async ({ hold }: HoldAnswer) => {
      if (hold === HOLD && faults++ === 0) throw new Error('the gateway is busy')
      heard.push(hold)
      return ok(undefined)
    }
    const box = new AnswerBox({ mailbox, environment: TEST, deliver })
    t.after(() => box.close())
    void box.look()
    await until('both are heard', () => heard.length === 2)
    assert.deepEqual(heard, [other, HOLD])
    await until('nothing lies there', async () => (await mailbox.get(HOLD)) === undefined)
  })

  it('a denial that comes while an approval is delivered is delivered, too', async (t) => {
    const mailbox = memoryMailbox()
    assert.ok((await mailbox.put(answer('alice', true))).ok)
    const heard: string[] = []
    const deliver = async ({ by, approved }: HoldAnswer) => {
      heard.push(by)
      if (approved) await mailbox.put(answer('bob', false))
      return ok(undefined)
    }
    const box = new AnswerBox({ mailbox, environment: TEST, deliver })
    t.after(() => box.close())
    void box.look()
    await until('both are heard', () => heard.length === 2)
    assert.deepEqual(heard, ['alice@shop.example', 'bob@shop.example'])
  })
})

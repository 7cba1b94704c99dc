import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { holdsIn } from '../../ledger/views/holds.ts'
import type { Entry } from '../../model/entry.ts'
import { actionId, environmentName, ok, personName } from '../../model/index.ts'
import { AnswerBox, answerGiven, giveAnswer, type HoldAnswer, withdrawAnswer } from './answers.ts'

type Logged = Entry & { readonly log: string }

const HOLD = actionId('a_00000000000000000001')
const TEST = environmentName('test')

function answer(by: string, approved: boolean, changes: Partial<HoldAnswer> = {}): HoldAnswer {
  const person = personName(`${by}@shop.example`)
  return { hold: HOLD, environment: TEST, approved, by: person, forMs: 60_000, ...changes }
}

describe('S15: answers on their way to a gateway', () => {
  it('an approval takes no other answer’s place; a denial takes that of an approval', () => {
    const state = temporaryDirectory()
    const given = () => answerGiven(state, HOLD)?.by
    assert.ok(giveAnswer(state, answer('alice', true)).ok)
    assert.deepEqual(giveAnswer(state, answer('carol', true)), {
      ok: false,
      reason: `${HOLD} is approved by alice@shop.example already`,
    })
    assert.equal(given(), 'alice@shop.example')
    assert.ok(giveAnswer(state, answer('bob', false)).ok)
    for (const approved of [true, false])
      assert.deepEqual(giveAnswer(state, answer('carol', approved)), {
        ok: false,
        reason: `${HOLD} is denied by bob@shop.example already`,
      })
    assert.equal(given(), 'bob@shop.example')
    assert.equal(answerGiven(state, HOLD)?.approved, false)
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
    const state = temporaryDirectory()
    assert.ok(giveAnswer(state, answer('alice', true)).ok)
    withdrawAnswer(state, HOLD)
    assert.equal(answerGiven(state, HOLD), undefined)
    assert.ok(giveAnswer(state, answer('alice', false)).ok)
    withdrawAnswer(state, HOLD)
    assert.equal(answerGiven(state, HOLD)?.approved, false, 'a denial stays')
  })

  it('one that cannot be delivered yet keeps no other back, and is delivered at a later look', async (t) => {
    const state = temporaryDirectory()
    const other = actionId('a_00000000000000000002')
    assert.ok(giveAnswer(state, answer('alice', true)).ok)
    assert.ok(giveAnswer(state, answer('alice', true, { hold: other })).ok)
    const heard: string[] = []
    let faults = 0
    const deliver = async ({ hold }: HoldAnswer) => {
      if (hold === HOLD && faults++ === 0) throw new Error('the gateway is busy')
      heard.push(hold)
      return ok(undefined)
    }
    const box = new AnswerBox({ stateDirectory: state, environment: TEST, deliver })
    t.after(() => box.close())
    void box.look()
    await until('both are heard', () => heard.length === 2)
    assert.deepEqual(heard, [other, HOLD])
    await until('nothing lies there', () => answerGiven(state, HOLD) === undefined)
  })

  it('a denial that comes while an approval is delivered is delivered, too', async (t) => {
    const state = temporaryDirectory()
    assert.ok(giveAnswer(state, answer('alice', true)).ok)
    const heard: string[] = []
    const deliver = async ({ by, approved }: HoldAnswer) => {
      heard.push(by)
      if (approved) giveAnswer(state, answer('bob', false))
      return ok(undefined)
    }
    const box = new AnswerBox({ stateDirectory: state, environment: TEST, deliver })
    t.after(() => box.close())
    void box.look()
    await until('both are heard', () => heard.length === 2)
    assert.deepEqual(heard, ['alice@shop.example', 'bob@shop.example'])
  })
})

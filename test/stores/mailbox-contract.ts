/** The promises of every mailbox (`src/host/people/mailbox.ts`), asked of one: the same tests run over each. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HoldAnswer, Mailbox } from '../../src/host/people/mailbox.ts'
import { actionId, environmentName, personName } from '../../src/model/index.ts'

const [HOLD, OTHER] = [actionId('a_00000000000000000001'), actionId('a_00000000000000000002')]
const [TEST, PRODUCTION] = [environmentName('test'), environmentName('production')]

function answer(by: string, approved: boolean, changes: Partial<HoldAnswer> = {}): HoldAnswer {
  const person = personName(`${by}@shop.example`)
  return { hold: HOLD, environment: TEST, approved, by: person, forMs: 60_000, why: 'as agreed', ...changes }
}

/** @param open a mailbox that is empty, and the same one as another process would have it. */
export function mailboxContract(name: string, open: () => { mailbox: Mailbox; again: () => Mailbox }): void {
  describe(`mailbox: ${name}`, () => {
    it('MB1: an approval takes no other answer’s place; a denial takes that of an approval', async () => {
      const { mailbox } = open()
      assert.ok((await mailbox.put(answer('alice', true))).ok)
      const second = await mailbox.put(answer('carol', true))
      assert.deepEqual(second, { ok: false, reason: `${HOLD} is approved by alice@shop.example already` })
      assert.ok((await mailbox.put(answer('bob', false))).ok)
      for (const approved of [true, false]) {
        const late = await mailbox.put(answer('carol', approved))
        assert.deepEqual(late, { ok: false, reason: `${HOLD} is denied by bob@shop.example already` })
      }
      assert.deepEqual(await mailbox.get(HOLD), answer('bob', false))
    })

    it('MB1: of many who approve at once one does', async () => {
      const { mailbox, again } = open()
      const people = Array.from({ length: 10 }, (_, i) => `person-${i}`)
      const put = await Promise.all(people.map((each, i) => (i % 2 === 0 ? mailbox : again()).put(answer(each, true))))
      assert.equal(put.filter(({ ok }) => ok).length, 1)
      const there = await again().get(HOLD)
      assert.equal(there?.by, `person-${put.findIndex(({ ok }) => ok)}@shop.example`)
    })

    it('MB2: is listed for its own environment, whole, until it is taken out', async () => {
      const { mailbox, again } = open()
      assert.deepEqual(await mailbox.list(TEST), [])
      await mailbox.put(answer('alice', true))
      await mailbox.put(answer('bob', false, { hold: OTHER, environment: PRODUCTION }))
      assert.deepEqual(await again().list(TEST), [answer('alice', true)])
      assert.deepEqual(await mailbox.list(PRODUCTION), [answer('bob', false, { hold: OTHER, environment: PRODUCTION })])
      assert.equal(await mailbox.take(answer('alice', true), true), true)
      assert.deepEqual(await again().list(TEST), [])
      assert.equal(await mailbox.get(HOLD), undefined)
      assert.equal(await mailbox.wasRefused(HOLD), false)
      assert.equal((await mailbox.list(PRODUCTION)).length, 1)
    })

    it('MB2: taking one out ends none that has taken its place', async () => {
      const { mailbox } = open()
      await mailbox.put(answer('alice', true))
      await mailbox.put(answer('bob', false))
      for (const accepted of [true, false]) assert.equal(await mailbox.take(answer('alice', true), accepted), false)
      assert.deepEqual(await mailbox.get(HOLD), answer('bob', false))
    })

    it('tells that one was refused, until another answer is given', async () => {
      const { mailbox, again } = open()
      await mailbox.put(answer('alice', true))
      assert.equal(await mailbox.take(answer('alice', true), false), true)
      assert.equal(await again().wasRefused(HOLD), true)
      assert.deepEqual(await mailbox.list(TEST), [])
      assert.ok((await mailbox.put(answer('carol', true))).ok)
      assert.equal(await mailbox.wasRefused(HOLD), false)
    })

    it('S9: an approval is withdrawn, and a denial stays', async () => {
      const { mailbox } = open()
      await mailbox.withdraw(HOLD)
      await mailbox.put(answer('alice', true))
      await mailbox.withdraw(HOLD)
      assert.equal(await mailbox.get(HOLD), undefined)
      await mailbox.put(answer('alice', false))
      await mailbox.withdraw(HOLD)
      assert.deepEqual(await mailbox.get(HOLD), answer('alice', false))
    })
  })
}

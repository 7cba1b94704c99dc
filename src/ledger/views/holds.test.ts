import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type ActionId, actionId, agentName, type Entry, personName, sha256 } from '../../model/index.ts'
import { Holds, holdsIn, type KnownHold } from './holds.ts'

const NOW = 1_700_000_000_000
const [ANA, BEN] = [personName('ana@shop.example'), personName('ben@shop.example')]
const AGENTS = [agentName('desk'), agentName('other')] as const

const id = (number: number): ActionId => actionId(`a_0000000000000000000${number}`)

/** An entry with the members that a hold depends on. */
function entry(atMs: number, body: object): Entry & { readonly log: string } {
  return { v: 1, seq: 0, atMs, log: 'test', ...body } as unknown as Entry & { readonly log: string }
}

const held = (number: number, agent: string = AGENTS[0], more = {}) => ({
  ...{ kind: 'action.held', hold: id(number), agent, binding: sha256(`${number}`.repeat(64)) },
  ...{ expiresAtMs: NOW + 100, notBy: [BEN], ...more },
})
const answered = (number: number, approved: boolean, by = ANA) => ({
  ...{ kind: 'hold.answered', hold: id(number), approved, by, expiresAtMs: NOW + 50 },
})
const sent = (number: number) => ({ kind: 'action.intent', hold: id(number) })
const released = (agent: string, from = 'frozen') => ({ kind: 'rung.changed', agent, from, to: 'normal' })

async function shown(nowMs: number, ...bodies: readonly object[]): Promise<readonly KnownHold[]> {
  const entries = async function* () {
    yield* bodies.map((body) => entry(NOW, body))
  }
  return holdsIn(entries(), nowMs)
}

const states = async (nowMs: number, ...bodies: readonly object[]) =>
  (await shown(nowMs, ...bodies)).map(({ state, by }) => (by === undefined ? state : `${state} by ${by}`))

describe('the holds of a log', () => {
  it('HV1: a waiting hold takes one answer, in time, from a person who may give it', async () => {
    assert.deepEqual(await states(NOW, held(1)), ['waiting'])
    assert.deepEqual(await states(NOW, held(1), answered(1, true)), [`approved by ${ANA}`])
    assert.deepEqual(await states(NOW, held(1), answered(1, false), answered(1, true)), [`denied by ${ANA}`])
    assert.deepEqual(await states(NOW, held(1), answered(1, true, BEN)), ['waiting'])
    assert.deepEqual(await states(NOW, held(1), answered(1, false, BEN)), [`denied by ${BEN}`])
    assert.deepEqual(await states(NOW, held(1, 'desk', { expiresAtMs: NOW }), answered(1, true)), ['expired'])
    assert.deepEqual(await states(NOW, answered(1, true), sent(1)), [])
  })

  it('HV2: an approval is used once, is withdrawn by a release, or ends', async () => {
    const approved = [held(1), held(2, 'other'), answered(1, true), answered(2, true)]
    assert.deepEqual(await states(NOW, ...approved, sent(1)), [`used by ${ANA}`, `approved by ${ANA}`])
    assert.deepEqual(await states(NOW, ...approved, released('desk')), [`withdrawn by ${ANA}`, `approved by ${ANA}`])
    assert.deepEqual(
      await states(NOW, ...approved, released('desk', 'restricted')),
      Array(2).fill(`approved by ${ANA}`),
    )
    assert.deepEqual(await states(NOW + 50, ...approved, released('desk')), Array(2).fill(`expired by ${ANA}`))
    assert.deepEqual(await states(NOW + 99, held(1)), ['waiting'])
    assert.deepEqual(await states(NOW + 100, held(1), held(2), answered(2, false)), ['expired', `denied by ${ANA}`])
    assert.deepEqual(await states(NOW, held(1), sent(1)), ['used'])
    for (const hold of await shown(NOW, held(1), held(2), sent(2))) assert.ok(!('by' in hold))
    const holds = new Holds()
    for (const body of [held(1), sent(1)]) holds.take(entry(NOW, body))
    assert.deepEqual(holds.get(id(1))?.state, { kind: 'used' })
  })

  it('finds the newest hold of a binding: an older one that is told again does not take its place', () => {
    const holds = new Holds()
    const same = { binding: sha256('9'.repeat(64)) }
    for (const number of [1, 2, 1]) holds.take(entry(NOW, held(number, 'desk', same)))
    assert.equal(holds.newest(same.binding)?.id, id(2))
    assert.equal(holds.newest(sha256('8'.repeat(64))), undefined)
    holds.take(entry(NOW, answered(1, false)))
    holds.forget(NOW)
    assert.deepEqual([holds.newest(same.binding)?.id, holds.get(id(1))], [id(2), undefined])
  })

  it('counts attempts, those that share an entry among them, and keeps the first', async () => {
    const [hold, ...others] = await shown(
      NOW,
      held(1),
      held(1, 'desk', { more: 2, expiresAtMs: 1 }),
      held(1),
      answered(1, true),
      sent(1),
    )
    assert.deepEqual([hold?.attempts, hold?.held.expiresAtMs, hold?.log, others.length], [5, NOW + 100, 'test', 0])
  })

  it('HV3: taken step by step in the tick that decides, or folded from the entries afterwards, it is the same', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('open' as const), number: fc.nat(3), agent: fc.constantFrom(...AGENTS) }),
      fc.record({
        kind: fc.constant('answer' as const),
        number: fc.nat(3),
        approved: fc.boolean(),
        by: fc.constantFrom(ANA, BEN),
      }),
      fc.record({ kind: fc.constant('use' as const), number: fc.nat(3) }),
      fc.record({ kind: fc.constant('withdraw' as const), agent: fc.constantFrom(...AGENTS) }),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.nat(60)), { maxLength: 30 }), (steps) => {
        const [live, folded] = [new Holds(), new Holds()]
        let atMs = NOW
        for (const [each, passed] of steps) {
          atMs += passed
          switch (each.kind) {
            case 'open': {
              const body = held(each.number, each.agent)
              live.open({
                id: body.hold,
                agent: each.agent,
                binding: body.binding,
                expiresAtMs: NOW + 100,
                notBy: [BEN],
              })
              folded.take(entry(atMs, body))
              break
            }
            case 'answer': {
              const { number, approved, by } = each
              const fault = live.answer(id(number), approved, by, NOW + 50, atMs)
              // An answer that is not taken has no entry; one that a damaged log tells of all the same changes nothing.
              folded.take(entry(atMs, answered(number, approved, by)))
              if (fault === 'answered already') assert.notEqual(folded.get(id(number))?.state.kind, 'waiting')
              break
            }
            case 'use':
              live.use(id(each.number))
              folded.take(entry(atMs, sent(each.number)))
              break
            case 'withdraw':
              live.withdraw(each.agent)
              folded.take(entry(atMs, released(each.agent)))
          }
        }
        assert.deepEqual([...folded.values()], [...live.values()])
        for (const nowMs of [NOW, NOW + 50, NOW + 100]) {
          const open = [...live.values()].filter(({ state, expiresAtMs }) => {
            return state.kind === 'waiting'
              ? nowMs < expiresAtMs
              : state.kind === 'approved' && nowMs < state.expiresAtMs
          })
          live.forget(nowMs)
          assert.deepEqual([...live.values()], open)
        }
      }),
    )
  })
})

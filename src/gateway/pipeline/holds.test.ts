import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Action,
  type ActionId,
  agentName,
  type CellId,
  type JsonObject,
  type Label,
  LIMITS,
  personName,
  type Sha256,
} from '../../model/index.ts'
import { bindingOf, HoldBook } from './holds.ts'

const BY = personName('joao.costa@shop.example')
const NOW = 1_700_000_000_000
const id = (number: number) => `a_${String(number).padStart(20, '0')}` as ActionId
const binding = (name: string) => name.padStart(64, '0') as Sha256

function action(number: number, changes: Partial<Record<keyof Action, unknown>> = {}): Action {
  const made = { id: id(number), agent: 'desk', environment: 'test', upstream: 'bank', operation: 'tool', tool: 'pay' }
  return { ...made, args: { to: 'x' }, definition: 'd', ...changes } as unknown as Action
}

/** The entry of an intent that used a hold up. */
function used(number: number): Parameters<HoldBook['restore']>[0] {
  return { kind: 'action.intent', hold: id(number), atMs: NOW } as unknown as Parameters<HoldBook['restore']>[0]
}

function waiting(book: HoldBook, number: number, name: string, nowMs = NOW, changes = {}): ActionId {
  const opened = book.open(action(number, changes), binding(name), nowMs)
  return opened.ok ? opened.value : assert.fail(opened.reason)
}

describe('S15: the book of holds', () => {
  it('S15: one action waits under one name, however often it is tried; another binding is another hold', () => {
    const book = new HoldBook()
    assert.equal(waiting(book, 1, 'a'), id(1))
    assert.equal(waiting(book, 2, 'a'), id(1))
    assert.equal(waiting(book, 3, 'b'), id(3))
    assert.equal(book.expiresAtMs(id(1)), NOW + LIMITS.holdMsMax)
  })

  it('S15: an approval is taken once, before its time, for its binding', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    assert.equal(book.take(binding('a'), NOW), undefined)
    assert.equal(book.answer(id(1), true, BY, NOW + 10, NOW), undefined)
    assert.equal(book.take(binding('b'), NOW), undefined)
    assert.equal(book.take(binding('a'), NOW + 10), undefined)
    assert.deepEqual(book.take(binding('a'), NOW + 9), { hold: id(1), by: BY })
    assert.equal(book.take(binding('a'), NOW + 9), undefined)
    assert.equal(waiting(book, 2, 'a', NOW + 9), id(2))
  })

  it('H5: S9: a release withdraws what was approved of that agent, and nothing that waits', () => {
    const book = new HoldBook()
    for (const [number, name, agent] of [
      [1, 'a', 'desk'],
      [2, 'b', 'other'],
      [3, 'c', 'desk'],
    ] as const)
      waiting(book, number, name, NOW, { agent })
    for (const number of [1, 2]) assert.equal(book.answer(id(number), true, BY, NOW + 10, NOW), undefined)
    const moved = {
      v: 1,
      seq: 0,
      kind: 'rung.changed',
      agent: agentName('desk'),
      to: 'normal',
      by: BY,
      why: 'a test',
      atMs: NOW,
    } as const
    const started = { ...moved, cell: 'c_0000000000000001' as CellId, from: 'frozen' } as const
    for (const other of [started, { ...moved, from: 'restricted' } as const]) book.restore(other)
    book.restore({ ...moved, from: 'quarantined' })
    assert.equal(book.take(binding('a'), NOW + 1), undefined)
    assert.equal(book.fault(id(1), true, BY, NOW), 'answered already')
    assert.deepEqual(book.take(binding('b'), NOW + 1), { hold: id(2), by: BY })
    assert.equal(book.answer(id(3), true, BY, NOW + 10, NOW), undefined)
  })

  it('S15: only a waiting hold is answered; a denial opens nothing, and the next attempt asks anew', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    assert.equal(book.fault(id(1), true, BY, NOW), undefined)
    assert.equal(book.answer(id(1), false, BY, NOW + 10, NOW), undefined)
    assert.equal(book.answer(id(1), true, BY, NOW + 10, NOW), 'answered already')
    assert.equal(book.fault(id(1), true, BY, NOW), 'answered already')
    assert.equal(book.answer(id(9), true, BY, NOW + 10, NOW), 'unknown')
    assert.equal(book.fault(id(9), true, BY, NOW), 'unknown')
    assert.equal(book.take(binding('a'), NOW), undefined)
    assert.equal(waiting(book, 2, 'a'), id(2))
  })

  it('S17: unanswered for an hour it is a refusal; the next attempt opens another', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    const late = NOW + LIMITS.holdMsMax
    assert.equal(book.fault(id(1), true, BY, late - 1), undefined)
    assert.equal(book.fault(id(1), true, BY, late), 'expired')
    assert.equal(book.answer(id(1), true, BY, late + 10, late), 'expired')
    assert.equal(waiting(book, 2, 'a', late - 1), id(1))
    assert.equal(waiting(book, 3, 'a', late), id(3))
  })

  it('S17: a few of each agent wait at a time; what has expired or was answered makes room', () => {
    const book = new HoldBook()
    for (let i = 0; i < LIMITS.holdsMax; i++) waiting(book, i, `h${i}`)
    assert.deepEqual(book.open(action(99), binding('more'), NOW), { ok: false, reason: 'too many' })
    assert.equal(waiting(book, 100, 'other', NOW, { agent: 'clerk' }), id(100))
    book.answer(id(0), true, BY, NOW + 99, NOW)
    assert.equal(waiting(book, 101, 'more'), id(101))
    assert.equal(book.take(binding('h0'), NOW)?.hold, id(0))
    assert.equal(waiting(book, 102, 'later', NOW + LIMITS.holdMsMax), id(102))
  })

  it('S15: H4: whoever may not approve it approves nothing, however they spell their name; deny they may', () => {
    const book = new HoldBook()
    const opened = book.open(action(1), binding('a'), NOW, [personName('maria@shop.example'), BY])
    assert.ok(opened.ok)
    const same = personName(' Joao.Costa@shop.example')
    assert.equal(book.answer(id(1), true, same, NOW + 10, NOW), 'another person has to approve')
    assert.equal(book.answer(id(1), true, personName('ana@shop.example'), NOW + 10, NOW), undefined)
    assert.deepEqual(book.take(binding('a'), NOW), { hold: id(1), by: 'ana@shop.example' })
    assert.ok(book.open(action(2), binding('b'), NOW, [BY]).ok)
    assert.equal(book.answer(id(2), false, same, NOW + 10, NOW), undefined)
    assert.equal(book.answer(id(2), true, personName('ana@shop.example'), NOW + 10, NOW), 'answered already')
  })

  it('S17: keeps what can still be answered or used, and forgets the rest', () => {
    const book = new HoldBook()
    const late = NOW + LIMITS.holdMsMax
    for (const [number, name] of ['waits', 'approved', 'denied', 'used'].entries()) waiting(book, number, name)
    book.answer(id(1), true, BY, late + 5, NOW)
    book.answer(id(2), false, BY, late + 5, NOW)
    book.answer(id(3), true, BY, late + 5, NOW)
    book.take(binding('used'), NOW)
    const kept = () => [0, 1, 2, 3].filter((number) => book.expiresAtMs(id(number)) > 0)
    assert.deepEqual(kept(), [0, 1, 2, 3])
    waiting(book, 10, 'first', late - 1)
    assert.deepEqual(kept(), [0, 1])
    waiting(book, 11, 'second', late)
    assert.deepEqual(kept(), [1])
    waiting(book, 12, 'third', late + 5)
    assert.deepEqual(kept(), [])
    assert.equal(book.expiresAtMs(id(1)), 0)
    // Of what was forgotten nothing is found by its binding either.
    assert.equal(book.answer(id(0), true, BY, late + 99, late), 'unknown')
    assert.equal(book.take(binding('approved'), NOW), undefined)
  })

  it('S15: forgetting an earlier hold leaves the later one of the same binding', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    book.answer(id(1), true, BY, NOW + 10, NOW)
    assert.equal(waiting(book, 2, 'a'), id(2))
    book.answer(id(2), true, BY, NOW + 100, NOW)
    waiting(book, 3, 'b', NOW + 20)
    assert.equal(book.expiresAtMs(id(1)), 0)
    assert.deepEqual(book.take(binding('a'), NOW + 21), { hold: id(2), by: BY })
  })

  it('S15: denied, expired or used up, an approval opens nothing; nor does its answer restore another', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    book.restore(used(9))
    const restored = { kind: 'action.held', hold: id(5), agent: 'desk', binding: binding('e') } as const
    const entry = { ...restored, expiresAtMs: NOW + 9, notBy: [BY], atMs: NOW } as unknown as Parameters<
      HoldBook['restore']
    >[0]
    book.restore(entry)
    assert.equal(book.fault(id(5), true, BY, NOW), 'another person has to approve')
    assert.equal(book.answer(id(1), true, BY, NOW + 1, NOW), undefined)
    // Told once more, it is not waiting again.
    book.restore({ ...entry, hold: id(1), binding: binding('a') } as typeof entry)
    assert.equal(book.fault(id(1), true, BY, NOW), 'answered already')
  })

  it('S15: H3: an approval is there until its time, its use or its withdrawal', () => {
    const book = new HoldBook()
    waiting(book, 1, 'a')
    assert.equal(book.approved(binding('a'), NOW), false)
    assert.equal(book.answer(id(1), true, BY, NOW + 10, NOW), undefined)
    assert.deepEqual(
      [NOW, NOW + 9, NOW + 10].map((nowMs) => book.approved(binding('a'), nowMs)),
      [true, true, false],
    )
    book.withdraw(agentName('other'))
    assert.equal(book.approved(binding('a'), NOW), true)
    book.withdraw(agentName('desk'))
    assert.equal(book.approved(binding('a'), NOW), false)
    assert.equal(book.take(binding('a'), NOW), undefined)
  })

  it('S11: what has no canonical form is bound to nothing', () => {
    assert.throws(() => bindingOf(action(1, { args: { to: Number.POSITIVE_INFINITY } }), [], []), /no canonical form/)
  })

  it('S4: made anew of the ledger it is the same book', () => {
    const book = new HoldBook()
    const held = { kind: 'action.held', agent: 'desk', expiresAtMs: NOW + 1_000 } as const
    const entry = (number: number, name: string) =>
      ({ ...held, hold: id(number), binding: binding(name), atMs: NOW }) as unknown as Parameters<
        HoldBook['restore']
      >[0]
    const answered = (number: number, approved: boolean) =>
      ({
        kind: 'hold.answered',
        hold: id(number),
        approved,
        by: BY,
        expiresAtMs: NOW + 500,
        atMs: NOW,
      }) as unknown as Parameters<HoldBook['restore']>[0]
    for (const [number, name] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
      [4, 'd'],
    ] as const)
      book.restore(entry(number, name))
    book.restore(entry(1, 'a'))
    for (const [number, approved] of [
      [1, true],
      [2, false],
      [3, true],
    ] as const)
      book.restore(answered(number, approved))
    book.restore(used(3))
    assert.equal(book.take(binding('a'), NOW)?.hold, id(1))
    assert.equal(book.take(binding('b'), NOW), undefined)
    assert.equal(book.take(binding('c'), NOW), undefined)
    assert.equal(book.fault(id(4), true, BY, NOW), undefined)
    assert.equal(waiting(book, 5, 'd', NOW + 999), id(4))
  })

  it('S15: what an approval is for: anything else in it, and it is another', () => {
    const labels = ['untrusted', 'confidential:a'] as unknown as Label[]
    const bound = bindingOf(action(1), labels, [])
    assert.equal(bindingOf(action(2), [...labels].reverse(), []), bound)
    assert.equal(bindingOf(action(1, { args: { to: 'x' } as JsonObject }), labels, []), bound)
    const others = [
      bindingOf(action(1), labels.slice(1), []),
      ...(['agent', 'environment', 'upstream', 'operation', 'tool', 'definition'] as const).map((key) =>
        bindingOf(action(1, { [key]: 'other' }), labels, []),
      ),
      bindingOf(action(1), labels, [BY]),
      bindingOf(action(1), labels, [personName('ana@shop.example')]),
      bindingOf(action(1, { args: { to: 'x', more: 1 } }), labels, []),
    ]
    assert.equal(new Set([...others, bound]).size, others.length + 1)
  })
})

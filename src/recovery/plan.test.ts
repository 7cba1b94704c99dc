import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Declared, nextStep, standingOf } from '../ledger/views/effects.ts'
import { UndoHistory } from '../ledger/views/undo-history.ts'
import type { Entry, EntryBody } from '../model/entry.ts'
import {
  type ActionId,
  agentName,
  type CellId,
  environmentName,
  newActionId,
  newCellId,
  personName,
  sha256,
  toolName,
  upstreamName,
} from '../model/index.ts'
import { planOf, todo } from './plan.ts'

/**
 * What an upstream does with one call; `turn-away` is a status without an answer, `forget` a lost session. `crash` ends
 * whoever asked, before or after it was done.
 */
const BEHAVIOURS = [
  'honest',
  'drop',
  'drop-before',
  'refuse',
  'refuse-after',
  'crash',
  'crash-before',
  'not-sent',
  'withhold',
  'turn-away',
  'turn-away-after',
  'forget',
] as const
/** Says that it did not look at a compensation that it carried out; of what is created, that word is taken. */
type Behaviour = (typeof BEHAVIOURS)[number] | 'forget-after'

interface Round {
  /** Which effects are ordered, by place; repeated orders are later rounds. */
  readonly ordered: readonly number[]
  readonly behaviours: readonly Behaviour[]
}

interface History {
  readonly created: readonly Behaviour[]
  readonly check: boolean
  readonly key: boolean
  readonly rounds: readonly Round[]
}

const creating = fc.constantFrom<Behaviour>(...BEHAVIOURS)
const behaviour = fc.constantFrom<Behaviour>(...BEHAVIOURS, 'forget-after')
const histories: fc.Arbitrary<History> = fc.record({
  created: fc.array(creating, { minLength: 1, maxLength: 6 }),
  check: fc.boolean(),
  key: fc.boolean(),
  rounds: fc.array(
    fc.record({ ordered: fc.array(fc.nat(5), { maxLength: 8 }), behaviours: fc.array(behaviour, { maxLength: 12 }) }),
    { maxLength: 4 },
  ),
})

/** The world: what was really created and cancelled, kept apart from every entry. It is the oracle. */
class World {
  readonly created = new Set<ActionId>()
  readonly cancels = new Map<ActionId, number>()
  /** Cancelled without ever having been there. */
  wrong = 0

  stands(effect: ActionId): boolean {
    return this.created.has(effect) && !this.cancels.has(effect)
  }

  cancel(effect: ActionId, key: boolean): void {
    if (!this.created.has(effect)) this.wrong++
    if (!key || !this.cancels.has(effect)) this.cancels.set(effect, (this.cancels.get(effect) ?? 0) + 1)
  }
}

/** Writes what a gateway writes, and does in the world what the upstream does. */
class Run {
  readonly world = new World()
  readonly story = new UndoHistory()
  readonly declared: Declared
  readonly effects: ActionId[] = []
  readonly #key: boolean
  #seq = 0
  /** Compensations that were recorded to be sent. */
  sent = 0
  /** Effects of whose compensation a byte has left. */
  readonly left = new Set<ActionId>()

  constructor({ created, check, key }: History) {
    this.#key = key
    const args = key ? { id: '$result.id', key: '$undo' } : { id: '$result.id' }
    this.declared = {
      undo: { tool: toolName('cancel'), args },
      ...(check && { check: { tool: toolName('find'), args: {}, undone: [] } }),
    }
    for (const how of created) this.#create(how)
  }

  /** One order: newest first, each as `nextStep` allows, until it is done or somebody was killed. */
  order({ ordered, behaviours }: Round): void {
    const left = [...behaviours]
    const since = this.#append({ kind: 'undo.started', ...WHO, cell: UNDO_CELL, by: OWNER, why: 'w', what: null })
    const named = new Set(ordered.flatMap((place) => this.effects[place] ?? []))
    for (const effect of todo(this.plan()).filter((each) => named.has(each))) {
      for (let steps = 0; steps < 5; steps++) {
        const record = this.story.history.effects.get(effect)
        const step = record === undefined ? 'nothing' : nextStep(record, this.declared, since)
        if (step === 'nothing') break
        const how = left.shift() ?? 'honest'
        if (step === 'check') {
          if (how !== 'honest') break
          this.#append({ kind: 'effect.checked', cell: UNDO_CELL, action: effect, undone: !this.world.stands(effect) })
        } else if (this.#call(how, { undoes: effect }, () => this.world.cancel(effect, this.#key)) === 'killed') return
      }
    }
  }

  plan() {
    const plan = planOf(this.story, {}, () => this.declared)
    assert.ok(plan.ok)
    return plan.value
  }

  #create(how: Behaviour): void {
    const action = newId(this.#seq)
    this.effects.push(action)
    this.#call(how, {}, () => this.world.created.add(action), action)
  }

  #call(
    how: Behaviour,
    about: { readonly undoes?: ActionId },
    act: () => void,
    action = newId(this.#seq),
  ): 'killed' | 'done' {
    if (about.undoes !== undefined) this.sent++
    if (about.undoes !== undefined && how !== 'not-sent') this.left.add(about.undoes)
    this.#append({
      kind: 'action.intent',
      action,
      cell: about.undoes === undefined ? CELL : UNDO_CELL,
      agent: agentName('desk'),
      environment: WHO.environment,
      upstream: upstreamName('bank'),
      operation: 'tool',
      tool: toolName('create'),
      effect: 'write',
      definition: DIGEST,
      args: {},
      payload: { sha256: DIGEST, bytes: 1 },
      reasons: [],
      ...about,
    })
    if (ACTS.has(how)) act()
    if (how === 'crash' || how === 'crash-before') return 'killed'
    this.#append({ kind: 'action.outcome', action, ...OUTCOMES[how] })
    return 'done'
  }

  #append(body: EntryBody): number {
    const seq = this.#seq++
    this.story.take({ ...body, v: 1, seq, atMs: 1_000 + seq } as Entry)
    return seq
  }
}

const OUTCOMES = {
  honest: { outcome: 'done' },
  drop: { outcome: 'unknown' },
  'drop-before': { outcome: 'unknown' },
  refuse: { outcome: 'failed' },
  'refuse-after': { outcome: 'failed' },
  withhold: { outcome: 'withheld' },
  'turn-away': { outcome: 'withheld', happened: 'unknown' },
  'turn-away-after': { outcome: 'withheld', happened: 'unknown' },
  forget: { outcome: 'withheld', happened: 'no' },
  'forget-after': { outcome: 'withheld', happened: 'no' },
  'not-sent': { outcome: 'not-sent' },
} as const

const ACTS: ReadonlySet<Behaviour> = new Set<Behaviour>([
  'honest',
  'drop',
  'refuse-after',
  'crash',
  'withhold',
  'turn-away-after',
  'forget-after',
])

/** Of these there is no effect. */
const NEVER: ReadonlySet<Behaviour | undefined> = new Set<Behaviour | undefined>(['not-sent', 'forget'])

const EVERYTHING: Round = { ordered: [0, 1, 2, 3, 4, 5], behaviours: [] }

const newId = (seq: number) => newActionId(1_000 + seq, new Uint8Array(16).fill(seq % 32))
const CELL: CellId = newCellId(new Uint8Array(16).fill(1))
const UNDO_CELL: CellId = newCellId(new Uint8Array(16).fill(2))
const OWNER = personName('maria.silva@shop.example')
const WHO = { agent: agentName('undo'), owner: OWNER, environment: environmentName('test') }
const DIGEST = sha256('0'.repeat(64))

function play(history: History): Run {
  const run = new Run(history)
  for (const round of history.rounds) run.order(round)
  return run
}

describe('the plan of an undo', () => {
  it('NX1, NX2: whatever is dropped, refused or killed, nothing is cancelled twice, and nothing that was not there', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { world } = play(history)
        assert.deepEqual(
          [...world.cancels.values()].filter((times) => times > 1),
          [],
        )
        assert.equal(world.wrong, 0)
      }),
      { numRuns: 2_000 },
    )
  })

  it('S16: every effect is in the table once, and the table says nothing that the world denies', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const run = play(history)
        const { world, effects } = run
        const table = run.plan()
        const { effects: all, ...others } = table.totals
        assert.equal(
          all,
          Object.values(others).reduce((sum, each) => sum + each, 0),
        )
        assert.equal(table.effects.length + table.notSent, effects.length)
        assert.deepEqual(
          table.effects.map(({ effect }) => effect.action),
          effects.filter((_, i) => !NEVER.has(history.created[i])).reverse(),
        )
        for (const { effect, standing } of table.effects) {
          const stands = world.stands(effect.action)
          if (standing.kind === 'undone') assert.equal(stands, false)
          if (standing.kind === 'undoable') assert.equal(stands, true)
          assert.notEqual(standing.kind, 'irreversible')
          const untouched = history.created[effects.indexOf(effect.action)] === 'honest' && !run.left.has(effect.action)
          if (untouched) assert.equal(standing.kind, 'undoable')
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('an undo of everything by an honest upstream with a check leaves nothing standing, whatever came before', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const run = play({ ...history, check: true })
        run.order(EVERYTHING)
        assert.deepEqual(
          run.effects.filter((effect) => run.world.stands(effect)),
          [],
        )
        assert.ok(run.plan().effects.every(({ standing }) => standing.kind === 'undone'))
      }),
      { numRuns: 1_000 },
    )
  })

  it('an undo of everything by an honest upstream undoes all that could be, and asks for nothing twice', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const run = play(history)
        const could = run.plan().effects.filter(({ standing }) => standing.kind === 'undoable')
        run.order(EVERYTHING)
        const after = new Map(run.plan().effects.map(({ effect, standing }) => [effect.action, standing.kind]))
        for (const { effect } of could) assert.equal(after.get(effect.action), 'undone')
        const sent = run.sent
        run.order(EVERYTHING)
        const left = run
          .plan()
          .effects.filter(({ standing }) => standing.kind === 'failed' || standing.kind === 'unknown')
        if (left.length === 0) assert.equal(run.sent, sent)
      }),
      { numRuns: 2_000 },
    )
  })

  it('NX1: what an earlier undo has found is asked again, once something may have landed since', () => {
    const run = play({
      created: ['honest'],
      check: true,
      key: false,
      rounds: [{ ordered: [0], behaviours: ['drop-before', 'drop'] }],
    })
    const [effect] = run.story.history.effects.values()
    assert.ok(effect !== undefined)
    effect.found = { seq: 50, undone: false }
    assert.equal(nextStep(effect, run.declared, 40), 'compensate')
    assert.equal(nextStep(effect, run.declared, 60), 'check')
  })

  it('what is an undo is no effect, and nobody can name it', () => {
    const run = play({ created: ['honest'], check: false, key: false, rounds: [{ ordered: [0], behaviours: [] }] })
    assert.equal(run.story.fault(UNDO_CELL), `${UNDO_CELL} is an undo: nothing undoes an undo`)
    assert.equal(planOf(run.story, { of: UNDO_CELL }, () => run.declared).ok, false)
    assert.equal(run.plan().effects.length, 1)
  })

  it('a tool that is no longer declared to have an undo is irreversible', () => {
    const run = play({ created: ['honest', 'drop'], check: false, key: false, rounds: [] })
    const plan = planOf(run.story, {}, () => undefined)
    assert.ok(plan.ok)
    assert.deepEqual(
      plan.value.effects.map(({ standing }) => standing.kind),
      ['unknown', 'irreversible'],
    )
    assert.deepEqual(todo(plan.value), [])
  })

  it('ST1: a check that was asked later has the last word', () => {
    const run = play({ created: ['honest'], check: true, key: false, rounds: [{ ordered: [0], behaviours: [] }] })
    const [effect] = run.story.history.effects.values()
    assert.ok(effect !== undefined)
    assert.deepEqual(standingOf(effect, run.declared), { kind: 'undone', by: 'check' })
    effect.found = { seq: 1_000, undone: false }
    assert.equal(standingOf(effect, run.declared).kind, 'failed')
  })
})

/** The order of `perform`'s steps (PA1 to PA6), on a ledger in memory and an upstream that is a function. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { answering, answerOf, type MemoryGateway, memoryGateway, type Says } from '../../../test/kit/memory-gateway.ts'
import { bundle, grant, NOW_MS } from '../../../test/policy/fixture.ts'
import { LEDGER_LIMITS } from '../../ledger/log/limits.ts'
import { type Json, jsonPath, type Label, LIMITS, personName, toolName, UNTRUSTED } from '../../model/index.ts'
import { BudgetBook } from '../../policy/budget/budget.ts'
import { compilePolicies } from '../../policy/cedar/compile.ts'
import { compileFlow } from '../../policy/flow/flow.ts'
import type { Attempt, Passed, Performed } from './attempt.ts'
import type { Sent } from './line.ts'
import { perform } from './pipeline.ts'

const OPEN = await bundle('')
const PAY = { amount: 10, currency: 'EUR' }
const ONCE = grant({ budgets: [{ kind: 'calls', max: 1, window: { kind: 'total' } }] })

/** Lets everything that waits for nothing but turns of the loop come to where it waits for something else. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn()
}

/** Keeps what is appended from the disk until it is called. */
function holdDisk({ faults }: MemoryGateway): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  faults.held = promise
  return resolve
}

function roomIn({ cell, gate }: MemoryGateway): bigint | undefined {
  return cell.authority.budgets.room([ONCE], 'calls', gate.nowMs())
}

const kindsOf = (performed: Performed | Passed) =>
  performed.kind === 'refused' ? performed.reasons.map(({ kind }) => kind) : []

describe('PA1: nothing leaves without its intent', () => {
  it('S4: an effect waits until its intent is on disk', async () => {
    const desk = await memoryGateway(OPEN)
    const release = holdDisk(desk)
    let onDisk: number | undefined
    const performing = perform(
      desk.gate,
      desk.cell,
      desk.attempt('refund', PAY, (sending) => {
        onDisk = desk.ledger.durableSize
        return answering({ id: 1 })(sending)
      }),
    )
    await settled()
    assert.deepEqual(desk.events, ['connect', 'prepare', 'action.intent'], 'nothing has left')
    release()
    assert.equal((await performing).kind, 'answered')
    assert.equal(onDisk, 1)
    assert.deepEqual(desk.events.slice(0, 5), ['connect', 'prepare', 'action.intent', 'send', 'action.outcome'])
    const [intent] = await desk.entries()
    assert.ok(intent?.kind === 'action.intent' && intent.effect === 'spend' && intent.protocol === 'mcp')
  })

  it('a read that nothing counts may leave before; one of a watched cell, or that a budget counts, waits', async () => {
    for (const [options, waits] of [
      [{}, false],
      [{ cell: { rung: 'watched' } }, true],
      [{ authority: { grants: [ONCE] } }, true],
    ] as const) {
      const desk = await memoryGateway(OPEN, options)
      const release = holdDisk(desk)
      const performing = perform(desk.gate, desk.cell, desk.attempt('orders.get', { id: 'o_1' }))
      await settled()
      assert.equal(desk.events.includes('send'), !waits, JSON.stringify(options))
      assert.ok(desk.events.includes('action.intent'))
      release()
      assert.equal((await performing).kind, 'answered')
    }
  })

  it('S4: an intent that cannot be kept is a refusal, and what it had reserved is there again', async () => {
    const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
    desk.faults.write = { kind: 'disk', doing: 'write', path: 'memory', code: 'ENOSPC' }
    const performed = await perform(desk.gate, desk.cell, desk.attempt('refund', PAY))
    assert.deepEqual([performed.kind, kindsOf(performed)], ['refused', ['unavailable']])
    assert.ok(!desk.events.includes('send'))
    assert.equal(roomIn(desk), 1n)
  })

  it('before what cannot be taken back, files are saved: where they must be and cannot, nothing is recorded or sent', async () => {
    for (const required of [true, false]) {
      const files = { saved: async () => 'the disk is full' } as never
      const desk = await memoryGateway(OPEN, {
        authority: { grants: [ONCE] },
        cell: { savedFirst: { files, required } },
        declared: { refund: { effect: 'irreversible' } },
      })
      const performed = await perform(desk.gate, desk.cell, desk.attempt('refund', PAY))
      assert.equal(performed.kind, required ? 'refused' : 'answered')
      assert.deepEqual([desk.events.includes('action.intent'), desk.events.includes('send')], [!required, !required])
      assert.equal(roomIn(desk), required ? 1n : 0n)
    }
  })
})

describe('PA2: before the first byte it is asked once more', () => {
  const changes: readonly (readonly [name: string, change: (desk: MemoryGateway) => unknown, why: RegExp])[] = [
    ['the cell has ended', ({ cell }) => cell.gone.abort(), /the cell is gone/],
    ['the cell was moved down', ({ cell }) => Object.assign(cell, { rung: 'quarantined' }), /quarantined/],
    [
      'other policies are in force',
      ({ cell }) => {
        cell.authority = { ...cell.authority, policies: compilePolicies(OPEN) }
      },
      /configuration has changed/,
    ],
    ['the last seal is too old', (desk) => desk.pass(LEDGER_LIMITS.sealAgeMaxMs + 1), /witness is away/],
    ['the witness disowned the log', ({ ledger }) => ledger.sealing.disowned('another log'), /witness is away/],
    ['its grant has ended', (desk) => desk.pass(3_600_001), /grant|expired|ended/],
  ]
  for (const [name, change, why] of changes) {
    it(`S4: ${name}: nothing leaves, and its reservation is there again`, async () => {
      const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
      const performed = await perform(
        desk.gate,
        desk.cell,
        desk.attempt('refund', PAY, (sending) => {
          change(desk)
          return answering({ id: 1 })(sending)
        }),
      )
      assert.ok(performed.kind === 'unanswered' && performed.outcome === 'not-sent', JSON.stringify(performed))
      assert.match(performed.why, why)
      assert.equal(desk.cell.authority.budgets.room([ONCE], 'calls', NOW_MS), 1n)
    })
  }

  it('where nothing has changed, it has nothing against it', async () => {
    const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
    let said: string | undefined = 'not asked'
    await perform(
      desk.gate,
      desk.cell,
      desk.attempt('refund', PAY, (sending) => {
        said = sending.lastCheck()
        return answering({ id: 1 })(sending)
      }),
    )
    assert.equal(said, undefined)
  })
})

describe('PA3: a reservation returns only when no byte left', () => {
  const outcomes: readonly (readonly [sent: Sent, outcome: string, returns: boolean])[] = [
    [{ kind: 'not-sent', why: 'refused at the door' }, 'not-sent', true],
    [{ kind: 'unknown', why: 'it hung up' }, 'unknown', false],
    [{ kind: 'unreadable', why: 'it is no JSON' }, 'withheld', false],
    [{ kind: 'unreadable', why: 'no such session', refused: 'session' }, 'withheld', false],
  ]
  for (const [sent, outcome, returns] of outcomes) {
    it(`S7: ${sent.kind} ${'refused' in sent ? 'and refused ' : ''}${returns ? 'returns it' : 'keeps it'}`, async () => {
      const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
      const performed = await perform(
        desk.gate,
        desk.cell,
        desk.attempt('refund', PAY, () => sent),
      )
      assert.ok(performed.kind === 'unanswered' && performed.outcome === outcome, JSON.stringify(performed))
      assert.equal(roomIn(desk), returns ? 1n : 0n)
      const again = await perform(desk.gate, desk.cell, desk.attempt('refund', PAY))
      assert.deepEqual([again.kind, kindsOf(again)], returns ? ['answered', []] : ['refused', ['budget']])
    })
  }

  it('S7: an answer takes it, also one that its upstream calls an error', async () => {
    for (const failed of [false, true]) {
      const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
      const performed = await perform(desk.gate, desk.cell, desk.attempt('refund', PAY, answering('no', failed)))
      assert.equal(performed.kind, 'answered')
      assert.equal(roomIn(desk), 0n)
      const outcome = (await desk.entries()).find(({ kind }) => kind === 'action.outcome')
      assert.ok(outcome?.kind === 'action.outcome' && outcome.outcome === (failed ? 'failed' : 'done'))
    }
  })
})

describe('PA4: what a cell is shown, it is known to have seen, before it sees it', () => {
  it('S15: an answer waits until its labels are on disk', async () => {
    const desk = await memoryGateway(OPEN)
    let release = () => {}
    let shown = false
    const performing = perform(
      desk.gate,
      desk.cell,
      desk.attempt('orders.get', { id: 'o_1' }, (sending) => {
        release = holdDisk(desk)
        return answering({ note: 'from somebody' })(sending)
      }),
    ).then((performed) => {
      shown = true
      return performed
    })
    await settled()
    assert.ok(desk.events.includes('label.seen'), desk.events.join())
    assert.ok(desk.cell.authority.exposure.labels.has('untrusted' as never))
    assert.equal(shown, false)
    release()
    assert.equal((await performing).kind, 'answered')
    assert.ok((await desk.entries()).some(({ kind }) => kind === 'label.seen'))
  })

  it('S15: where they will never be there, it is not shown', async () => {
    const desk = await memoryGateway(OPEN)
    const performed = await perform(
      desk.gate,
      desk.cell,
      desk.attempt('orders.get', { id: 'o_1' }, async (sending) => {
        await settled()
        desk.faults.write = { kind: 'disk', doing: 'write', path: 'memory', code: 'EIO' }
        return answering({ note: 'from somebody' })(sending)
      }),
    )
    assert.ok(performed.kind === 'unanswered' && performed.outcome === 'withheld', JSON.stringify(performed))
    assert.match(performed.why, /does not take its labels/)
  })

  it('S10: a secret in it, a field that is masked, an answer that breaks its definition: none of it is shown', async () => {
    const secrets = new Map([['payments', 'sk_live_12345678']])
    const mask = [jsonPath('$.iban') ?? assert.fail()]
    const shownOf = async (said: Json, options: Parameters<typeof memoryGateway>[1]) => {
      const desk = await memoryGateway(OPEN, options)
      const performed = await perform(desk.gate, desk.cell, desk.attempt('orders.get', { id: 'o_1' }, answering(said)))
      const outcome = (await desk.entries()).find(({ kind }) => kind === 'action.outcome')
      assert.ok(outcome?.kind === 'action.outcome')
      return [performed.kind === 'answered' ? performed.answer.said : performed.kind, outcome.outcome]
    }
    assert.deepEqual(await shownOf({ key: 'sk_live_12345678' }, { secrets }), ['unanswered', 'withheld'])
    assert.deepEqual(await shownOf({ iban: 'PT50', id: 1 }, { declared: { 'orders.get': { mask } } }), [
      { id: 1 },
      'done',
    ])
    assert.deepEqual(await shownOf({ id: 1 }, { judge: () => 'it must have a total' }), ['unanswered', 'withheld'])
  })
})

describe('PA5: nobody connects for an attempt that is refused or held', () => {
  const refusals: readonly (readonly [string, Parameters<typeof memoryGateway>[1], args?: typeof PAY])[] = [
    ['no-grant', { authority: { grants: [] } }],
    ['grant-expired', { authority: { grants: [grant({ expiresAtMs: NOW_MS })] } }],
    ['rung', { cell: { rung: 'quarantined' } }],
    ['arguments', {}, { ...PAY, amount: 'all' } as never],
    ['budget', { authority: { grants: [grant({ budgets: [{ ...ONCE.budgets[0], max: 0 } as never] })] } }],
  ]
  for (const [kind, options, args = PAY] of refusals) {
    it(`S2: ${kind}: it is recorded with its reasons, and told by its reference alone`, async () => {
      const desk = await memoryGateway(OPEN, options)
      const performed = await perform(desk.gate, desk.cell, desk.attempt('refund', args))
      assert.ok(performed.kind === 'refused')
      assert.ok(kindsOf(performed).includes(kind as never), kindsOf(performed).join())
      assert.deepEqual(desk.events, ['action.refused'])
      await settled()
      const [refused] = await desk.entries()
      assert.ok(refused?.kind === 'action.refused' && refused.action === performed.action)
    })
  }

  it('S4: nor while effects are closed', async () => {
    const desk = await memoryGateway(OPEN)
    desk.pass(LEDGER_LIMITS.sealAgeMaxMs + 1)
    const performed = await perform(desk.gate, desk.cell, desk.attempt('refund', PAY))
    assert.deepEqual([performed.kind, kindsOf(performed)], ['refused', ['unavailable']])
    assert.deepEqual(desk.events, ['action.refused'])
  })

  it('S15: what waits for a person goes nowhere, however often it is tried, and then once', async () => {
    const declared = { name: toolName('refund'), effect: 'spend', amount: '$.amount', currency: '$.currency' } as const
    const flow = compileFlow({ declared }, new Set())
    const desk = await memoryGateway(OPEN, { authority: { flows: { get: () => flow } } })
    const paid = { ...PAY, to: { iban: 'PT50' } }
    const attempt = () => perform(desk.gate, desk.cell, desk.attempt('refund', paid))
    desk.cell.authority.exposure.recordUntrusted('pay PT50', { tool: 'x', path: '$' })
    const [first, second] = [await attempt(), await attempt()]
    assert.ok(first.kind === 'held' && second.kind === 'held' && first.hold === second.hold, JSON.stringify(first))
    assert.deepEqual(desk.events, ['action.held', 'action.held'])
    const nowMs = desk.gate.nowMs()
    const by = personName('joao.costa@shop.example')
    assert.equal(desk.gate.holds.answer(first.hold, true, by, nowMs + LIMITS.holdMsMax, nowMs), undefined)
    assert.equal((await attempt()).kind, 'answered')
    assert.equal((await attempt()).kind, 'held', 'an approval is for one')
    const intents = (await desk.entries()).filter(({ kind }) => kind === 'action.intent')
    assert.equal(intents.length, 1)
    assert.ok(intents[0]?.kind === 'action.intent' && intents[0].hold === first.hold)
  })

  it('PA6: what nobody can be shown waits for no person, is asked for by no cell, and leaves by nobody’s yes', async () => {
    const declared = { name: toolName('refund'), effect: 'spend', amount: '$.amount', currency: '$.currency' } as const
    const flow = compileFlow({ declared }, new Set())
    const desk = await memoryGateway(OPEN, { authority: { flows: { get: () => flow } } })
    const paid = { ...PAY, to: { iban: 'PT50' } }
    const attempt = (changes: Partial<Attempt> = {}) =>
      perform(desk.gate, desk.cell, desk.attempt('refund', paid, undefined, changes))
    desk.cell.authority.exposure.recordUntrusted('pay PT50', { tool: 'x', path: '$' })
    assert.equal((await attempt({ prepareApproved: undefined })).kind, 'refused')
    assert.equal(desk.cell.asked.size, 0)
    const seen = await attempt()
    assert.ok(seen.kind === 'held')
    const nowMs = desk.gate.nowMs()
    const by = personName('joao.costa@shop.example')
    assert.equal(desk.gate.holds.answer(seen.hold, true, by, nowMs + LIMITS.holdMsMax, nowMs), undefined)
    assert.equal((await attempt({ prepareApproved: undefined })).kind, 'refused')
    assert.equal((await attempt()).kind, 'answered', 'control: the approval is still there')
  })

  it('PA6: F1: S8: what passes later is let through where it goes, over no label, and until its cell learns more', async () => {
    const declared = { name: toolName('refund'), effect: 'spend', accepts: [UNTRUSTED] } as const
    const flow = compileFlow({ declared }, new Set())
    const desk = await memoryGateway(OPEN, { authority: { flows: { get: () => flow } } })
    const { exposure } = desk.cell.authority
    const learn = (label: string) =>
      exposure.recordMessage({ text: 'ana' }, [label as Label], { action: 'a_0' as never, tool: 'x' }) // by their shape
    const checks: (string | undefined)[] = []
    const says: Says = ({ lastCheck }) => {
      checks.push(lastCheck(), lastCheck())
      learn('customers')
      checks.push(lastCheck())
      return { kind: 'unknown', why: 'enough' }
    }
    const paid = { ...PAY, to: { iban: 'PT50' } }
    const attempt = (changes: Partial<Attempt> = { isStreamed: true }) =>
      perform(desk.gate, desk.cell, desk.attempt('refund', paid, says, changes))
    const approve = async () => {
      const held = await attempt()
      assert.ok(held.kind === 'held', JSON.stringify(held))
      const nowMs = desk.gate.nowMs()
      const by = personName('joao.costa@shop.example')
      assert.equal(desk.gate.holds.answer(held.hold, true, by, nowMs + LIMITS.holdMsMax, nowMs), undefined)
    }
    await approve()
    assert.equal((await attempt()).kind, 'unanswered')
    assert.deepEqual(checks.slice(0, 2), [undefined, undefined])
    assert.match(checks[2] ?? '', /customers/)
    const refused = await attempt()
    assert.ok(refused.kind === 'refused')
    assert.ok(kindsOf(refused).includes('label'))
    assert.equal(desk.cell.asked.size, 0)
    const isApprovedUnseen = { isStreamed: true, isApprovedUnseen: true } as const
    assert.equal((await attempt(isApprovedUnseen)).kind, 'held', 'control: what is declared to be an exception')
  })

  it('a way that is not there is a refusal, before anything is reserved', async () => {
    const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE] } })
    const gone = { kind: 'unavailable', what: 'upstream', problem: 'nobody answers' } as const
    const attempt = desk.attempt('refund', PAY, answering({}), { connect: async () => gone as never })
    const performed = await perform(desk.gate, desk.cell, attempt)
    assert.deepEqual([performed.kind, kindsOf(performed)], ['refused', ['unavailable']])
    assert.deepEqual([desk.events, roomIn(desk)], [['action.refused'], 1n])
  })
})

it('a budget that two actions race for lets one of them leave', async () => {
  const budgets = new BudgetBook()
  const desk = await memoryGateway(OPEN, { authority: { grants: [ONCE], budgets } })
  const both = await Promise.all([1, 2].map(() => perform(desk.gate, desk.cell, desk.attempt('refund', PAY))))
  assert.deepEqual(both.map(({ kind }) => kind).toSorted(), ['answered', 'refused'])
  assert.equal(desk.events.filter((event) => event === 'send').length, 1)
})

it('what an upstream said stands in the ledger as the bytes that came', async () => {
  const desk = await memoryGateway(OPEN)
  const bytes = Buffer.from('{"id":1}  ')
  const attempt = desk.attempt('refund', PAY, () => ({ kind: 'answered', answer: answerOf({ id: 1 }), bytes }))
  await perform(desk.gate, desk.cell, attempt)
  const outcome = (await desk.entries()).find(({ kind }) => kind === 'action.outcome')
  assert.ok(outcome?.kind === 'action.outcome' && outcome.payload !== undefined)
  const kept = await desk.ledger.payloads.get(desk.cell.id, outcome.payload)
  assert.deepEqual(kept.ok && kept.value, bytes)
})

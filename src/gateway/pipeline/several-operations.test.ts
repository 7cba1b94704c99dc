/** An action of two operations on its way: `orders.get`, which makes use of `refund`, each under a grant of its own. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answering, type MemoryGateway, memoryGateway, type Says } from '../../../test/kit/memory-gateway.ts'
import { bundle, grant } from '../../../test/policy/fixture.ts'
import { grantId, type Holder, type Label, toolName } from '../../model/index.ts'
import { BudgetBook } from '../../policy/budget/budget.ts'
import { compileFlow } from '../../policy/flow/flow.ts'
import { PastSpending } from '../admission/past.ts'
import type { SendOptions } from './line.ts'
import { perform } from './pipeline.ts'

const [LOOKS, PAYS] = [toolName('orders.get'), toolName('refund')]
const ONCE = [{ kind: 'calls', max: 1, window: { kind: 'total' } }] as const
const READER = grant({ id: grantId('g_reads'), tools: new Set([LOOKS]) })
const PAYER = grant({ id: grantId('g_pays'), tools: new Set([PAYS]), budgets: ONCE })
const BOTH = await bundle('', undefined, [READER, PAYER])
const ARGS = { id: 'o_1', amount: 10, currency: 'EUR' }
const [CUSTOMER, PAYMENTS] = ['customer', 'payments'] as readonly string[] as [Label, Label] // labels by their shape

function opened(options: Parameters<typeof memoryGateway>[1] = {}): Promise<MemoryGateway> {
  return memoryGateway(BOTH, {
    ...options,
    authority: { grants: [READER, PAYER], ...options.authority },
    declared: { refund: { effect: 'irreversible', amount: undefined, currency: undefined } as never },
  })
}

/** Both take what either is asked with, as the operations of one origin do. */
function asked(desk: MemoryGateway, says?: Says) {
  const { line } = desk
  const contract: typeof line.contract = (name) => {
    const { input: _, ...known } = line.contract(name) ?? assert.fail()
    return { ...known, input: undefined }
  }
  const changes = { alongside: [PAYS], upstream: { ...line, contract } }
  return perform(desk.gate, desk.cell, desk.attempt('orders.get', ARGS, says, changes))
}

const left = ({ cell, gate }: MemoryGateway) => cell.authority.budgets.room([PAYER], 'calls', gate.nowMs())

describe('an action of two operations', () => {
  it('S7: takes from the budgets of both grants, gives them back together, and the ledger names both', async () => {
    const desk = await opened()
    const unsent = await asked(desk, () => ({ kind: 'not-sent', why: 'nobody is there' }))
    assert.equal(unsent.kind, 'unanswered')
    assert.equal(left(desk), 1n)
    assert.equal((await asked(desk)).kind, 'answered')
    assert.equal(left(desk), 0n)
    assert.equal((await asked(desk)).kind, 'refused')
    const entries = await desk.entries()
    const intents = entries.filter((entry) => entry.kind === 'action.intent')
    assert.deepEqual(
      intents.map(({ charge, alongside }) => [charge?.holders, alongside]),
      Array(2).fill([['g_reads', 'g_pays'], ['refund']]),
    )
    // The next gateway counts the same.
    const book = new BudgetBook()
    const past = new PastSpending(book, new Map<Holder['id'], Holder>([READER, PAYER].map((each) => [each.id, each])))
    for (const entry of entries) past.take(entry)
    assert.equal(book.room([PAYER], 'calls', desk.gate.nowMs()), 0n)
  })

  it('S4: has the gravest of their effects: its files are saved first, and a restricted cell does neither', async () => {
    let saved = 0
    const files = { saved: async () => void saved++ } as never
    const desk = await opened({ cell: { savedFirst: { files, required: true } } })
    assert.equal((await asked(desk)).kind, 'answered')
    assert.equal(saved, 1)
    const intent = (await desk.entries()).find((entry) => entry.kind === 'action.intent')
    assert.equal(intent?.effect, 'irreversible')
    const restricted = await opened({ cell: { rung: 'restricted' } })
    const refused = await asked(restricted)
    assert.deepEqual(refused.kind === 'refused' && refused.reasons.map(({ kind }) => kind), ['rung'])
    assert.deepEqual(restricted.events, ['action.refused'])
  })

  it('S2: ends with either of its grants, before its first byte', async () => {
    const desk = await opened({ authority: { grants: [READER, { ...PAYER, expiresAtMs: PAYER.expiresAtMs - 1_000 }] } })
    const unsent = await asked(desk, (sending) => {
      desk.pass(PAYER.expiresAtMs - 1_000 - desk.gate.nowMs())
      return answering({})(sending)
    })
    assert.ok(unsent.kind === 'unanswered' && unsent.outcome === 'not-sent')
    assert.equal(unsent.why, 'its grant has ended')
  })

  it('S15: is noticed and answered by both: each has to accept what its cell has seen, and gives its labels', async () => {
    const looks = compileFlow({ declared: { name: LOOKS, effect: 'read', accepts: [CUSTOMER] } }, new Set())
    const pays = compileFlow(
      {
        declared: {
          name: PAYS,
          effect: 'irreversible',
          content: [[]],
          returns: [{ path: [], labels: [PAYMENTS] }],
        },
      },
      new Set(),
    )
    const flows = new Map([
      ['payments/orders.get', looks],
      ['payments/refund', pays],
    ])
    const desk = await opened({ authority: { flows } })
    let options: SendOptions | undefined
    await asked(desk, (sending) => {
      options = sending
      assert.equal(sending.mayNotice?.(), true)
      desk.cell.authority.exposure.recordMessage({ text: 'ana' }, [CUSTOMER], { action: 'a_0' as never, tool: 'x' })
      assert.equal(sending.mayNotice?.(), false, 'one of them accepts it, and the other does not')
      return answering({ ok: 'yes' })(sending)
    })
    assert.ok(options !== undefined)
    assert.ok(desk.cell.authority.exposure.labels.has(PAYMENTS))
    assert.ok((await desk.entries()).some((entry) => entry.kind === 'label.seen' && entry.label === PAYMENTS))
  })
})

describe('a body that leaves in pieces', () => {
  const accepts = (...labels: readonly Label[]) => ({
    get: () => compileFlow({ declared: { name: LOOKS, effect: 'write', accepts: labels, content: [[]] } }, new Set()),
  })
  const learn = ({ cell }: MemoryGateway) =>
    cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMER], {
      action: 'a_0' as never, // by its shape
      tool: 'other/tool',
    })

  async function sending(isStreamed: boolean, flows: ReturnType<typeof accepts>) {
    const desk = await memoryGateway(await bundle(''), { authority: { flows } })
    const asked: (string | undefined)[] = []
    const attempt = desk.attempt('orders.get', { id: 'o_1' })
    const { prepare } = attempt
    const says: Says = (options) => {
      asked.push(options.lastCheck())
      learn(desk)
      asked.push(options.lastCheck(), options.lastCheck())
      return { kind: 'unknown', why: 'enough' }
    }
    await perform(desk.gate, desk.cell, {
      ...attempt,
      isStreamed,
      prepare: (...how) => ({ ...prepare(...how), send: async (options) => says(options) }),
    })
    return asked
  }

  it('F1: is judged anew once its cell has learned what the upstream may not know', async () => {
    const [before, after, again] = await sending(true, accepts())
    assert.equal(before, undefined)
    assert.match(after ?? '', /customer/)
    assert.match(again ?? '', /customer/)
  })

  it('goes on where the upstream may know that, as what leaves whole does in any case', async () => {
    assert.deepEqual(await sending(true, accepts(CUSTOMER)), [undefined, undefined, undefined])
    assert.deepEqual(await sending(false, accepts()), [undefined, undefined, undefined])
  })

  it('S2: is judged anew by the rules of by then', async () => {
    const desk = await memoryGateway(await bundle(''), { authority: { flows: accepts(CUSTOMER) } })
    learn(desk)
    const attempt = desk.attempt('orders.get', { id: 'o_1' })
    const { prepare } = attempt
    const asked: (string | undefined)[] = []
    await perform(desk.gate, desk.cell, {
      ...attempt,
      isStreamed: true,
      prepare: (...how) => ({
        ...prepare(...how),
        send: async ({ lastCheck }) => {
          asked.push(lastCheck())
          desk.cell.authority = { ...desk.cell.authority, flows: accepts() }
          asked.push(lastCheck())
          return { kind: 'unknown', why: 'enough' }
        },
      }),
    })
    assert.equal(asked[0], undefined)
    assert.match(asked[1] ?? '', /customer/)
  })
})

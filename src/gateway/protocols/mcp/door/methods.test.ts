/** Refusals of the methods themselves, on a ledger in memory, of an upstream that nobody reaches. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { type MemoryGatewayOptions, memoryGateway } from '../../../../../test/kit/memory-gateway.ts'
import { bundle, catalogue, DIGEST, grant, REFUND_SCHEMA } from '../../../../../test/policy/fixture.ts'
import { environmentName, type Json, type JsonObject, toolName, upstreamName } from '../../../../model/index.ts'
import { compilePolicies } from '../../../../policy/index.ts'
import { McpAnswer } from '../contract/answer.ts'
import { withInput } from '../contract/definition.ts'
import { McpUpstream } from '../contract/upstream.ts'
import { RPC, type RpcAnswer } from '../rpc.ts'
import { methodFor } from './methods.ts'

const OPEN = await bundle('')
const PAYMENTS = upstreamName('payments')
const REFUND = {
  declared: { name: toolName('refund'), effect: 'spend', amount: '$.amount', currency: '$.currency' },
  pinned: {
    name: toolName('refund'),
    digest: DIGEST,
    definition: withInput({ name: 'refund' }, REFUND_SCHEMA),
    input: REFUND_SCHEMA,
  },
} as const
const PAY = { name: 'refund', arguments: { amount: 10, currency: 'EUR' } }

async function desk(options: MemoryGatewayOptions = {}) {
  let connected = 0
  const upstream = new McpUpstream({
    name: PAYMENTS,
    environment: environmentName('test'),
    tools: new Map([[REFUND.declared.name, REFUND]]),
    connect: async () => {
      connected++
      throw new Error('nobody is there')
    },
    onDefinition: () => undefined,
  })
  const made = await memoryGateway(OPEN, {
    ...options,
    cell: { upstreams: new Map([[PAYMENTS, upstream]]), ...options.cell },
  })
  return {
    ...made,
    connected: () => connected,
    ask: async (method: string, params: JsonObject, view: string | null = 'payments'): Promise<RpcAnswer> => {
      const answer = await methodFor(method)?.(made.gate, made.cell, {
        method,
        params,
        view: view === null ? undefined : upstreamName(view),
        signal: AbortSignal.any([]),
        calledOff: AbortSignal.any([]),
      })
      return answer ?? assert.fail(`there is no ${method}`)
    },
    refusals: async () => {
      for (let i = 0; i < 5; i++) await turn()
      return (await made.entries()).filter((entry) => entry.kind === 'action.refused')
    },
  }
}

const codeOf = (answer: RpcAnswer) => ('error' in answer ? answer.error.code : undefined)
const kindsIn = (reasons: Json) => (reasons as readonly { readonly kind: string }[]).map(({ kind }) => kind)

describe('a call that is refused', () => {
  const refused: readonly (readonly [name: string, params: JsonObject, kinds: readonly string[], view?: null])[] = [
    ['of an upstream that its cell has no way to', { ...PAY, name: 'vault__open' }, ['no-grant'], null],
    ['of a tool that nobody declared', { ...PAY, name: 'refunds' }, ['definition', 'no-grant']],
    ['of a name that no tool has', { ...PAY, name: 'x'.repeat(300) }, ['arguments']],
    ['with a member that calls do not have', { ...PAY, task: { ttl: 1 } }, ['arguments']],
    ['with arguments that its definition does not take', { ...PAY, arguments: { amount: 'all' } }, ['arguments']],
  ]
  for (const [name, params, kinds, view] of refused) {
    it(`S2: ${name}: has its reasons in the ledger, and goes nowhere`, async () => {
      const at = await desk()
      const answer = await at.ask('tools/call', params, view)
      const [entry, ...more] = await at.refusals()
      assert.ok(entry !== undefined && more.length === 0, JSON.stringify(answer))
      assert.ok(
        kinds.every((kind) => kindsIn(entry.reasons).includes(kind)),
        kindsIn(entry.reasons).join(),
      )
      assert.ok(JSON.stringify(answer).includes(entry.action), 'its cell can quote it')
      assert.equal(at.connected(), 0)
    })
  }

  it('S2: tells its cell of no grant and no policy', async () => {
    const at = await desk({ authority: { grants: [] } })
    const said = JSON.stringify(await at.ask('tools/call', PAY))
    const [entry] = await at.refusals()
    assert.deepEqual(entry && kindsIn(entry.reasons), ['no-grant'])
    assert.doesNotMatch(said, /grant|policy|g_desk|payments/)
    assert.equal(at.connected(), 0)
  })

  it('is the fault of who sends no name, and has a reference', async () => {
    const at = await desk()
    const answer = await at.ask('tools/call', { arguments: {} })
    assert.equal(codeOf(answer), RPC.invalidParams)
    assert.equal((await at.refusals()).length, 1)
  })
})

describe('a list', () => {
  it('S17: of many resources is looked through in turns', async (t) => {
    const declared = toolName('resource:docs://{page}')
    const input = { type: 'object', properties: { uri: { type: 'string' } } }
    const tool = {
      declared: { name: declared, effect: 'read' },
      pinned: { name: declared, digest: DIGEST, definition: {}, input },
    } as const
    const resources = Array.from({ length: 1_000 }, (_, i) => ({ uri: `docs://p${i}`, name: 'a page' }))
    const connection = {
      ...{ name: PAYMENTS, revision: '2025-06-18', capabilities: { resources: {} }, instructions: undefined },
      closed: false,
      ask: async () => {
        const answer = new McpAnswer({ result: { resources } }, false)
        return { kind: 'answered', bytes: new Uint8Array(0), answer } as const
      },
      prepare: () => assert.fail('not used'),
      ...{ onListChanged: () => undefined, retire: () => undefined, close: () => undefined },
    } as const
    const upstream = new McpUpstream({
      name: PAYMENTS,
      environment: environmentName('test'),
      tools: new Map([[declared, tool]]),
      connect: async () => connection,
      onDefinition: () => undefined,
    })
    const grants = [grant({ tools: new Set([declared]) })]
    const shop = catalogue({ payments: { environment: 'test', tools: { [declared]: tool } } })
    const policies = compilePolicies(await bundle('', undefined, grants, shop))
    const at = await desk({ cell: { upstreams: new Map([[PAYMENTS, upstream]]) }, authority: { grants, policies } })
    await upstream.connection()
    let nowMs = 0
    t.mock.method(performance, 'now', () => {
      nowMs += 5
      return nowMs
    })
    let turns = 0
    let next = setImmediate(function count() {
      turns++
      next = setImmediate(count)
    })
    const answer = await at.ask('resources/list', {})
    clearImmediate(next)
    t.mock.restoreAll()
    upstream.close()
    assert.equal('result' in answer && (answer.result.resources as readonly Json[]).length, 1_000)
    assert.ok(turns >= 100, `${turns}`)
  })

  it('S8: of a cell that is cut off is refused, and asks nobody', async () => {
    for (const method of ['tools/list', 'prompts/list', 'resources/list']) {
      const at = await desk({ cell: { rung: 'quarantined' } })
      assert.equal(codeOf(await at.ask(method, {})), RPC.refused, method)
      assert.equal((await at.refusals()).length, 1)
      assert.equal(at.connected(), 0)
    }
  })
})

it('a method that this gateway does not have is none', () => {
  for (const name of ['', 'tools/delete', 'constructor', 'sampling/createMessage'])
    assert.equal(methodFor(name), undefined)
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { authority, bundle, DIGEST, NOW_MS, REFUND_SCHEMA } from '../../../test/policy/fixture.ts'
import {
  type ActionId,
  type CellId,
  type DeclaredTool,
  type Effect,
  environmentName,
  type JsonObject,
  LIMITS,
  toolName,
  upstreamName,
} from '../../model/index.ts'
import { McpUpstream } from '../protocols/mcp/contract/upstream.ts'
import { type Asked, judgeAction, normalise } from './normalise.ts'

const DESK = authority(await bundle(''))

const refund = (
  effect: Effect = 'spend',
  inputSchema: JsonObject = REFUND_SCHEMA,
  judged: Partial<DeclaredTool> = {},
) =>
  new McpUpstream({
    name: upstreamName('payments'),
    environment: environmentName('test'),
    tools: new Map([
      [
        toolName('refund'),
        {
          declared: {
            name: toolName('refund'),
            effect,
            amount: '$.amount',
            currency: '$.currency',
            maxRows: 3,
            ...judged,
          },
          pinned: { name: toolName('refund'), digest: DIGEST, definition: { inputSchema }, input: inputSchema },
        },
      ],
    ]),
    connect: () => assert.fail('it is asked for nothing'),
    onDefinition: () => undefined,
  }).contract(toolName('refund'))

function asked(args: JsonObject): Asked {
  return {
    id: 'a_00000000000000000000' as ActionId, // by its shape
    cellId: 'c_0000000000000000' as CellId, // by its shape
    agent: DESK.agent,
    environment: DESK.environment,
    upstream: upstreamName('payments'),
    upstreamEnvironment: environmentName('test'),
    operation: 'tool',
    tool: toolName('refund'),
    args,
  }
}

const verdictOf = (args: JsonObject, own: Parameters<typeof judgeAction>[0] = []) => {
  const { action, refusals } = normalise(asked(args), refund())
  return judgeAction([...refusals, ...own], action, DESK, NOW_MS, () => false)
}
const kinds = (decided: ReturnType<typeof judgeAction>) => decided.reasons.map(({ kind }) => kind)

describe('an attempt in our words', () => {
  it('has its effect, spend, definition and most of an answer from what was declared and accepted', () => {
    const { action, refusals } = normalise(asked({ amount: 10, currency: 'EUR' }), refund())
    assert.deepEqual(refusals, [])
    assert.deepEqual(
      [action.effect, action.spend, action.definition, action.most],
      ['spend', { units: 100_000n, currency: 'EUR' }, DIGEST, { bytes: LIMITS.answerBytesMax, rows: 3 }],
    )
  })

  it('S2: is irreversible, without a definition that anybody could have accepted, where nobody declared its tool', () => {
    const { action } = normalise(asked({ amount: 10 }), undefined)
    assert.deepEqual([action.effect, action.definition, action.most], ['irreversible', '0'.repeat(64), undefined])
  })

  it('carries nothing but what an action is made of', () => {
    const { action } = normalise({ ...asked({}), ...{ partly: 'of a log' } }, refund('write'))
    assert.equal('partly' in action, false)
    assert.equal('authority' in action, false)
  })

  it('S11: says what is wrong with its arguments, and its spend, before any policy is asked', () => {
    const { refusals } = normalise(asked({ amount: -1, currency: 'eur', extra: 1 }), refund())
    assert.deepEqual(
      refusals.map(({ kind }) => kind),
      ['arguments', 'spend'],
    )
  })
})

describe('S15: a judgement', () => {
  it('of what has nothing wrong is the decision', () => {
    assert.equal(verdictOf({ amount: 10, currency: 'EUR' }).verdict, 'allow')
  })

  it('S2: of what is wrong already is a denial, whatever policies allow; each kind of reason is told once', () => {
    const shut = { kind: 'unavailable', what: 'witness', problem: 'the last seal is too old' } as const
    assert.deepEqual(kinds(verdictOf({ amount: 10, currency: 'EUR' }, [shut])), ['unavailable'])
    const both = verdictOf({ currency: 'EUR' })
    assert.equal(both.verdict, 'deny')
    assert.deepEqual(kinds(both), ['arguments', 'spend'])
  })

  it('S11: a name that is a declared one in another case or form of Unicode is refused where a schema is open', () => {
    const open: JsonObject = {
      type: 'object',
      properties: {
        path: { type: 'string' },
        ID: {},
        id: {},
        groß: {},
        opts: { $ref: '#/$defs/deep' },
        rows: { items: { properties: { key: {} }, additionalProperties: true } },
        free: {},
      },
      anyOf: [{ properties: { branch: {} } }, {}],
      additionalProperties: true,
      $defs: { deep: { $ref: '#/$defs/opts' }, opts: { properties: { to: {} }, additionalProperties: true } },
    }
    const judged = {
      destinations: ['where', 'free.to'].map((path) => ({ path: path.split('.').map(named), values: [] })),
    }
    const faults = (args: JsonObject) =>
      normalise(asked(args), refund('read', open, judged)).refusals.map((each) =>
        each.kind === 'arguments' ? `${each.path} ${each.problem}` : each.kind,
      )
    const refused: readonly (readonly [JsonObject, string])[] = [
      [{ path: 'a', Path: 'b' }, '$.Path'],
      [{ ｐath: 'b' }, '$["ｐath"]'],
      [{ 'pat\u{1d5c1}': 'b' }, '$["pat\u{1d5c1}"]'],
      [{ Id: 1 }, '$.Id'],
      [{ GROSS: 1 }, '$.GROSS'],
      [{ opts: { TO: 1 } }, '$.opts.TO'],
      [{ rows: [{}, { Key: 1 }] }, '$.rows[1].Key'],
      [{ Branch: 1 }, '$.Branch'],
      [{ Where: 1 }, '$.Where'],
      [{ free: { x: { To: 1 }, To: 1 } }, '$.free.To'],
      [{ cuRRency: 'EUR' }, '$.cuRRency'],
    ]
    for (const [args, path] of refused)
      assert.deepEqual(faults(args), [`${path} is another spelling of an argument that is declared`])
    for (const args of [{ path: 'a', ID: 1, id: 2 }, { other: 1, Other: 2 }, { paths: 1, free: { x: { To: 1 } } }, {}])
      assert.deepEqual(faults(args), [], JSON.stringify(args))
  })
})

const named = (name: string) => ({ name })

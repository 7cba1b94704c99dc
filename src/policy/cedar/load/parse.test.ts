import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bundle, CATALOGUE, CEDAR, grant, withCondition } from '../../../../test/policy/fixture.ts'
import { agentName, grantId, toolName } from '../../../model/ids.ts'
import type { Problem } from '../../../model/source.ts'
import type { GrantSource } from '../../decide/grant-permit.ts'
import { compilePolicies } from '../compile.ts'
import { parsePolicies, parseWith } from './parse.ts'

const REFUND = 'forbid(principal, action == Action::"payments/refund", resource)'

describe('parsePolicies', () => {
  const refusals: readonly (readonly [what: string, policies: string, place: string, message: RegExp])[] = [
    ['a permit in a file', '\npermit(principal, action, resource);', '2:1', /permit/],
    ['a fault of syntax', 'forbid(principal, action, resource) when { 1 ==  };', '1:50', /unexpected token/],
    [
      'a fault of syntax after letters of several bytes',
      '// ééé😀\nforbid(principal, action, resource) when { "é😀" === 1 };',
      '2:51',
      /unexpected token/,
    ],
    ['an open text', 'forbid(principal, action, resource) when { "a };', '1:44', /./],
    ['a template', 'forbid(principal == ?principal, action, resource);', '1:21', /template/],
    ['an unknown function', `${REFUND} when { foo(1) };`, '1:73', /not a valid function/],
    ['an extension we do not compile', `${REFUND} when { ip("1.2.3.4").isIpv4() };`, '1:1', /not supported/],
    ['an integer past 2^53', `${REFUND} when { context.time.ms == 9007199254740993 };`, '1:1', /2\^53/],
    ['a name that Cedar reserves', `${REFUND} when { {"__entity": 1} == {"__entity": 2} };`, '1:1', /__entity/],
    [
      'brackets without end',
      `forbid(principal, action, resource) when { ${'('.repeat(200)}true${')'.repeat(200)} };`,
      '1:75',
      /brackets/,
    ],
    [
      'a very long conjunction',
      `${REFUND} when { ${Array(100).fill('context.time.hour == 1').join(' && ')} };`,
      '1:1',
      /levels/,
    ],
    [
      'an unknown action',
      'forbid(principal, action == Action::"payments/refunds", resource);',
      '1:29',
      /unrecognized action/,
    ],
    [
      'an unknown environment',
      'forbid(principal, action, resource in Environment::"prodution");',
      '1:1',
      /no Environment::"prodution"/,
    ],
    ['an unknown agent', 'forbid(principal == Agent::"desc", action, resource);', '1:1', /no Agent::"desc"/],
    ['an unknown type', 'forbid(principal is User, action, resource);', '1:21', /unrecognized entity type/],
    [
      'an argument that is not declared',
      `${REFUND} when { context.args.amont == decimal("1.0") };`,
      '1:73',
      /amont.*not found/,
    ],
    ['an argument that may be absent', `${REFUND} when { context.args.note == "x" };`, '1:73', /optional/],
    ['an argument of any type', `${REFUND} when { context.args.anything == 1 };`, '1:73', /anything.*not found/],
    ['a type that does not fit', `${REFUND} when { context.args.amount > 50 };`, '1:73', /expected/],
    ['a decimal that is none', `${REFUND} when { context.args.amount == decimal("1.00000") };`, '1:96', /decimal/],
    ['a rule that can never match', `${REFUND} when { context.args.currency == "a" && 1 == 2 };`, '1:1', /impossible/],
    [
      'a rule about a combination there is none of',
      'forbid(principal, action == Action::"payments/refund", resource == Upstream::"vault") when { false };',
      '1:1',
      /impossible/,
    ],
    ['two rules with one id', `@id("a") ${REFUND};\n@id("a") ${REFUND};`, '2:1', /taken/],
  ]
  for (const [what, text, place, message] of refusals) {
    it(`S2: ${what} stops the start, with its place`, async () => {
      const found = await problems(text)
      const texts = found.map(({ source: { line, column }, message }) => `${line}:${column} ${message}`)
      assert.ok(
        texts.some((each) => each.startsWith(`${place} `) && message.test(each)),
        texts.join('\n'),
      )
    })
  }

  const conditions: readonly (readonly [what: string, when: string])[] = [
    ['that ends its permit', 'true }; permit(principal, action, resource) when { true'],
    ['that adds another clause', 'true } unless { false'],
    ['that hides the end of its permit', 'true // }'],
    ['that is empty', '  '],
    ['that is two', 'true; true'],
    ['that is no question', 'context.args.amount'],
  ]
  for (const [what, when] of conditions) {
    it(`S2: a condition ${what} is refused or harmless`, async () => {
      const parsed = await parseWith(CEDAR, [], [withCondition(refundGrant, when)], CATALOGUE)
      if (parsed.ok)
        assert.deepEqual(
          parsed.value.policies.map(({ effect, grant }) => [effect, grant]),
          [['permit', 'g_desk']],
        )
      else assert.ok(parsed.reason.every(({ source }) => source.file === 'firebreak.yaml' && source.line >= 30))
    })
  }

  it('tells where in a condition of several lines the fault is', async () => {
    const [problem] = await problems('', [
      withCondition(refundGrant, 'context.args.currency == "EUR"\n  && context.args.amont == decimal("1.0")'),
    ])
    assert.deepEqual(problem?.source, { file: 'firebreak.yaml', line: 34, column: 6 })
  })

  it('refuses a condition that does not fit one of the tools of its grant, and names the tool', async () => {
    const [problem] = await problems('', [withCondition(grant(), 'context.args.currency == "EUR"')])
    assert.match(problem?.message ?? '', /payments\/orders\.get/)
  })

  it('refuses a tool that is not in the catalogue', async () => {
    const [problem] = await problems('', [{ grant: grant({ tools: new Set([toolName('refunds')]) }) }])
    assert.match(problem?.message ?? '', /payments\/refunds/)
  })

  it('sets a rule aside whose effect no tool has yet, and not one whose scope contradicts itself', async () => {
    const early = [{ file: 'shop.cedar', text: 'forbid(principal, action in Action::"irreversible", resource);' }]
    const parsed = await parseWith(CEDAR, early, [], { upstreams: new Map() })
    assert.ok(parsed.ok)
    assert.deepEqual([parsed.value.policies.length, parsed.value.waiting.length], [0, 1])
    const [problem] = await problems(
      'forbid(principal, action == Action::"payments/orders.get", resource == Agent::"desk");',
    )
    assert.ok(problem)
  })

  it('S2: a grant of no tool, or of tools nobody has accepted, permits nothing', async () => {
    const none = await bundle('', undefined, [
      grant({ tools: new Set() }),
      grant({ id: grantId('g_new'), tools: new Set([toolName('unseen')]) }),
    ])
    assert.deepEqual(none.policies, [])
    assert.deepEqual(
      none.waiting.map(({ id }) => id),
      ['g_desk', 'g_new'],
    )
  })

  it('sets a rule aside that only speaks of tools nobody has accepted, and keeps one that speaks of others too', async () => {
    const parsed = await bundle(
      'forbid(principal, action == Action::"payments/unseen", resource);\nforbid(principal, action in Action::"write", resource);\nforbid(principal, action in Action::"effect", resource);',
    )
    assert.deepEqual(
      parsed.waiting.map(({ source }) => source.line),
      [1, 2],
    )
    assert.deepEqual(
      parsed.policies.map(({ source, effect }) => [effect, source.line]),
      [
        ['forbid', 3],
        ['permit', 30],
      ],
    )
  })

  it('survives as JSON, and gives each rule its id, place, text and annotations', async () => {
    const written = await bundle(`// the first\n@id("cap") @advice("ask") ${REFUND}; ${REFUND}\n  when { true };`)
    const read = JSON.parse(JSON.stringify(written))
    assert.deepEqual(read, written)
    assert.ok(compilePolicies(read))
    const [cap, second] = written.policies
    assert.deepEqual([cap?.id, cap?.source.line, cap?.annotations.advice], ['cap', 2, 'ask'])
    assert.deepEqual([second?.id, second?.text], ['policies/shop.cedar:2:93', `${REFUND}\n  when { true };`])
  })

  it('S17: a time limit holds, whatever is being parsed', async () => {
    const parsed = await parsePolicies([{ file: 'a.cedar', text: `${REFUND};\n`.repeat(3_000) }], [], CATALOGUE, {
      timeoutMs: 20,
    })
    assert.ok(!parsed.ok && parsed.reason.some(({ message }) => /no answer after 20 ms/.test(message)))
  })
})

const refundGrant = grant({ tools: new Set([toolName('refund')]) })

async function problems(text: string, grants: readonly GrantSource[] = []): Promise<readonly Problem[]> {
  const sources = text === '' ? [] : [{ file: 'shop.cedar', text }]
  const parsed = await parseWith(CEDAR, sources, grants, CATALOGUE, [agentName('desk')])
  assert.ok(!parsed.ok, 'it was accepted')
  return parsed.reason
}

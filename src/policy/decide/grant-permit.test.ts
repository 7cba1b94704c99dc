import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { DIGEST, GRANT_SOURCE, grant } from '../../../test/policy/fixture.ts'
import { toolName } from '../../model/ids.ts'
import { no, ok } from '../../model/result.ts'
import type { BundledAction } from '../cedar/bundle.ts'
import { NO_ARGUMENTS } from './argument-type.ts'
import { permitOf } from './grant-permit.ts'

const action = (tool: string, accepted: boolean): readonly [string, BundledAction] => [
  `payments/${tool}`,
  {
    upstream: grant().upstream,
    tool: toolName(tool),
    effect: 'write',
    args: NO_ARGUMENTS,
    ...(accepted && { definition: DIGEST }),
  },
]
const ACTIONS = Object.fromEntries([action('refund', true), action('orders.get', true), action('unseen', false)])
const WHEN_SOURCE = { ...GRANT_SOURCE, line: 33 }
const permit = (tools: readonly string[], when?: string) =>
  permitOf(
    {
      grant: grant({ tools: new Set(tools.map(toolName)) }),
      ...(when !== undefined && { when: { text: when, source: WHEN_SOURCE } }),
    },
    ACTIONS,
  )

describe('permitOf', () => {
  it('is for the agent, the accepted tools and the upstream of the grant, and nothing else', () => {
    const text =
      'permit(principal == Agent::"desk", action in [Action::"payments/refund", Action::"payments/orders.get"], resource == Upstream::"payments");'
    assert.deepEqual(permit(['refund', 'unseen', 'orders.get']), ok({ text, conditionStart: text.length - 1 }))
  })

  it('holds the condition, and says where it begins', () => {
    const made = permit(['refund'], 'context.args.n == 1 // once')
    assert.ok(made.ok && made.value)
    const { text, conditionStart } = made.value
    assert.equal(
      text,
      'permit(principal == Agent::"desk", action in [Action::"payments/refund"], resource == Upstream::"payments") when {\ncontext.args.n == 1 // once\n};',
    )
    assert.ok(text.slice(conditionStart).startsWith('context.args.n'))
  })

  it('is none while no definition is accepted', () => {
    assert.deepEqual(permit(['unseen']), ok(undefined))
    assert.deepEqual(permit([]), ok(undefined))
  })

  it('S2: what nobody declared is told, with what is wrong with the condition', () => {
    const [nothing, condition] = [
      (tool: string) => ({
        source: GRANT_SOURCE,
        message: `there is no "payments/${tool}" to grant`,
        expected: 'a declared tool',
      }),
      { source: WHEN_SOURCE, message: 'not one condition', expected: 'one Cedar expression, without ";"' },
    ]
    assert.deepEqual(permit(['a', 'refund', 'toString'], 'true;'), no([nothing('a'), nothing('toString'), condition]))
  })

  it('S2: a condition cannot end the permit that it stands in', () => {
    for (const text of [
      '',
      ' // nothing',
      'true;',
      'true }; permit(principal, action, resource) when { true',
      'true; true',
    ]) {
      const made = permit(['refund'], text)
      assert.ok(!made.ok, text)
      assert.equal(made.reason.length, 1)
      assert.deepEqual(made.reason[0]?.source, WHEN_SOURCE)
    }
    const made = permit(['refund'], 'true )')
    assert.deepEqual(
      made,
      no([{ source: WHEN_SOURCE, message: '")" closes nothing', expected: 'one Cedar expression' }]),
    )
  })
})

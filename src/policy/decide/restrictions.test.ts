import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NOW_MS } from '../../../test/policy/fixture.ts'
import { type DelegationId, type Json, type JsonObject, jsonPath, type Label, upstreamName } from '../../model/index.ts'
import { Entity } from '../cedar/value.ts'
import { restrictionsBroken } from './delegation.ts'
import type { ArgumentLimit, Restriction } from './restriction.ts'

const TOOL = 'payments/refund'

function broken(
  restriction: Partial<Restriction>,
  what: {
    readonly tool?: string
    readonly args?: JsonObject
    readonly labels?: readonly string[]
    readonly revokedAtMs?: number
  } = {},
): readonly string[] {
  const delegation = {
    id: 'd_one' as DelegationId,
    depth: 1,
    restriction: { arguments: [], budgets: [], expiresAtMs: NOW_MS + 1, ...restriction },
    from: () => assert.fail('nobody asks the giver here'),
    revokedAtMs: () => what.revokedAtMs,
  }
  const labels = new Map((what.labels ?? []).map((label) => [label as Label, 0]))
  const tool = 'tool' in what ? what.tool : TOOL
  const upstream = upstreamName('payments')
  const known = tool === undefined ? undefined : { entity: new Entity('Action', tool), upstream, isConnection: false }
  const found = restrictionsBroken(delegation, known, what.args, labels, NOW_MS)
  for (const reason of found) assert.deepEqual([reason.kind, reason.delegation], ['delegation', 'd_one'])
  return found.map(({ problem }) => problem)
}

describe('S5: what a delegation restricts', () => {
  it('S5: nothing, where it says nothing', () => {
    assert.deepEqual(broken({}, { labels: ['untrusted'], args: { any: 'thing' } }), [])
  })

  it('S5: its time, and that it was not revoked, for whatever time', () => {
    assert.deepEqual(broken({ expiresAtMs: NOW_MS }), ['it has expired'])
    assert.deepEqual(broken({}, { revokedAtMs: NOW_MS + 9 }), ['it was revoked'])
    assert.deepEqual(broken({ expiresAtMs: 0 }, { revokedAtMs: 0 }), ['it was revoked', 'it has expired'])
  })

  it('S5: its tools; one that nobody knows is none of them', () => {
    const tools = new Set([TOOL])
    assert.deepEqual(broken({ tools }), [])
    assert.deepEqual(broken({ tools }, { tool: 'payments/other' }), ['the tool is not part of it'])
    assert.deepEqual(broken({ tools: new Set() }), ['the tool is not part of it'])
    assert.deepEqual(broken({ tools: new Set(['']) }, { tool: undefined } as never), ['the tool is not part of it'])
  })

  it('S5: the labels that its cell may carry', () => {
    const labels = new Set(['untrusted' as Label])
    assert.deepEqual(broken({ labels }, { labels: ['untrusted'] }), [])
    assert.deepEqual(broken({ labels }, { labels: ['untrusted', 'confidential:a', 'confidential:b'] }), [
      'its cell carries confidential:a',
      'its cell carries confidential:b',
    ])
    assert.deepEqual(broken({ labels: new Set() }, { labels: ['untrusted'] }), ['its cell carries untrusted'])
  })

  const limits: readonly (readonly [what: string, Partial<ArgumentLimit>, JsonObject, problem: string | undefined])[] =
    [
      ['one of several', { oneOf: ['a', 2, true] }, { at: 2 }, undefined],
      ['none of them', { oneOf: ['a', 2] }, { at: '2' }, 'outside its limit'],
      ['one that is nothing', { oneOf: [] }, { at: 'a' }, 'outside its limit'],
      ['no more than the most', { maxUnits: 10_000n }, { at: 1 }, undefined],
      ['more than that', { maxUnits: 10_000n }, { at: 1.0001 }, 'outside its limit'],
      ['a text that is an amount', { maxUnits: 10_000n }, { at: '1.00' }, undefined],
      ['a text that is a larger one', { maxUnits: 10_000n }, { at: '1.01' }, 'outside its limit'],
      ['nothing', { maxUnits: 10_000n }, { at: 0 }, undefined],
      ['less than nothing', { maxUnits: 10_000n }, { at: -1 }, 'outside its limit'],
      ['a text that is none', { maxUnits: 10_000n }, { at: 'one' }, 'outside its limit'],
      ['too many places', { maxUnits: 10_000n }, { at: 0.00001 }, 'outside its limit'],
      ['a list of an amount', { maxUnits: 10_000n }, { at: [1] }, 'outside its limit'],
      ['both, of which one is broken', { maxUnits: 10_000n, oneOf: [1, 2] }, { at: 2 }, 'outside its limit'],
      ['both', { maxUnits: 10_000n, oneOf: [1, 2] }, { at: 1 }, undefined],
      ['no limit but that it is there', {}, { at: null }, undefined],
      ['an argument that is missing', {}, { other: 1 }, 'missing'],
      ['one of another tool', { tool: 'payments/other', oneOf: [] }, { at: 1 }, undefined],
    ]
  for (const [what, limit, args, problem] of limits) {
    it(`S5: an argument: ${what}`, () => {
      const path = jsonPath('$.at') ?? assert.fail()
      const expected = problem === undefined ? [] : [`$.at is ${problem}`]
      assert.deepEqual(broken({ arguments: [{ tool: TOOL, path, ...limit }] }, { args }), expected)
    })
  }

  it('S5: an argument is found by its own names alone', () => {
    const at = (path: string, args: Json) => {
      const limit = { tool: TOOL, path: jsonPath(path) ?? assert.fail(), oneOf: ['x'] }
      return broken({ arguments: [limit] }, { args: args as JsonObject }).length === 0
    }
    assert.equal(at('$.a.b', { a: { b: 'x' } }), true)
    assert.equal(at('$.a.b', { a: 'x' }), false)
    assert.equal(at('$.a[*]', { a: ['x'] }), false)
    assert.equal(at('$.a.name', { a: ['x'] }), false)
    assert.equal(at('$.constructor.name', { a: 'x' }), false)
    for (const [path, args] of [
      ['$.constructor', {}],
      ['$.a.length', { a: 'x' }],
      ['$.a.length', { a: [1] }],
      ['$.a.b', { a: null }],
      ['$[*]', { items: 1, undefined: 1 }],
    ] as const) {
      const limit = { tool: TOOL, path: jsonPath(path) ?? assert.fail() }
      assert.deepEqual(broken({ arguments: [limit] }, { args }), [`${path} is missing`])
    }
  })

  it('S5: where the arguments are not known, nothing is said of them', () => {
    assert.deepEqual(broken({ arguments: [{ tool: TOOL, path: [], oneOf: [] }] }), [])
  })
})

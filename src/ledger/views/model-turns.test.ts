import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { cellId, type Entry, type ToolName, type UpstreamName } from '../../model/index.ts'
import { ModelTurns, type SoughtAction } from './model-turns.ts'

const CELL = cellId('c_0000000000000001')
const OTHER = cellId('c_0000000000000002')
const digest = (text: string) => createHash('sha256').update(text).digest('hex')

const intent = (action: string, operation: string, tool: string, upstream = 'shop', cell = CELL) => ({
  ...{ kind: 'action.intent', action, operation, tool, upstream, cell },
})
const outcome = (action: string, asks?: readonly object[]) => ({
  ...{ kind: 'action.outcome', action, outcome: 'done' },
  ...(asks && { asks }),
})
const read = (action: string, tool: string) => [intent(action, 'tool', tool), outcome(action)]
const turn = (action: string, ...asks: readonly object[]) => [
  intent(action, 'model', 'model:generate', 'claude'),
  outcome(action, asks),
]

/** Returns the turn of an action that is decided after these entries. */
function turnOf(entries: readonly object[], sought: Partial<SoughtAction> & { readonly seq?: number } = {}) {
  const turns = new ModelTurns({
    ...{ cell: CELL, seq: entries.length, operation: 'tool', args: { id: 1 } },
    ...{ upstream: 'shop' as UpstreamName, tool: 'refund' as ToolName },
    ...sought,
  })
  for (const [seq, body] of entries.entries()) turns.take({ v: 1, seq, atMs: seq, ...body } as unknown as Entry)
  return turns.value
}

const ASK = { name: 'mcp__firebreak__shop__refund', args: digest('{"id":1}') }

describe('the turn of a model', () => {
  it('is the one that asked for the call, with what its cell was shown between that and the turn before', () => {
    const entries = [
      ...read('a1', 'orders'),
      ...turn('m1', { name: 'Bash' }),
      intent('a2', 'tool', 'letters'),
      { kind: 'label.seen', cell: CELL, label: 'untrusted', from: { action: 'a2' } },
      outcome('a2'),
      ...read('a3', 'orders'),
      ...turn('m2', ASK, { name: 'Read' }),
      ...read('a4', 'orders'),
    ]
    assert.deepEqual(turnOf(entries), {
      action: 'm2',
      upstream: 'claude',
      asked: ['mcp__firebreak__shop__refund'],
      match: 'call',
      shown: [
        { action: 'a2', upstream: 'shop', tool: 'letters', labels: ['untrusted'] },
        { action: 'a3', upstream: 'shop', tool: 'orders', labels: [] },
      ],
      earlier: 0,
    })
  })

  it('names a tool that was asked for with other arguments, and what else was asked for where none fits', () => {
    const entries = [...turn('m1', { name: 'refund', args: digest('{"id":2}') }), ...turn('m2', { name: 'Bash' })]
    assert.deepEqual([turnOf(entries)?.match, turnOf(entries)?.action], ['tool', 'm1'])
    const other = turnOf(entries, { operation: 'request', tool: 'GET /x' as ToolName })
    assert.deepEqual([other?.match, other?.action, other?.asked], ['before', 'm2', ['Bash']])
  })

  it('takes a name for that of the tool only where it is one, in the letters that models have', () => {
    const dotted = { tool: 'orders.refund' as ToolName }
    const asked = (name: string, sought = {}) => turnOf(turn('m1', { ...ASK, name }), sought)?.match
    assert.equal(asked('mcp__shop__orders_refund', dotted), 'call')
    assert.equal(asked('refund'), 'call')
    assert.equal(asked('never_refund'), 'before')
  })

  it('is of the same cell, and was asked before; its outcome may be recorded after the call', () => {
    const request = intent('m1', 'model', 'model:generate', 'claude')
    const later = [request, intent('a1', 'tool', 'refund'), outcome('m1', [ASK])]
    assert.equal(turnOf(later, { seq: 1 })?.match, 'call')
    assert.equal(turnOf([intent('a1', 'tool', 'refund'), request, outcome('m1', [ASK])], { seq: 0 }), undefined)
    const others = [intent('m1', 'model', 'model:generate', 'claude', OTHER), outcome('m1', [ASK])]
    assert.equal(turnOf(others), undefined)
  })

  it('is none of what a program asks a model itself', () => {
    assert.equal(turnOf(turn('m1', ASK), { operation: 'model', tool: 'model:generate' as ToolName }), undefined)
  })

  it('shows the last answers, and counts the others', () => {
    const entries = [...Array.from({ length: 9 }, (_, i) => read(`a${i}`, 'orders')).flat(), ...turn('m1', ASK)]
    const { shown = [], earlier } = turnOf(entries) ?? {}
    assert.deepEqual([shown.map(({ action }) => action), earlier], [['a3', 'a4', 'a5', 'a6', 'a7', 'a8'], 3])
  })
})

import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import type { Agent, Config } from '../../config/config.ts'
import { newCellId, ok } from '../../model/index.ts'
import { Starting } from '../services/starting.ts'
import { type MemoryFences, memoryFences } from '../stop/memory-fences.ts'
import { fenceAgents } from '../stop/stop.ts'
import { BeginRules, CLOSING } from './begin-rules.ts'
import type { HostedCell } from './hosted-cell.ts'
import { LiveCells } from './live-cells.ts'
import { PulseNumbers } from './pulse-numbers.ts'

const FIRST = {} as Config // as what it is, and not what it says
const named = (name: string) => ({ name }) as Agent // of an agent, nothing else is looked at
const id = (number: number) => newCellId(Buffer.alloc(16, number))

let fences: MemoryFences
let starting: Starting
let cells: LiveCells

beforeEach(() => {
  fences = memoryFences()
  fences.make()
  starting = new Starting(fences)
  cells = new LiveCells(starting)
})

function begin(number: number, agent: string, parent?: number): void {
  const cell = { id: id(number) }
  cells.begin(number, { cell, agent: named(agent), ...(parent !== undefined && { parent }) } as HostedCell) // as above
}

function start(number: number, agent: string, parent?: number) {
  const about = { number, id: id(number), agent: named(agent), config: FIRST, stopMark: fences.stopMark() }
  return starting.begin({ ...about, ...(parent !== undefined && { parent }) })
}

describe('live cells', () => {
  it('all that was delegated stops with a cell: what runs, what is starting, what is ending', () => {
    begin(1, 'alpha')
    begin(2, 'beta', 1)
    begin(3, 'gamma')
    start(4, 'beta', 2)
    cells.beginEnd(2)
    assert.deepEqual(cells.withBelow([1]), [1, 2, 4])
    assert.deepEqual(cells.withBelow([3]), [3])
    assert.deepEqual(cells.agentsOf([1, 2, 4, 9]), ['alpha', 'beta'])
    assert.equal(cells.get(2), undefined)
    assert.ok(cells.ending(2))
  })

  it('a line leads from a cell to the one that a person started', () => {
    begin(1, 'alpha')
    begin(2, 'beta', 1)
    start(3, 'gamma', 2)
    assert.deepEqual(
      cells.lineOf(3).map(({ agent }) => agent.name),
      ['gamma', 'beta', 'alpha'],
    )
    assert.deepEqual(cells.lineOf(9), [])
  })

  it('numbers are used once, and those of answers are apart (PN2)', () => {
    const numbers = new PulseNumbers()
    const drawn = [numbers.next(), numbers.nextAnswer(), numbers.next(), numbers.nextAnswer()]
    assert.equal(new Set(drawn).size, 4)
    assert.ok(drawn.every((number, i) => number > 1_000_000_000 === (i % 2 === 1) && number < 2 ** 32))
  })
})

describe('S8: a start asks whether it may begin', () => {
  let isClosing = false
  const rules = (config = FIRST) =>
    new BeginRules({
      ground: { cells, config, starting },
      heeds: fences,
      isUndo: (number) => number === 7,
      isClosing: () => isClosing,
    })

  it('LN1: not once another configuration is in force than the one that it was built by', () => {
    const own = start(2, 'beta')
    const other = rules({ ...FIRST })
    assert.equal(rules().mayBeginAt(own, 'normal').ok, true)
    assert.match(JSON.stringify(other.mayBeginAt(own, 'normal')), /another configuration was applied/)
    assert.equal(other.mayServe(2).ok, false, 'nor does a server for it')
  })

  it('not once all were ordered to stop since its configuration was read, nor under a parent that was stopped', () => {
    begin(1, 'alpha')
    const [own, below] = [start(2, 'beta'), start(3, 'beta', 1)]
    assert.deepEqual([rules().rungOf(own), rules().rungOf(below)], [ok('normal'), ok('normal')])
    starting.stop(1, 'an order')
    assert.equal(rules().rungOf(own).ok, true)
    assert.match(JSON.stringify(rules().rungOf(below)), /the cell that delegates to it: an order/)
    assert.ok(fences.markStop('o_1').ok)
    assert.match(JSON.stringify(rules().rungOf(own)), /all were ordered to stop/)
    assert.equal(rules().rungOf(start(4, 'beta')).ok, true, 'one whose configuration was read since then may')
  })

  it('not where its agent was lowered since its gateway was told', async () => {
    const begun = start(2, 'beta')
    const order = {
      id: 'o_2',
      target: { kind: 'agent', name: 'beta' },
      rung: 'restricted',
      by: 'maria',
      why: '',
    } as const
    assert.ok((await fenceAgents(fences, [named('beta').name], order)).ok)
    assert.deepEqual(rules().rungOf(begun), ok('restricted'))
    assert.match(JSON.stringify(rules().mayBeginAt(begun, 'normal')), /lowered to restricted/)
    assert.equal(rules().mayBeginAt(begun, 'restricted').ok, true)
  })

  it('not once its environment is being closed; a server of what runs may begin until that has ended', () => {
    begin(1, 'alpha')
    const own = start(2, 'beta')
    isClosing = true
    const may = [rules().rungOf(own), rules().mayBeginAt(own, 'normal'), rules().mayServe(2), rules().mayServe(1)]
    isClosing = false
    assert.deepEqual(
      may.map((each) => (each.ok ? 'yes' : each.reason)),
      [CLOSING, CLOSING, CLOSING, 'yes'],
    )
    assert.equal(rules().rungOf(own).ok, true, 'control')
  })

  it('a server begins for what runs, what is starting and an undo, and for nothing else', () => {
    begin(1, 'alpha')
    start(2, 'beta')
    assert.deepEqual(
      [1, 2, 7, 8].map((number) => rules().mayServe(number).ok),
      [true, true, true, false],
    )
    starting.stop(1, 'an order')
    assert.equal(rules().mayServe(1).ok, false)
  })
})

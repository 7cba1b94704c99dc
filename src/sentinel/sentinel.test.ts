import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { cellOf, Log, rulesWith, TOOLS } from '../../test/sentinel/fixture.ts'
import {
  type AgentName,
  type CellId,
  cutsOff,
  DETECTOR_NAMES,
  DETECTORS,
  type DetectorSpec,
  LIMITS,
  type Noticed,
} from '../model/index.ts'
import { preparedDetectors } from './detectors/all.ts'
import { Sentinel, type Signal } from './sentinel.ts'

const touched: readonly Noticed[] = [{ kind: 'decoy', name: 'x' }]
const pay = { amount: '20.00', currency: 'EUR', account: 'PT50' }

type Step = readonly [what: number, cell: number, which: number]

/** Entries of all kinds, in any order, by any cell. */
function play(log: Log, steps: readonly Step[]): readonly Signal[] {
  const cells = new Map<number, CellId>()
  const cell = (i: number) => cells.get(i) ?? log.cell(`${i}`, `agent-${i % 2}`)
  for (const [what, who, which] of steps) {
    const mine = cell(who)
    cells.set(who, mine)
    switch (what) {
      case 0:
        log.did(mine, 'books/pay', { ...pay, account: `PT${which % 2}` })
        break
      case 1:
        log.refused(mine, `books/t${which}`, {}, which === 3 ? { noticed: touched } : {})
        break
      case 2:
        log.did(mine, 'books/send', { to: `x${which}` }, which === 5 ? { leaked: ['payments'] } : {})
        break
      case 3:
        log.saw(mine, 'confidential', 'crm/get')
        break
      case 4:
        log.delegated(mine, `agent-${which % 2}`, `d_${who}-${which}`)
        cells.set(who + 10, log.cell(`${who + 10}`, `agent-${which % 2}`, `d_${who}-${which}`))
        break
      case 5:
        log.did(mine, 'books/files.delete', { paths: ['a', 'b', 'c', 'd', 'e', 'f'] })
        break
      case 6:
        log.ended(mine)
        cells.delete(who)
        break
      case 7:
        log.moved(mine, 'restricted', 'normal')
        break
      case 8:
        log.started()
        cells.clear()
        break
    }
  }
  return log.signals
}

const steps = () =>
  fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 6 })), {
    maxLength: 120,
  })

describe('Sentinel', () => {
  it('SE1: the same entries say the same', () => {
    fc.assert(fc.property(steps(), (all) => assert.deepEqual(play(new Log(), all), play(new Log(), all))))
  })

  it('SE2: the order of detectors changes nothing', () => {
    const rules = rulesWith()
    const byName = (signals: readonly Signal[]) => signals.map((signal) => JSON.stringify(signal)).sort()
    fc.assert(
      fc.property(steps(), fc.shuffledSubarray([...preparedDetectors(rules)], { minLength: 12 }), (all, shuffled) => {
        const other = new Log(new Sentinel({ rules, tools: TOOLS }, shuffled))
        assert.deepEqual(byName(play(other, all)), byName(play(new Log(), all)))
      }),
    )
  })

  it('evidence is in the log, in its order, and ends with what tripped it', () => {
    fc.assert(
      fc.property(steps(), (all) => {
        const log = new Log()
        for (const { raised } of play(log, all)) {
          assert.ok(raised.evidence.length > 0 && raised.evidence.length <= LIMITS.signalEvidenceMax)
          assert.deepEqual(
            raised.evidence,
            [...new Set(raised.evidence)].sort((a, b) => a - b),
          )
          assert.ok(raised.evidence.every((seq) => log.entries[seq] !== undefined))
        }
      }),
    )
  })

  it('CT1, CT2: what is statistical observes and leads to reading at the most, and nothing kills', () => {
    for (const name of DETECTOR_NAMES) {
      const spec: DetectorSpec = DETECTORS[name]
      assert.equal(spec.mode, spec.kind === 'statistical' ? 'observe' : 'enforce', name)
      assert.notEqual(spec.rung, 'killed')
      if (spec.kind === 'statistical') assert.ok(!cutsOff(spec.rung), name)
    }
    const log = new Log(
      new Sentinel({ rules: rulesWith({ refusals: { mode: 'enforce', rung: 'killed' } }), tools: TOOLS }),
    )
    const cell = log.cell('1')
    for (let i = 0; i < 20; i++) log.refused(cell, `books/t${i}`)
    assert.deepEqual(log.said, ['refusals restricted'])
  })

  it('every detector of the table is there, once', () => {
    const names = preparedDetectors(rulesWith()).map(({ name }) => name)
    assert.deepEqual([...names].sort(), [...DETECTOR_NAMES].sort())
  })

  it('SE4: what a lost gateway’s cell had done goes on in the next cell of its agent, and in no other’s', () => {
    const log = new Log()
    log.started()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.did(cell, 'books/pay', pay)
    log.started()
    log.did(log.cell('2', 'beta'), 'books/pay', pay, { agent: 'beta' })
    assert.deepEqual(log.said, [])
    log.did(log.cell('3'), 'books/pay', pay)
    assert.deepEqual(log.said, ['duplicates restricted'])
    assert.equal(log.signals[0]?.tree, cellOf('3'))
  })

  it('SE4: and in that cell itself, where the next gateway takes it over, whatever is started beside it', () => {
    const sentinel = new Sentinel({ rules: rulesWith(), tools: TOOLS })
    const log = new Log(sentinel)
    log.started()
    const [calm, cell] = [log.cell('1'), log.cell('2')]
    for (let i = 0; i < 5; i++) log.did(cell, 'books/pay', pay)
    log.started()
    const alpha = 'alpha' as AgentName
    assert.ok(sentinel.hasLeft(cell, alpha) && !sentinel.hasLeft(cellOf('9'), alpha))
    log.takenOver(cell)
    assert.ok(!sentinel.hasLeft(cell, alpha), 'it is taken once')
    log.takenOver(calm)
    log.did(calm, 'books/pay', pay)
    log.did(log.cell('3'), 'books/pay', pay)
    assert.deepEqual(log.said, [])
    log.did(cell, 'books/pay', pay)
    assert.deepEqual(log.said, ['duplicates restricted'])
    assert.equal(log.signals[0]?.tree, cell)
  })

  it('a cell that has ended takes its tree with it', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.did(cell, 'books/pay', pay)
    log.ended(cell)
    log.did(log.cell('2'), 'books/pay', pay)
    assert.deepEqual(log.said, [])
  })

  it('SE5: says the same once in ten minutes, and again when a person has moved the cell up', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 5; i++) log.refused(cell, 'books/x', {}, { noticed: touched })
    assert.equal(log.saidOf('decoy').length, 1)
    log.pass(600_000).refused(cell, 'books/x', {}, { noticed: touched })
    assert.equal(log.saidOf('decoy').length, 2)
    log.moved(cell, 'quarantined', 'normal')
    log.refused(cell, 'books/x', {}, { noticed: touched })
    assert.equal(log.saidOf('decoy').length, 3)
  })

  it('SE5: what a person has let go is not held against the next cell', () => {
    const log = new Log()
    const cell = log.cell('1')
    for (let i = 0; i < 3; i++) log.did(cell, 'books/pay', pay)
    log.started()
    log.moved(cell, 'restricted', 'normal')
    const next = log.cell('2')
    for (let i = 0; i < 5; i++) log.did(next, 'books/pay', pay)
    assert.deepEqual(log.said, [])
    log.did(next, 'books/pay', pay)
    assert.deepEqual(log.said, ['duplicates restricted'])
  })

  it('S17: knows so many cells, actions and agents, and goes on past them', () => {
    const log = new Log()
    for (let i = 0; i < LIMITS.sentinelCellsMax + 10; i++)
      log.cell(`${i}`, `agent-${i % (LIMITS.sentinelAgentsMax + 5)}`)
    // Forgotten: it is a tree of its own from here on.
    const first = cellOf('0')
    for (let i = 0; i < 6; i++) log.did(first, 'books/pay', pay)
    assert.equal(log.saidOf('duplicates')[0]?.tree, first)
    for (let i = 0; i <= LIMITS.sentinelTreesLeftMax; i++) {
      const cell = log.cell(`left${i}`, 'many')
      for (let n = 0; n < 5; n++) log.did(cell, 'books/pay', { ...pay, account: `${i}` }, { agent: 'many' })
    }
    log.started()
    const before = log.saidOf('duplicates').length
    // The oldest of them was let go; each next cell goes on with one.
    for (let i = 0; i <= LIMITS.sentinelTreesLeftMax; i++) {
      log.did(log.cell(`next${i}`, 'many'), 'books/pay', { ...pay, account: `${i + 1}` }, { agent: 'many' })
    }
    assert.equal(log.saidOf('duplicates').length - before, LIMITS.sentinelTreesLeftMax)
  })

  it('S17: waits for so many outcomes, and what comes of an older action is nobody’s', () => {
    const log = new Log()
    const cell = log.cell('1')
    const first = log.begun(cell, 'books/look')
    for (let i = 1; i < LIMITS.sentinelActionsMax; i++) log.begun(cell, 'books/look', { i })
    log.came(first, ['payments'])
    assert.deepEqual(log.said.slice(-1), ['leaks watched'])
    const second = log.begun(cell, 'books/look')
    for (let i = 0; i < LIMITS.sentinelActionsMax; i++) log.begun(cell, 'books/look', { i })
    log.came(second, ['payments'])
    assert.equal(log.saidOf('leaks').length, 1)
  })

  it('in observe a rule says what it would have done', () => {
    const log = new Log(
      new Sentinel({ rules: rulesWith({ decoy: { mode: 'observe', rung: 'frozen' } }), tools: TOOLS }),
    )
    log.refused(log.cell('1'), 'books/x', {}, { noticed: touched })
    assert.deepEqual(
      log.signals.map(({ raised }) => [raised.mode, raised.rung]),
      [['observe', 'frozen']],
    )
  })

  it('connections of a relay are looked at for what they name alone: a page makes forty of them', () => {
    const log = new Log()
    const cell = log.cell('1')
    const asked = (more: object) => log.refused(cell, 'books/x', {}, more)
    for (let i = 0; i < 100; i++) asked({ operation: 'tls.connect' })
    assert.deepEqual(log.said, [])
    asked({ operation: 'tls.connect', noticed: touched })
    assert.deepEqual(log.said, ['decoy quarantined'])
    for (let i = 0; i < 100; i++) asked({ operation: 'tool' })
    assert.ok(log.saidOf('refusals').length > 0, 'so many calls are told')
  })
})

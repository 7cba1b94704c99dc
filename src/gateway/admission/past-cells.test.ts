import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type {
  AgentName,
  CellId,
  DelegationId,
  Entry,
  EntryBody,
  EnvironmentName,
  Label,
  PersonName,
  Rung,
  Sha256,
} from '../../model/index.ts'
import type { Signal } from '../../sentinel/index.ts'
import { PastCells } from './past-cells.ts'

const environment = 'test' as EnvironmentName
const [ALPHA, BETA] = ['alpha' as AgentName, 'beta' as AgentName]
const [ONE, TWO] = ['c_1' as CellId, 'c_2' as CellId]

/** A log that is only its entries, and a sentinel that has left what it is told to. */
function log(hasLeft = true) {
  const cells = new PastCells({ hasLeft: () => hasLeft })
  let seq = 0
  const add = (body: EntryBody, signals: readonly Signal[] = []) => {
    const entry: Entry = { v: 1, seq: seq++, atMs: 0, ...body }
    cells.take(entry, signals)
  }
  return {
    cells,
    add,
    gateway: () => add({ kind: 'gateway.started', environment, configuration: '0'.repeat(64) as Sha256, version: '0' }),
    cell: (cell: CellId, agent = ALPHA, delegation?: string) =>
      add({
        kind: 'cell.started',
        cell,
        agent,
        owner: 'maria' as PersonName,
        environment,
        receipt: {},
        ...(delegation !== undefined && { delegation: delegation as DelegationId }),
      }),
    over: (cell: CellId, rung: Rung = 'watched') =>
      add({ kind: 'cell.taken-over', cell, agent: ALPHA, environment, why: 'it was lost', rung, labels: [] }),
    moved: (to: Rung, cell?: CellId) => {
      const about = { agent: ALPHA, from: 'normal', to, by: 'firebreak', why: 'a test' } as const
      add({ kind: 'rung.changed', ...(cell && { cell }), ...about })
    },
  }
}

function signal(rung: Exclude<Rung, 'normal'>, mode: 'observe' | 'enforce'): Signal {
  const raised = { kind: 'signal.raised', cell: ONE, agent: ALPHA, detector: 'x', mode, what: 'x', evidence: [], rung }
  return { tree: ONE, raised } as unknown as Signal
}

describe('the cells of a lost gateway', () => {
  it('PC1, PC3: are those that it served last, once each', () => {
    const { cells, gateway, cell, over, add } = log()
    gateway()
    cell(ONE)
    cell(TWO)
    add({ kind: 'cell.ended', cell: TWO, receipt: {} })
    gateway()
    assert.equal(cells.takeOver(TWO, ALPHA), undefined, 'it has ended')
    assert.equal(cells.takeOver(ONE, BETA), undefined, 'it is another agent’s')
    const again = log()
    for (const each of [again.gateway, () => again.cell(ONE), again.gateway, () => again.over(ONE), again.gateway])
      each()
    assert.ok(again.cells.takeOver(ONE, ALPHA))
    assert.equal(again.cells.takeOver(ONE, ALPHA), undefined, 'it was taken over already')
    gateway()
    over(ONE)
    gateway()
    assert.equal(cells.takeOver(ONE, ALPHA), undefined, 'a gateway between them did not serve it')
  })

  it('PC1: nothing that was delegated, and none that the sentinel does not know', () => {
    const { cells, gateway, cell } = log()
    gateway()
    cell(ONE, ALPHA, 'd_1')
    gateway()
    assert.equal(cells.takeOver(ONE, ALPHA), undefined)
    const unknown = log(false)
    unknown.gateway()
    unknown.cell(ONE)
    unknown.gateway()
    assert.equal(unknown.cells.takeOver(ONE, ALPHA), undefined)
  })

  it('S9: PC2: stand where the entries left them, and no higher than their signals', () => {
    const stands = (play: (made: ReturnType<typeof log>) => void): Rung | undefined => {
      const made = log()
      made.gateway()
      made.cell(ONE)
      play(made)
      made.gateway()
      return made.cells.takeOver(ONE, ALPHA)?.rung
    }
    assert.equal(
      stands(() => undefined),
      'normal',
    )
    assert.equal(
      stands(({ moved }) => {
        moved('restricted', ONE)
        moved('watched', ONE)
      }),
      'restricted',
    )
    const seen = { kind: 'label.seen', cell: ONE, agent: ALPHA, label: 'untrusted' as Label, from: null } as const
    assert.equal(
      stands(({ add }) => add(seen, [signal('frozen', 'enforce')])),
      'frozen',
    )
    assert.equal(
      stands(({ add }) => add(seen, [signal('frozen', 'observe')])),
      'normal',
    )
    assert.equal(
      stands(({ moved }) => {
        moved('restricted', ONE)
        moved('normal')
      }),
      'normal',
      'a person has moved it up',
    )
    assert.equal(
      stands(({ moved }) => {
        moved('quarantined', ONE)
        moved('normal')
      }),
      'quarantined',
      'what was cut stays cut',
    )
    assert.equal(
      stands(({ gateway, over }) => {
        gateway()
        over(ONE, 'restricted')
      }),
      'restricted',
    )
  })

  it('S5, S6: bring their labels along, and what they had delegated that has not ended', () => {
    const { cells, gateway, cell, add } = log()
    gateway()
    cell(ONE)
    for (const label of ['untrusted', 'confidential:x'])
      add({ kind: 'label.seen', cell: ONE, agent: ALPHA, label: label as Label, from: null })
    for (const delegation of ['d_1', 'd_2'] as DelegationId[]) {
      const about = { cell: ONE, agent: ALPHA, to: BETA, depth: 1, restriction: null, assignment: 'x' }
      add({ kind: 'delegation.made', delegation, ...about })
    }
    add({ kind: 'delegation.ended', delegation: 'd_1' as DelegationId, why: 'x' })
    gateway()
    const past = cells.takeOver(ONE, ALPHA)
    assert.deepEqual([...(past?.labels ?? [])], ['untrusted', 'confidential:x'])
    assert.deepEqual([...(past?.given ?? [])], ['d_2'])
  })
})

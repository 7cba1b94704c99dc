import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { memoryLogs } from '../../ledger/memory/memory-logs.ts'
import { type CellId, cellId, type JsonObject } from '../../model/index.ts'
import type { Receipt } from './containment.ts'
import { readReceipt, type Told, toldOf, unrecordedStops, writeReceipt } from './receipt.ts'

const CELL = 'c_0000000000000001'
const ORDER = 'o_0123456789abcdef'

describe('the receipt of a stop, read again', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-receipt-'))
  after(() => rmSync(state, { recursive: true, force: true }))
  const note = join(state, 'receipts', `${ORDER}.note`)
  const beside = join(state, 'receipts', `${ORDER}.entries.jsonl`)
  const evidence: JsonObject = {
    [CELL]: { processes: [{ pid: 1 }, { pid: 2 }], processesInAll: 100, files: { added: 1, changed: 2, removed: 0 } },
    c_0000000000000002: { processes: [{ pid: 3 }] },
  }
  const order = { id: ORDER, target: { kind: 'all' }, rung: 'frozen', by: 'firebreak', why: 'a test' } as const
  const receipt: Receipt = { order, atMs: 1, cells: [CELL], agents: [], confirmations: [], contained: true }
  writeReceipt(state, receipt, evidence, { mayLand: [], mayLandInAll: 0, entries: [], whole: true })
  const read = (id = ORDER) => readReceipt(state, id, new Set([CELL]))

  it('is signed by the warden, names its entries, and says what was captured of these cells', () => {
    const told = read()
    assert.ok(told.kind === 'read', JSON.stringify(told))
    const { signed, entriesMatch, processes, files } = told
    assert.deepEqual([signed, entriesMatch, processes, files], [true, true, 100, 3])
  })

  it('is a stop of the cell where the ledger does not tell of its order, and only signed', () => {
    const stops = (cells: string, known: string) => unrecordedStops(state, new Set([cells]), new Set([known]))
    const [stop, ...more] = stops(CELL, '')
    assert.deepEqual(
      [stop?.order, stop?.rung, stop?.contained, stop?.recorded, more],
      [ORDER, 'frozen', true, false, []],
    )
    assert.deepEqual(stops(CELL, ORDER), [])
    assert.deepEqual(stops('c_0000000000000002', ''), [], 'evidence of it is there, and the order was about another')
    const text = readFileSync(note, 'utf8')
    writeFileSync(note, text.replace('"contained":true', '"contained":null'))
    assert.deepEqual(stops(CELL, ''), [])
    writeFileSync(note, text)
  })

  it('is written and signed also where the evidence cannot be, and says so', () => {
    const other = 'o_0123456789abcdee'
    const odd = { [CELL]: { processes: [{ command: '\ud83d' }] } }
    const about = { ...receipt, order: { ...order, id: other } }
    const lacking = writeReceipt(state, about, odd, { mayLand: [], mayLandInAll: 0, entries: [], whole: true })
    assert.match(lacking ?? '', /cannot be signed: a lone surrogate/)
    const told = read(other)
    assert.ok(told.kind === 'read' && told.signed, JSON.stringify(told))
    rmSync(join(state, 'receipts', `${other}.note`))
  })

  it('an order whose name would lead elsewhere is none', () => {
    cpSync(note, join(state, 'x.note'))
    for (const id of ['o_../../../etc/passwd', '../x', '', 'o_0123456789abcdef/../x'])
      assert.equal(read(id).kind, 'missing')
    assert.equal(read('o_ffffffffffffffff').kind, 'missing')
  })

  it('changed by one letter, or with other entries beside it, it is told as such', () => {
    const [text, entries] = [readFileSync(note, 'utf8'), readFileSync(beside, 'utf8')]
    writeFileSync(note, text.replace('"contained":true', '"contained":null'))
    const changed = read()
    assert.ok(changed.kind === 'read' && !changed.signed && changed.entriesMatch === true)
    writeFileSync(note, text)
    writeFileSync(beside, `${entries}{}\n`)
    const others = read()
    assert.ok(others.kind === 'read' && others.signed && others.entriesMatch === false)
    writeFileSync(note, 'nothing')
    assert.equal(read().kind, 'missing')
  })
})

describe('S8: what may still land', () => {
  const [cell, child, grandchild, other] = ['1', '2', '3', '4'].map((n) => cellId(`c_000000000000000${n}`)) as [
    CellId,
    CellId,
    CellId,
    CellId,
  ]
  // Of each entry no more than what is asked of it.
  const sent = (of: CellId, action: string) => ({ kind: 'action.intent', cell: of, action, tool: 'write' }) as never
  const outcome = (action: string, told: string) => ({ kind: 'action.outcome', action, outcome: told }) as never
  const gave = (of: CellId, delegation: string) => ({ kind: 'delegation.made', cell: of, delegation }) as never
  const began = (of: CellId, delegation: string) => ({ kind: 'cell.started', cell: of, delegation }) as never

  async function told(name: string, entries: readonly never[]): Promise<Told> {
    const log = memoryLogs().log(name)
    const opened = await log.open({ clock: { nowMs: Date.now } })
    assert.ok(opened.ok)
    for (const entry of entries) assert.ok(opened.value.append(entry).ok)
    await opened.value.close()
    return toldOf(log, [cell])
  }

  it('is told of a cell and of all that was delegated from it, also of what has ended', async () => {
    const { mayLand, mayLandInAll } = await told('descendants', [
      sent(cell, 'a_1'),
      outcome('a_1', 'done'),
      gave(cell, 'd_1'),
      began(child, 'd_1'),
      sent(child, 'a_2'),
      gave(child, 'd_2'),
      began(grandchild, 'd_2'),
      sent(grandchild, 'a_3'),
      outcome('a_3', 'unknown'),
      gave(other, 'd_3'),
      began(other, 'd_3'),
      sent(other, 'a_4'),
    ])
    assert.deepEqual(
      mayLand.map(({ action }) => action),
      ['a_2', 'a_3'],
    )
    assert.equal(mayLandInAll, 2)
  })

  it('has the newest first, before those that have been told as unknown, and says how many there are', async () => {
    const buried = Array.from({ length: 1_200 }, (_, n) => [sent(cell, `a_${n}`), outcome(`a_${n}`, 'unknown')])
    const entries = [sent(cell, 'a_wipe'), ...buried.flat(), sent(cell, 'a_last')]
    const { mayLand, mayLandInAll } = await told('many', entries)
    assert.deepEqual(
      mayLand.slice(0, 3).map(({ action }) => action),
      ['a_last', 'a_wipe', 'a_1199'],
    )
    assert.deepEqual([mayLand.length, mayLandInAll], [1_000, 1_202])
  })
})

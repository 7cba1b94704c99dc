import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { JsonObject } from '../model/index.ts'
import type { Receipt } from './containment.ts'
import { readReceipt, unrecordedStops, writeReceipt } from './receipt.ts'

const CELL = 'c_0000000000000001'
const ORDER = 'o_0123456789abcdef'

describe('the receipt of a stop, read again', () => {
  const state = mkdtempSync(join(tmpdir(), 'firebreak-receipt-'))
  after(() => rmSync(state, { recursive: true, force: true }))
  const note = join(state, 'receipts', `${ORDER}.note`)
  const beside = join(state, 'receipts', `${ORDER}.entries.jsonl`)
  const evidence: JsonObject = {
    [CELL]: { processes: [{ pid: 1 }, { pid: 2 }], files: { added: 1, changed: 2, removed: 0 } },
    c_0000000000000002: { processes: [{ pid: 3 }] },
  }
  const order = { id: ORDER, target: { kind: 'all' }, rung: 'frozen', by: 'firebreak', why: 'a test' } as const
  const receipt: Receipt = { order, atMs: 1, cells: [CELL], agents: [], confirmations: [], contained: true }
  writeReceipt(state, receipt, evidence, { mayLand: [], entries: [], whole: true })
  const read = (id = ORDER) => readReceipt(state, id, new Set([CELL]))

  it('is signed by the warden, names its entries, and says what was captured of these cells', () => {
    const told = read()
    assert.ok(told.kind === 'read', JSON.stringify(told))
    const { signed, entriesMatch, processes, files } = told
    assert.deepEqual([signed, entriesMatch, processes, files], [true, true, 2, 3])
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
    const lacking = writeReceipt(state, about, odd, { mayLand: [], entries: [], whole: true })
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

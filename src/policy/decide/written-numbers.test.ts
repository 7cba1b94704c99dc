/** Numbers that are kept as an upstream wrote them, where something is judged by them. */

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readingOf } from '../../gateway/protocols/mcp/contract/reading.ts'
import {
  type ActionId,
  type Json,
  type JsonObject,
  type JsonPath,
  jsonPath,
  parseExactJson,
  toolName,
  WrittenNumber,
} from '../../model/index.ts'
import { Withheld } from '../cedar/value.ts'
import { Exposure } from '../flow/exposure.ts'
import { FieldTree } from '../flow/field-tree.ts'
import { chargedIn, rowsIn } from './answer-cost.ts'
import { argumentMapper, refuseArguments } from './arguments.ts'
import { fillTemplate, undoneIn } from './compensation.ts'
import { amountUnits, readSpend } from './spend.ts'

const path = (text: string): JsonPath => jsonPath(text) ?? assert.fail(text)
const written = (text: string) => new WrittenNumber(text)

describe('numbers as they were written', () => {
  it('S7: as an amount they are what they say, or are refused where two readers could differ', () => {
    assert.equal(amountUnits(written('19.90')), 199_000n)
    assert.equal(amountUnits(written('5.0')), 50_000n)
    for (const text of ['9007199254740993', '0.1234567890123456789', '1e400', '100.00000000000000001'])
      assert.equal(amountUnits(written(text)), 'inexact as a number', text)
    const declared = { name: toolName('pay'), effect: 'spend', amount: '$.amount', currency: 'EUR' } as const
    const spend = readSpend(declared, { amount: written('9007199254740993') })
    assert.deepEqual(spend, { ok: false, reason: { path: '$.amount', problem: 'inexact as a number' } })
  })

  it('S7: what an answer says it charged, and its rows, are counted by the number', () => {
    const answer = parseExactJson('{"charged":12.50,"rows":3.0,"many":9007199254740993}')
    assert.deepEqual(chargedIn(path('$.charged'), [answer]), { ok: true, value: 125_000n })
    assert.deepEqual(rowsIn(path('$.rows'), [answer]), { rows: 3, counted: false })
    assert.equal(rowsIn(path('$.many'), [answer]), undefined)
  })

  it('S2: Cedar is not asked about one that it could take for another', () => {
    const map = argumentMapper({
      kind: 'record',
      fields: {
        id: { type: { kind: 'long' }, required: true },
        price: { type: { kind: 'decimal' }, required: true },
      },
    })
    const args = parseExactJson('{"id":9223372036854775808,"price":0.12345678901234567890}') as JsonObject // an object
    assert.equal(refuseArguments(args), undefined)
    const record = map(args)
    assert.ok(record.get('id') instanceof Withheld && record.get('price') instanceof Withheld)
  })

  it('S15: a cell knows an id of 64 bits by all of its digits, whether it stands in text or in structure', () => {
    const text = '{"channel":1215883588174806058}'
    const results: readonly Json[] = [
      { structuredContent: parseExactJson(text) },
      { content: [{ type: 'text', text }] },
    ]
    for (const result of results) {
      const exposure = new Exposure()
      const returns = new FieldTree([[path('$.channel'), []]])
      exposure.recordAnswer({ returns }, readingOf(result), { action: 'a_1' as ActionId, tool: 'chat/list' })
      assert.equal(exposure.knows('1215883588174806058'), true)
      assert.equal(exposure.knows('1215883588174806000'), false)
      assert.equal(exposure.knows('1215883588174806059'), false)
    }
  })

  it('S16: an undo is asked with the very id, and a check holds by the number', () => {
    const result = { structuredContent: parseExactJson('{"id":1215883588174806058,"n":1.0}') }
    const filled = fillTemplate(
      { id: '$result.id', n: '$result.n' },
      { action: 'a_1' as ActionId, args: {}, answer: readingOf(result) },
    )
    assert.equal(JSON.stringify(filled.ok && filled.value), '{"id":1215883588174806058,"n":1}')
    assert.deepEqual(undoneIn({ undone: [{ path: path('$.n'), values: [1] }] }, readingOf(result)), {
      ok: true,
      value: true,
    })
  })
})

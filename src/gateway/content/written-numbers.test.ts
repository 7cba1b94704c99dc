/** Numbers that are kept as an upstream wrote them, on the ways that they take through the gateway. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type JsonPath, jsonPath, parseExactJson } from '../../model/index.ts'
import { type GatewaySetup, readSetup, writeSetup } from '../link/setup.ts'
import { masked } from '../protocols/mcp/contract/masked.ts'

const path = (text: string): JsonPath => jsonPath(text) ?? assert.fail(text)

describe('numbers as they were written, in the gateway', () => {
  it('stay so beside a masked field, in structure and in text', () => {
    const text = '{"id":1215883588174806058,"price":19.90,"iban":"DE1"}'
    const result = { structuredContent: parseExactJson(text), content: [{ type: 'text', text }] }
    const shown = text.replace('DE1', '[masked]')
    const all = masked(result, [path('$.iban')])
    assert.equal(JSON.stringify(all.structuredContent), shown)
    assert.equal(JSON.stringify(all.content), JSON.stringify([{ type: 'text', text: shown }]))
    const hidden = JSON.stringify(masked(result, [path('$.id')]))
    assert.equal(hidden.includes('12158835'), false)
  })

  it('reach a gateway in accepted definitions, in which nothing is taken for a bigint of ours', () => {
    const definition = parseExactJson('{"maximum":9223372036854775807,"default":{"$bigint":"no number"}}')
    const setup = { budget: 5n, tools: [['pay', { pinned: { definition } }]] } as unknown as GatewaySetup // a part of one
    const read = readSetup(writeSetup(setup)) as unknown as typeof setup & { readonly budget: bigint }
    assert.equal(read.budget, 5n)
    assert.deepEqual(read, setup)
  })
})

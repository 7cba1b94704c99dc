/** A cell is shown the bounds of its grants, in the schemas of its tools; what is beyond them is refused all the same. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isJsonObject, type JsonObject } from '../../src/model/index.ts'
import { startGateway } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, modern, textOf } from '../kit/wire.ts'

const AMOUNT = {
  type: 'object',
  properties: { amount: { type: 'number' }, note: { type: 'string' } },
  required: ['amount'],
}

describe('S15: a grant’s limits in the schemas that a cell sees', () => {
  it('shown where one grant covers the tool; calls are judged by the accepted definition and the grant', async () => {
    const upstream = await startUpstream({
      era: 'modern',
      tools: [tool('refund', { inputSchema: AMOUNT }), tool('transfer', { inputSchema: AMOUNT })],
      onCall: () => textResult('done'),
    })
    const grant = (tools: readonly string[], most: string) => ({
      upstream: 'bank',
      tools,
      when: `context.args.amount.lessThanOrEqual(decimal("${most}"))`,
      expires: '8h',
    })
    const gateway = await startGateway({
      upstreams: { bank: { mcp: { url: upstream.url }, tools: { refund: 'write', transfer: 'write' } } },
      agents: { alpha: { grants: [grant(['refund', 'transfer'], '50.00'), grant(['transfer'], '10.00')] } },
    })
    const cell = await gateway.admit()
    for (const [url, prefix] of [
      [cell.url(), 'bank__'],
      [cell.url('bank'), ''],
    ] as const) {
      const { message } = await modern(url, 'tools/list', {})
      const listed = isJsonObject(message.result) && Array.isArray(message.result.tools) ? message.result.tools : []
      const schemaOf = (name: string) =>
        listed.filter(isJsonObject).find((each) => each.name === `${prefix}${name}`)?.inputSchema
      assert.deepEqual(schemaOf('refund'), {
        ...AMOUNT,
        properties: { ...AMOUNT.properties, amount: { type: 'number', maximum: 50 } },
      })
      assert.deepEqual(schemaOf('transfer'), AMOUNT)
    }
    const refund = (args: JsonObject) => call(cell.url('bank'), 'refund', args)
    assert.equal(textOf(await refund({ amount: 50 })), 'done')
    assert.equal(errorOf(await refund({ amount: 50.01 }))?.code, 403)
    assert.match(errorOf(await refund({ amount: 1, fee: 1 }))?.message ?? '', /fee is not declared/)
    assert.equal(upstream.calls.length, 1)
  })
})

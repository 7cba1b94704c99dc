/** Names that are longer than a name may be: what is decided is what is sent, whatever a cell calls. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { call, errorOf, initialize, modern, post, rpc, textOf } from '../kit/wire.ts'

/** The longest name that can be called; it begins every name of `LONGER`. */
const LONGEST = 'list_'.padEnd(200, 'a')
const LONGER = `${LONGEST}_then_delete_all`

const upstream = await startUpstream({
  era: 'modern',
  tools: [tool(LONGEST), tool(LONGER), tool('list')],
  lists: { resources: [], resourceTemplates: [], prompts: [{ name: LONGEST }, { name: LONGER }] },
  onCall: ({ name }) => textResult(`carried out ${name}`),
})
const gateway = await startGateway({
  upstreams: { shop: { mcp: { url: upstream.url }, tools: { [LONGEST]: 'read', list: 'read' }, prompts: [LONGEST] } },
})
const url = (await gateway.admit()).url('shop')

const sentCount = () => upstream.calls.length + (upstream.asked.get('prompts/get') ?? 0)

describe('a call is decided by the whole of the name that is sent', () => {
  it('carries out the longest name', async () => {
    assert.equal(textOf(await call(url, LONGEST)), `carried out ${LONGEST}`)
  })

  for (const method of ['tools/call', 'prompts/get']) {
    it(`refuses ${method} of a longer one that begins like it`, async () => {
      const sent = sentCount()
      const refused = errorOf(await modern(url, method, { name: LONGER, arguments: {} }))
      assert.match(refused?.message ?? '', /its name is no name: one has 1 to 200 characters/)
      assert.equal(sentCount(), sent)
    })
  }

  it('refuses a name that is a declared one but for a control character', async () => {
    const headers = await initialize(url)
    const sent = sentCount()
    for (const name of ['list\u0000', '\u0007list', 'list\n', '']) {
      const reply = await post(url, rpc('tools/call', { name, arguments: {} }), { headers })
      assert.match(errorOf(reply)?.message ?? '', /its name is no name/, JSON.stringify(name))
    }
    assert.equal(sentCount(), sent)
  })
})

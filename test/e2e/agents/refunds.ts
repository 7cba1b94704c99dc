/** An agent that pays refunds r1, r2, … and ends, or stays. */
import process from 'node:process'

const [, , count, then] = process.argv
const meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'refunds', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}
for (let i = 1; i <= Number(count); i++) {
  const args = { request: `r${i}`, amount: 10, currency: 'EUR' }
  const params = { name: 'bank__refunds.create', arguments: args, _meta: meta }
  const reply = await fetch(String(process.env.FIREBREAK_MCP_URL), {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': params.name,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: i, method: 'tools/call', params }),
  })
  await reply.text()
}
if (then === 'stays') setInterval(() => undefined, 1_000)

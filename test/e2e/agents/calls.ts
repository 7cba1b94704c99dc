/** An agent that sends what it is given, one request of 2026-07-28 after another, and prints what came back. */
import process from 'node:process'

interface Request {
  readonly method: string
  readonly params: Readonly<Record<string, unknown>>
}

const requests = JSON.parse(process.argv[2] ?? '[]') as readonly Request[] // as the test writes it
const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const replies: unknown[] = []
for (const [id, { method, params }] of requests.entries()) {
  const name = params.name ?? params.uri
  const headers = {
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  }
  const body = JSON.stringify({ jsonrpc: '2.0', id, method, params: { ...params, _meta } })
  replies.push(await (await fetch(url, { method: 'POST', headers, body })).json())
}
console.log(JSON.stringify(replies))

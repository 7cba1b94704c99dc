/** Lists the tools of the shop, calls those that it is told, and prints one line for each, in the characters that came. */
const url = 'http://127.0.0.1:7070/mcp/shop'
const headers: Record<string, string> = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}
let id = 0

async function ask(method: string, params: object): Promise<string> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params })
  const response = await fetch(url, { method: 'POST', headers, body })
  const session = response.headers.get('mcp-session-id')
  if (session !== null) headers['mcp-session-id'] = session
  return response.text()
}

await ask('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'agent', version: '1' },
})
const list = JSON.parse(await ask('tools/list', {})) as { result: { tools: { name: string }[] } }
process.stdout.write(`tools ${list.result.tools.map(({ name }) => name).sort()}\n`)
for (const name of process.argv.slice(2))
  process.stdout.write(`${name} ${await ask('tools/call', { name, arguments: {} })}\n`)

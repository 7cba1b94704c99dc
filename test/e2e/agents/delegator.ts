/** Two agents of one script: one delegates, waits for the report and prints it; the other does as it was asked, and more. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

interface Reply {
  readonly result?: { readonly content: readonly { readonly text?: string }[]; readonly isError?: boolean }
  readonly error?: { readonly message: string }
}

const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
let id = 0

async function call(name: string, args: object = {}): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }
  const body = JSON.stringify({
    jsonrpc: '2.0',
    id: id++,
    method: 'tools/call',
    params: { name, arguments: args, _meta },
  })
  const reply: unknown = await (await fetch(url, { method: 'POST', headers, body })).json()
  const { result, error } = reply as Reply // as the gateway writes it
  return result?.content[0]?.text ?? error?.message.replace(/ \(reference .*/, '') ?? 'nothing'
}

if (process.argv[2] === 'giver') {
  const tools = ['memory/read_graph']
  console.log(await call('firebreak__delegate', { agent: 'helper', assignment: 'look at the graph', tools }))
  for (let left = 100, said = ''; !said.includes('"reports":["') && left > 0; left--) {
    await delay(100)
    said = await call('firebreak__delegations')
    if (said.includes('"reports":["')) console.log(said)
  }
} else {
  const { assignment } = JSON.parse(await call('firebreak__authority'))
  const graph = await call('memory__read_graph')
  const wider = await call('memory__create_entities', { entities: [] })
  await call('firebreak__report', {
    text: `${assignment}: ${graph.includes('entities') ? 'seen' : graph}; wider: ${wider}`,
  })
  await delay(60_000)
}

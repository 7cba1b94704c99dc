/** An agent that calls one tool again and again and prints each answer, until that is `stop`; another agent may be asked to help. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

interface Reply {
  readonly result?: { readonly content: readonly { readonly text?: string }[] }
  readonly error?: { readonly message: string }
}

const [name = '', pauseMs = '50', helper = ''] = process.argv.slice(2)
const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function call(id: number, tool: string, args: object): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': tool,
  }
  const params = { name: tool, arguments: args, _meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
  try {
    const reply: unknown = await (await fetch(url, { method: 'POST', headers, body })).json()
    const { result, error } = reply as Reply // as the gateway writes it
    return result?.content[0]?.text ?? error?.message ?? 'nothing'
  } catch (fault) {
    return fault instanceof Error ? String(fault.cause ?? fault) : 'no answer'
  }
}

if (helper !== '') console.log(await call(0, 'firebreak__delegate', { agent: helper, assignment: 'help' }))
for (let id = 1, said = ''; said !== 'stop'; id++) {
  said = await call(id, name, {})
  console.log(said)
  await delay(Number(pauseMs))
}

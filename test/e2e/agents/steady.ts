/** An agent that calls one tool again and again and prints each answer, until that is `stop`. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

interface Reply {
  readonly result?: { readonly content: readonly { readonly text?: string }[] }
  readonly error?: { readonly message: string }
}

const [name = '', pauseMs = '50'] = process.argv.slice(2)
const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}
const headers = {
  'content-type': 'application/json',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': name,
}
for (let id = 0, said = ''; said !== 'stop'; id++) {
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {}, _meta } })
  try {
    const reply: unknown = await (await fetch(url, { method: 'POST', headers, body })).json()
    const { result, error } = reply as Reply // as the gateway writes it
    said = result?.content[0]?.text ?? error?.message ?? 'nothing'
  } catch (fault) {
    said = fault instanceof Error ? String(fault.cause ?? fault) : 'no answer'
  }
  console.log(said)
  await delay(Number(pauseMs))
}

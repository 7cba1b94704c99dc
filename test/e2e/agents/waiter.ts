/** An agent that makes one call again and again until it is let through, and then once more. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

interface Reply {
  readonly result?: { readonly content: readonly { readonly text?: string }[]; readonly isError?: boolean }
  readonly error?: { readonly message: string }
}

const [name = '', text = '{}'] = process.argv.slice(2)
const headers = {
  'content-type': 'application/json',
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'tools/call',
  'mcp-name': name,
}
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function call(): Promise<string> {
  const params = { name, arguments: JSON.parse(text), _meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  const reply: unknown = await (
    await fetch(process.env.FIREBREAK_MCP_URL ?? '', { method: 'POST', headers, body })
  ).json()
  const { result, error } = reply as Reply // as the gateway writes it
  return result?.content[0]?.text ?? error?.message ?? 'nothing'
}

for (let said = 'holds this call', left = 300; said.includes('holds this call') && left > 0; left--) {
  said = await call()
  console.log(`${left === 300 ? 'first' : 'then'}: ${said.replaceAll('\n', ' ').slice(0, 120)}`)
  await delay(100)
}
console.log(`again: ${(await call()).slice(0, 120)}`)

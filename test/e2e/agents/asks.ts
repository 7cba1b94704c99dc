/** An agent that calls tools one after the other, `[[name, arguments], …]`, prints each answer, and goes on with the last. */
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

interface Reply {
  readonly result?: { readonly content: readonly { readonly text?: string }[] }
  readonly error?: { readonly message: string }
}

const calls = JSON.parse(process.argv[2] ?? '[]') as readonly (readonly [string, object])[] // as the test writes it
const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

async function call(id: number, name: string, args: object): Promise<string> {
  const headers = {
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }
  const params = { name, arguments: args, _meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
  try {
    const reply = (await (await fetch(url, { method: 'POST', headers, body })).json()) as Reply // as the gateway writes it
    return reply.result?.content[0]?.text ?? reply.error?.message ?? 'nothing'
  } catch (fault) {
    return fault instanceof Error ? String(fault.cause ?? fault) : 'no answer'
  }
}

for (let id = 0; ; id++) {
  const [name, args] = calls[Math.min(id, calls.length - 1)] ?? ['', {}]
  console.log(`${name}: ${(await call(id, name, args)).trim()}`)
  await delay(200)
}

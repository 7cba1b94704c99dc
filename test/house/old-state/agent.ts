/** An agent that makes its calls, `[[name, arguments], …]`, prints each answer, and leaves a file behind. */
import { writeFileSync } from 'node:fs'
import process from 'node:process'

const calls = JSON.parse(process.argv[2] ?? '[]') as readonly (readonly [string, object])[] // as the test writes it
const url = process.env.FIREBREAK_MCP_URL ?? ''
const _meta = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

for (const [id, [name, args]] of calls.entries()) {
  const headers = {
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': name,
  }
  const params = { name, arguments: args, _meta }
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
  const reply = await fetch(url, { method: 'POST', headers, body })
  console.log(await reply.text())
}
writeFileSync('/workspace/left.txt', 'left\n')

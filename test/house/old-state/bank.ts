/** A bank as an MCP server on its standard streams: who is known, and a payment that it only says was made. */
import process from 'node:process'
import { createInterface } from 'node:readline'

const text = (properties: readonly string[]) => Object.fromEntries(properties.map((name) => [name, { type: 'string' }]))
const TOOLS = [
  { name: 'contacts', description: 'Who is known', inputSchema: { type: 'object', properties: {} } },
  { name: 'pay', description: 'Pays', inputSchema: { type: 'object', properties: text(['to', 'note']) } },
]

for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line))

function take({ id, method, params }: { id: number; method: string; params?: { name?: string; arguments?: object } }) {
  const capabilities = { tools: {} }
  if (method === 'server/discover') answer(id, { supportedVersions: ['2026-07-28'], capabilities })
  if (method === 'tools/list') answer(id, { tools: TOOLS })
  if (method !== 'tools/call') return
  const said = params?.name === 'contacts' ? { rows: [{ name: 'Eve', iban: 'GOOD1' }] } : { paid: true }
  answer(id, { content: [{ type: 'text', text: JSON.stringify(said) }] })
}

function answer(id: number, result: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })}\n`)
}

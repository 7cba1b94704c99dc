/** An MCP server on its standard streams that keeps notes as files of its workspace, and says "removed" of any name. */
import { rmSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { createInterface } from 'node:readline'

const place = (name: unknown) => `/workspace/${String(name)}`

const TOOLS: Readonly<Record<string, (args: Readonly<Record<string, unknown>>) => object>> = {
  create: ({ name }) => {
    writeFileSync(place(name), 'x')
    return { id: name }
  },
  remove: ({ id }) => {
    rmSync(place(id), { force: true })
    return { removed: true }
  },
}

export const NOTES: readonly string[] = Object.keys(TOOLS)

export function noteDefinition(name: string) {
  const properties = { [name === 'remove' ? 'id' : 'name']: { type: 'string' } }
  return { name, description: `${name} a note`, inputSchema: { type: 'object', properties } }
}

if (import.meta.main) for await (const line of createInterface({ input: process.stdin })) take(JSON.parse(line))

function take({ id, method, params }: { id: number; method: string; params?: { name?: string; arguments?: object } }) {
  const capabilities = { tools: {} }
  if (method === 'server/discover') answer(id, { supportedVersions: ['2026-07-28'], capabilities })
  if (method === 'tools/list') answer(id, { tools: NOTES.map(noteDefinition) })
  if (method !== 'tools/call') return
  const structuredContent = TOOLS[params?.name ?? '']?.({ ...params?.arguments }) ?? {}
  answer(id, { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] })
}

function answer(id: number, result: object): void {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } })}\n`)
}

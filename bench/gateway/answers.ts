const TEXT = 'x'.repeat(380)

interface Asked {
  readonly id?: number | string
  readonly method: string
}

const META = { 'io.modelcontextprotocol/serverInfo': { name: 'bench', version: '1' } }

export const TOOLS = ['notes.read', 'notes.write'].map((name) => ({
  name,
  description: 'A note',
  inputSchema: {
    type: 'object',
    properties: { id: { type: 'string' }, text: { type: 'string' }, limit: { type: 'integer' } },
    required: ['id'],
  },
  outputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
}))

/** The same answers over HTTP and over standard streams. */
export function answerTo({ id, method }: Asked): string | undefined {
  const result = resultOf(method)
  if (id === undefined || result === undefined) return undefined
  return JSON.stringify({ jsonrpc: '2.0', id, result: { ...result, resultType: 'complete', _meta: META } })
}

function resultOf(method: string): object | undefined {
  const cache = { ttlMs: 60_000, cacheScope: 'private' }
  switch (method) {
    case 'server/discover':
      return { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...cache }
    case 'tools/list':
      return { tools: TOOLS, ...cache }
    case 'tools/call':
      return { content: [{ type: 'text', text: 'ok' }], structuredContent: { text: TEXT } }
    default:
      return undefined
  }
}

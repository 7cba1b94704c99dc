/** Acts as often as it can, whatever it is told: every signal is ignored, and a second process spins. */
import { spawn } from 'node:child_process'
import process from 'node:process'

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const) process.on(signal, () => undefined)
spawn(process.execPath, ['-e', 'for (;;) ;'], { stdio: 'ignore' })

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

for (let id = 1; ; id++) {
  const entities = [{ name: `e-${id}`, entityType: 'count', observations: [] }]
  try {
    const reply = await fetch(`${process.env.FIREBREAK_MCP_URL}/memory`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'tools/call',
        'mcp-name': 'create_entities',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id,
        method: 'tools/call',
        params: { name: 'create_entities', arguments: { entities }, _meta: META },
      }),
    })
    const text = await reply.text()
    process.stdout.write(`${text.includes('"result"') ? 'done' : 'refused'} ${id}\n`)
  } catch {
    process.stdout.write(`cut ${id}\n`)
  }
}

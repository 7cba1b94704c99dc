import { Pool } from 'undici'

export interface Target {
  readonly url: URL
  readonly tool: string
}

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
}

/** One caller against one endpoint: bodies of about 400 bytes, connections kept open. */
export class Caller {
  readonly #pool: Pool
  readonly #target: Target
  #id = 0

  constructor(target: Target) {
    this.#target = target
    this.#pool = new Pool(target.url.origin, { connections: 16 })
  }

  async call(carrying = 'y'.repeat(150)): Promise<void> {
    const { url, tool } = this.#target
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: ++this.#id,
      method: 'tools/call',
      params: { name: tool, arguments: { id: `note-${this.#id}`, text: carrying, limit: 20 }, _meta: META },
    })
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': tool,
    }
    const reply = await this.#pool.request({ path: url.pathname, method: 'POST', headers, body })
    const text = await reply.body.text()
    if (reply.statusCode !== 200 || !text.includes('"structuredContent"'))
      throw new Error(`${reply.statusCode} ${text.slice(0, 300)}`)
  }

  /** As many calls as end within `ms`, `width` at a time. */
  async run(ms: number, width: number): Promise<{ readonly calls: number; readonly latenciesMs: readonly number[] }> {
    const until = performance.now() + ms
    const latenciesMs: number[] = []
    const one = async () => {
      for (let now = performance.now(); now < until; now = performance.now()) {
        await this.call()
        latenciesMs.push(performance.now() - now)
      }
    }
    await Promise.all(Array.from({ length: width }, one))
    return { calls: latenciesMs.length, latenciesMs }
  }

  close(): Promise<void> {
    return this.#pool.close()
  }
}

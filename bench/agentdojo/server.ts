/** The upstream of a replay: a real MCP server (2026-07-28, over HTTP) that answers each call with what was recorded. */
import { createServer, type Server } from 'node:http'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'

/** A tool as the recorded suite defines it. */
export interface Offered {
  readonly name: string
  readonly description: string
  readonly inputSchema: JsonObject
}

/** One call that may come: what it will be answered, and whether it came. */
export interface Expected {
  readonly executed: () => boolean
  /** It comes no more; another call with the same arguments may be expected. */
  readonly done: () => void
}

export class RecordedServer {
  readonly #server: Server
  readonly #offered: ReadonlyMap<string, readonly Offered[]>
  readonly #expected = new Map<string, { readonly answer: JsonObject; executed: boolean }>()
  readonly #turns = new Map<string, Promise<void>>()
  /** Calls that nobody made: none, or the replay is wrong. */
  readonly unexpected: string[] = []

  /** `offered`: the tools of each upstream, which is a path of this server. */
  constructor(offered: ReadonlyMap<string, readonly Offered[]>) {
    this.#offered = offered
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const upstream = request.url?.split('/').at(-1) ?? ''
        const asked = readAsked(Buffer.concat(chunks).toString())
        const answer = asked?.id === undefined ? undefined : this.#answer(upstream, asked)
        if (asked === undefined || answer === undefined) return void response.writeHead(405).end()
        const body = JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...answer })
        response.writeHead(200, { 'content-type': 'application/json' }).end(body)
      })
    })
    this.#server.keepAliveTimeout = 60_000
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the recorded server has no port')
    return address.port
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  /** Nothing in a call says which case it is of: of two that are alike, one waits until the other is done. */
  async expect(tool: string, args: JsonObject, answer: JsonObject): Promise<Expected> {
    const key = keyOf(tool, args)
    for (let other = this.#turns.get(key); other !== undefined; other = this.#turns.get(key)) await other
    const turn = Promise.withResolvers<void>()
    this.#turns.set(key, turn.promise)
    const expected = { answer, executed: false }
    this.#expected.set(key, expected)
    return {
      executed: () => expected.executed,
      done: () => {
        this.#expected.delete(key)
        this.#turns.delete(key)
        turn.resolve()
      },
    }
  }

  #answer(upstream: string, { method, params }: Asked): JsonObject | undefined {
    if (method === 'tools/call') return this.#called(params)
    const cache = { ttlMs: 60_000, cacheScope: 'private' }
    const tools = (this.#offered.get(upstream) ?? []).map(({ name, description, inputSchema }) => {
      return { name, description, inputSchema: { type: 'object', ...inputSchema } }
    })
    if (method === 'tools/list') return complete({ tools, ...cache })
    if (method === 'server/discover') {
      return complete({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...cache })
    }
    return { error: { code: -32601, message: 'Method not found' } }
  }

  #called({ name, arguments: args }: JsonObject): JsonObject {
    const expected = this.#expected.get(keyOf(String(name), isJsonObject(args) ? args : {}))
    if (expected === undefined) {
      this.unexpected.push(String(name))
      return { error: { code: -32602, message: 'no such call was recorded' } }
    }
    expected.executed = true
    return complete(expected.answer)
  }
}

interface Asked {
  readonly id?: Json
  readonly method: string
  readonly params: JsonObject
}

function readAsked(body: string): Asked | undefined {
  const json = JSON.parse(body === '' ? 'null' : body) as Json
  if (!isJsonObject(json)) return undefined
  const { id, method, params } = json
  return { ...(id !== undefined && { id }), method: String(method), params: isJsonObject(params) ? params : {} }
}

function complete(result: JsonObject): JsonObject {
  const _meta = { 'io.modelcontextprotocol/serverInfo': { name: 'recorded', version: '1' } }
  return { result: { resultType: 'complete', ...result, _meta } }
}

/** The order of members says nothing. */
function keyOf(tool: string, args: JsonObject): string {
  const sorted = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(sorted)
    if (!isJsonObject(value)) return value
    const names = Object.keys(value).sort()
    return Object.fromEntries(names.map((name) => [name, sorted(value[name] ?? null)]))
  }
  return `${tool} ${JSON.stringify(sorted(args))}`
}

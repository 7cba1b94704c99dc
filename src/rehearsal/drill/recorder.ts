import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { createServer } from '../../model/host/node-http.ts'
import { isJsonObject, type Json, type JsonObject, parseJson } from '../../model/index.ts'

/** A call that has reached what stands in an upstream's place. */
export interface RecordedCall {
  readonly upstream: string
  readonly tool: string
  readonly args: Json
  /** Epoch ms. */
  readonly atMs: number
}

/**
 * A stand-in for every upstream of a drill: an MCP server (2026-07-28) that offers exactly what was accepted, changes
 * nothing in the world, and writes down what reaches it.
 */
export class Recorder {
  readonly calls: RecordedCall[] = []
  readonly #servers: Server[] = []
  readonly #offered: ReadonlyMap<string, readonly JsonObject[]>
  readonly #answers = new Map<string, { readonly args: Json; readonly answer: JsonObject }[]>()

  /** `offered`: the definitions of each upstream, which is a path of this server. */
  constructor(offered: ReadonlyMap<string, readonly JsonObject[]>) {
    this.#offered = offered
  }

  /**
   * Listens on a port of its own for each environment, since no two share a place, and returns where an upstream is.
   * `upstreams`: names, with their environments.
   */
  async listen(upstreams: ReadonlyMap<string, string>): Promise<(upstream: string) => URL> {
    const ports = new Map<string, number>()
    for (const environment of new Set(upstreams.values())) ports.set(environment, await this.#listenOnce())
    return (upstream) => new URL(`http://127.0.0.1:${ports.get(upstreams.get(upstream) ?? '')}/mcp/${upstream}`)
  }

  async #listenOnce(): Promise<number> {
    const server = createServer((request, response) => this.#serve(request, response))
    this.#servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the recorder has no port')
    return address.port
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const [, , upstream = ''] = (request.url ?? '').split('/')
      const asked = readAsked(Buffer.concat(chunks).toString())
      if (asked?.id === undefined) return void response.writeHead(405).end()
      const body = JSON.stringify({ jsonrpc: '2.0', id: asked.id, ...this.#answer(upstream, asked) })
      response.writeHead(200, { 'content-type': 'application/json' }).end(body)
    })
  }

  /** Sets the answer to calls with these arguments; any other call is told that all went well. */
  answers(upstream: string, tool: string, args: Json, answer: JsonObject): void {
    const key = `${upstream}/${tool}`
    this.#answers.set(key, [...(this.#answers.get(key) ?? []), { args, answer }])
  }

  close(): void {
    for (const server of this.#servers) {
      server.close()
      server.closeAllConnections()
    }
  }

  #answer(upstream: string, { method, params }: Asked): JsonObject {
    const cache = { ttlMs: 60_000, cacheScope: 'private' }
    const tools = this.#offered.get(upstream) ?? []
    if (method === 'tools/list') return complete({ tools, ...cache })
    if (method === 'server/discover')
      return complete({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...cache })
    if (method !== 'tools/call') return { error: { code: -32601, message: 'Method not found' } }
    const { name, arguments: args = {} } = params
    const tool = String(name)
    this.calls.push({ upstream, tool, args, atMs: Date.now() })
    const known = this.#answers.get(`${upstream}/${tool}`)?.find((each) => isDeepStrictEqual(each.args, args))
    const schema = tools.find((each) => each.name === tool)?.outputSchema
    const structured = known?.answer ?? (isJsonObject(schema) ? sampleOf(schema) : undefined)
    const text = structured === undefined ? 'ok' : JSON.stringify(structured)
    return complete({
      content: [{ type: 'text', text }],
      ...(isJsonObject(structured) && { structuredContent: structured }),
    })
  }
}

interface Asked {
  readonly id?: Json
  readonly method: string
  readonly params: JsonObject
}

function readAsked(body: string): Asked | undefined {
  const json = parseJson(body === '' ? 'null' : body) as Json
  if (!isJsonObject(json)) return undefined
  const { id, method, params } = json
  return { ...(id !== undefined && { id }), method: String(method), params: isJsonObject(params) ? params : {} }
}

function complete(result: JsonObject): JsonObject {
  const _meta = { 'io.modelcontextprotocol/serverInfo': { name: 'recorder', version: '1' } }
  return { result: { resultType: 'complete', ...result, _meta } }
}

/** A value that the schema allows, as far as types, choices and bounds go: the least there is of it. */
export function sampleOf(schema: Json | undefined): Json {
  if (!isJsonObject(schema)) return 'drill'
  if (schema.const !== undefined) return schema.const
  if (Array.isArray(schema.enum)) return (schema.enum[0] as Json | undefined) ?? null
  if (schema.default !== undefined) return schema.default
  const [branch] = [schema.anyOf, schema.oneOf, schema.allOf].find((each) => Array.isArray(each)) ?? []
  if (branch !== undefined && schema.properties === undefined) return sampleOf(branch)
  switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
    case 'object':
      return sampleObject(schema)
    case 'array': {
      const length = typeof schema.minItems === 'number' ? schema.minItems : 0
      return Array.from({ length: Math.min(length, 16) }, () => sampleOf(schema.items))
    }
    case 'integer':
    case 'number':
      return typeof schema.minimum === 'number' ? schema.minimum : 1
    case 'boolean':
      return true
    case 'null':
      return null
    default:
      return isJsonObject(schema.properties) ? sampleObject(schema) : 'drill'
  }
}

function sampleObject({ properties, required }: JsonObject): JsonObject {
  const names = Array.isArray(required) ? required.map(String) : []
  const known = isJsonObject(properties) ? properties : {}
  return Object.fromEntries(names.map((name) => [name, sampleOf(known[name])]))
}

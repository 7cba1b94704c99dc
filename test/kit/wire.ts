/** MCP as raw HTTP: what a client that keeps no rule could send. */
import type { IncomingHttpHeaders } from 'node:http'
import { request } from '../../src/model/host/node-http.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The JSON-RPC message in the body: of a stream of events the last one. */
  readonly message: JsonObject
}

export interface PostOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly method?: string
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Each on a connection of its own. */
export function post(url: string, body: string | Uint8Array, options: PostOptions = {}): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const { method = 'POST', timeoutMs = 120_000, signal } = options
    const headers = { 'content-type': 'application/json', accept: BOTH, ...options.headers }
    const outgoing = request(url, { method, headers, agent: false, ...(signal && { signal }) }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, message: messageIn(text) })
      })
    })
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

const BOTH = 'application/json, text/event-stream'

function messageIn(text: string): JsonObject {
  const events = text.split('\n').filter((line) => line.startsWith('data: '))
  try {
    const value: unknown = JSON.parse(events.at(-1)?.slice('data: '.length) ?? text)
    // Parsed JSON is Json; its type cannot say so.
    const json = value as Json
    return isJsonObject(json) ? json : {}
  } catch {
    return {}
  }
}

export const MODERN_META: JsonObject = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientInfo': { name: 'test', version: '1' },
  'io.modelcontextprotocol/clientCapabilities': {},
}

export interface ModernOptions extends PostOptions {
  readonly id?: string | number
  /** Beside the three that 2026-07-28 wants. */
  readonly meta?: JsonObject
}

/** A well-formed request of 2026-07-28. */
export function modern(
  url: string,
  method: string,
  params: JsonObject,
  options: ModernOptions = {},
): Promise<HttpReply> {
  const { id = 1, meta = {}, headers, ...rest } = options
  const body = { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...MODERN_META, ...meta } } }
  return post(url, JSON.stringify(body), { ...rest, headers: { ...modernHeaders(method, params), ...headers } })
}

export function modernHeaders(method: string, params: JsonObject): Readonly<Record<string, string>> {
  const name = params.name ?? params.uri
  return {
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': name }),
  }
}

/** A tool call of 2026-07-28. */
export function call(
  url: string,
  name: string,
  args: JsonObject = {},
  options: ModernOptions = {},
): Promise<HttpReply> {
  return modern(url, 'tools/call', { name, arguments: args }, options)
}

/** Opens a session of one of the older revisions and returns the headers that belong to it. */
export async function initialize(
  url: string,
  revision: '2025-11-25' | '2025-06-18' | '2025-03-26' | '2024-11-05' = '2025-11-25',
): Promise<Readonly<Record<string, string>>> {
  const params = { protocolVersion: revision, capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const reply = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }))
  const session = reply.headers['mcp-session-id']
  if (reply.status !== 200 || typeof session !== 'string') throw new Error(`initialize: ${reply.status} ${reply.text}`)
  const headers = { 'mcp-session-id': session, 'mcp-protocol-version': revision }
  await post(url, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), { headers })
  return headers
}

export function rpc(method: string, params: JsonObject = {}, id: string | number = 1): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params })
}

/** The text of a tool's answer; empty where there is none. */
export function textOf({ message }: HttpReply): string {
  const result = isJsonObject(message.result) ? message.result : {}
  const content = Array.isArray(result.content) ? result.content : []
  return content.map((block: Json) => (isJsonObject(block) ? String(block.text ?? '') : '')).join('')
}

/** The code and message of an error; undefined where there is none. */
export function errorOf({ message }: HttpReply): { readonly code: number; readonly message: string } | undefined {
  const { error } = message
  return isJsonObject(error) ? { code: Number(error.code), message: String(error.message) } : undefined
}

/** An MCP server over HTTP that a test scripts, down to the bytes of an answer: upstreams may hang, lie and die. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from '../../src/model/host/node-http.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'
import { bodyOf } from './request-body.ts'
import { cleanUp } from './temporary.ts'

export interface ScriptedCall {
  readonly id: Json
  readonly name: string
  readonly args: JsonObject
  /** Everything beside name and arguments. */
  readonly params: JsonObject
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

export interface Script {
  /** `modern` speaks 2026-07-28 only, `legacy` 2025-11-25 only, in sessions. */
  readonly era: 'modern' | 'legacy'
  /** What tools/list offers; a test may change it while the server runs. */
  tools: readonly JsonObject[]
  /** Other lists that it has, by the member that they come in. */
  readonly lists?: Readonly<Record<'resources' | 'resourceTemplates' | 'prompts', readonly JsonObject[]>>
  /** Returns the result, or answers by itself and returns nothing. */
  readonly onCall: (call: ScriptedCall) => JsonObject | undefined | Promise<JsonObject | undefined>
}

export interface ScriptedUpstream {
  readonly url: string
  readonly script: Script
  /** How often each method was asked. */
  readonly asked: ReadonlyMap<string, number>
  /** The names and arguments of every tools/call, as they came. */
  readonly calls: readonly { readonly name: string; readonly args: JsonObject }[]
  /** Headers of every request, newest last. */
  readonly headers: readonly IncomingMessage['headers'][]
  /** Says on every standing stream that the tools have changed. */
  readonly tellToolsChanged: (times?: number) => void
  /** What comes from now on is answered once this resolves. */
  readonly hold: (until: Promise<void>) => void
  readonly close: () => void
}

export async function startUpstream(script: Script, port = 0): Promise<ScriptedUpstream> {
  const asked = new Map<string, number>()
  const calls: { readonly name: string; readonly args: JsonObject }[] = []
  const headers: IncomingMessage['headers'][] = []
  const streams = new Map<ServerResponse, Json>()
  let held: Promise<void> = Promise.resolve()
  const server = createServer(async (request, response) => {
    headers.push(request.headers)
    response.on('error', () => undefined)
    if (request.method !== 'POST') return standing(request, response, script, streams)
    const text = await bodyOf(request)
    if (text === undefined) return
    const body = objectIn(text)
    await held
    const method = String(body.method)
    asked.set(method, (asked.get(method) ?? 0) + 1)
    const params = isJsonObject(body.params) ? body.params : {}
    if (method === 'tools/call') {
      const { name, arguments: args, ...others } = params
      const given = isJsonObject(args) ? args : {}
      calls.push({ name: String(name), args: given })
      const call = { id: body.id ?? null, name: String(name), args: given, params: others, request, response }
      const result = await script.onCall(call)
      if (result !== undefined) answer(response, call.id, { result: shaped(script, result) })
      return
    }
    if (method === 'subscriptions/listen' && script.era === 'modern') return listen(response, body.id ?? null, streams)
    const reply = replyTo(script, method)
    if (body.id === undefined) return void response.writeHead(202).end()
    const session = method === 'initialize' && script.era === 'legacy' ? { 'mcp-session-id': 'scripted-session' } : {}
    answer(response, body.id, reply, 'error' in reply && script.era === 'legacy' ? 400 : 200, session)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  cleanUp(close)
  return {
    url: `http://127.0.0.1:${address.port}/mcp`,
    script,
    asked,
    calls,
    headers,
    tellToolsChanged: (times = 1) => {
      for (const [stream, subscriptionId] of streams) {
        const meta = { 'io.modelcontextprotocol/subscriptionId': subscriptionId }
        const params = subscriptionId === null ? {} : { _meta: meta }
        const message = { jsonrpc: '2.0', method: 'notifications/tools/list_changed', params }
        stream.write(eventText(message).repeat(times))
      }
    },
    hold: (until) => {
      held = until
    },
    close,
  }
}

/** Writes one JSON-RPC answer; a test uses it to answer later, or wrongly. */
export function answer(
  response: ServerResponse,
  id: Json,
  body: JsonObject,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  const text = JSON.stringify({ jsonrpc: '2.0', id, ...body })
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

export function eventText(message: JsonObject): string {
  return `data: ${JSON.stringify(message)}\n\n`
}

export function tool(name: string, more: JsonObject = {}): JsonObject {
  return { name, description: `the tool ${name}`, inputSchema: { type: 'object', properties: {} }, ...more }
}

export function textResult(text: string): JsonObject {
  return { content: [{ type: 'text', text }] }
}

function replyTo(script: Script, method: string): { readonly result: JsonObject } | { readonly error: JsonObject } {
  const capabilities = { tools: { listChanged: true }, ...(script.lists && { resources: {}, prompts: {} }) }
  const list = script.lists && LISTS.get(method)
  if (list !== undefined) return { result: shaped(script, { [list]: script.lists?.[list] ?? [] }) }
  if (method === 'tools/list') return { result: shaped(script, { tools: script.tools }) }
  if (method === 'server/discover' && script.era === 'modern')
    return { result: shaped(script, { supportedVersions: ['2026-07-28'], capabilities }) }
  if (method === 'initialize' && script.era === 'legacy') {
    const serverInfo = { name: 'scripted', version: '1' }
    return { result: { protocolVersion: '2025-11-25', capabilities, serverInfo } }
  }
  if (method === 'ping') return { result: {} }
  return { error: { code: -32601, message: 'Method not found' } }
}

const LISTS = new Map([
  ['resources/list', 'resources'],
  ['resources/templates/list', 'resourceTemplates'],
  ['prompts/list', 'prompts'],
] as const satisfies readonly (readonly [string, string])[]) as ReadonlyMap<string, keyof NonNullable<Script['lists']>>

function shaped({ era }: Script, result: JsonObject): JsonObject {
  return era === 'modern' ? { resultType: 'complete', ttlMs: 0, cacheScope: 'private', ...result } : result
}

function listen(response: ServerResponse, id: Json, streams: Map<ServerResponse, Json>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  const _meta = { 'io.modelcontextprotocol/subscriptionId': id }
  const params = { notifications: { toolsListChanged: true }, _meta }
  response.write(eventText({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params }))
  streams.set(response, id)
  response.on('close', () => streams.delete(response))
}

/** GET opens the standing stream of a session, DELETE ends one. */
function standing(
  request: IncomingMessage,
  response: ServerResponse,
  { era }: Script,
  streams: Map<ServerResponse, Json>,
): void {
  if (era === 'modern') return void response.writeHead(405).end()
  if (request.method !== 'GET') return void response.writeHead(200).end()
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.flushHeaders()
  streams.set(response, null)
  response.on('close', () => streams.delete(response))
}

function objectIn(text: string): JsonObject {
  const value: unknown = JSON.parse(text)
  // What the gateway sent is JSON; the type of JSON.parse cannot say so.
  const json = value as Json
  return isJsonObject(json) ? json : {}
}

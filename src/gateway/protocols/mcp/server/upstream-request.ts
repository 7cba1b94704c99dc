/** The bytes of one request to an upstream, and what the bytes that come back say: for both kinds of connections. */
import { Buffer } from 'node:buffer'
import { cutText, type Json, type JsonObject, LIMITS, no, ok, type Result } from '../../../../model/index.ts'
import { FROM_UPSTREAM, jsonFaultText, parseStrictJson, parseStrictText } from '../../../content/strict-json.ts'
import { McpAnswer } from '../contract/answer.ts'
import { META, MODERN, plainResult, type Revision } from '../revision.ts'
import { RPC, type RpcId, type RpcMessage, type RpcRequest, type RpcResponse, readRpc, rpcError } from '../rpc.ts'
import type { McpSent } from './connection.ts'
import { readListItems } from './list-items.ts'

/** The name that Firebreak gives itself towards upstreams and cells. */
export const IMPLEMENTATION: JsonObject = { name: 'firebreak', version: '0.1.0' }

/** Milliseconds that an upstream may take to begin an answer, and to go silent within one. */
export const UPSTREAM_SILENCE_MS_MAX = 120_000

/**
 * Returns the exact bytes of one request. Everything in `params` is what was judged; `_meta` is ours alone: what a cell
 * put there does not travel.
 */
export function requestBytes(
  revision: Revision,
  id: RpcId,
  method: string,
  params: JsonObject,
  options: MetaOptions,
): Uint8Array {
  const meta = metaFor(revision, options)
  const body = meta === undefined ? params : { ...params, _meta: meta }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params: body }))
}

export function notificationBytes(revision: Revision, method: string, params: JsonObject): Uint8Array {
  const meta = metaFor(revision, {})
  const body = meta === undefined ? params : { ...params, _meta: meta }
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', method, params: body }))
}

export interface MetaOptions {
  /** Asks for progress under this token. */
  readonly progressToken?: RpcId
  /** Asks for log messages from this level up; 2026-07-28 only. */
  readonly logLevel?: string
}

function metaFor(revision: Revision, { progressToken, logLevel }: MetaOptions): JsonObject | undefined {
  const progress = progressToken === undefined ? {} : { progressToken }
  if (revision !== MODERN) return progressToken === undefined ? undefined : progress
  return {
    [META.version]: MODERN,
    [META.clientInfo]: IMPLEMENTATION,
    [META.clientCapabilities]: {},
    ...progress,
    ...(logLevel === undefined ? {} : { [META.logLevel]: logLevel }),
  }
}

/**
 * Reads one message from an upstream: strictly, and at most `LIMITS.answerBytesMax` of it. Of a list it takes the items
 * that can be read. The reason is for people.
 */
export function readMessage(message: Uint8Array | string): Result<RpcMessage, string> {
  if (message.length > LIMITS.answerBytesMax) return no(`larger than ${LIMITS.answerBytesMax} bytes`)
  const json =
    typeof message === 'string' ? parseStrictText(message, FROM_UPSTREAM) : parseStrictJson(message, FROM_UPSTREAM)
  if (json.ok) return orNo(readRpc(json.value))
  const list = json.reason.kind === 'not-utf8' ? undefined : readListItems(textOf(message))
  const read = list && readRpc(list.json)
  return read?.kind === 'response' && list ? ok({ ...read, lost: list.lost }) : no(jsonFaultText(json.reason))
}

function orNo(message: RpcMessage | undefined): Result<RpcMessage, string> {
  return message === undefined ? no('not a message of JSON-RPC 2.0') : ok(message)
}

function textOf(message: Uint8Array | string): string {
  return typeof message === 'string' ? message : Buffer.from(message).toString('utf8')
}

/** Sampling, elicitation and roots are not passed on: an upstream that asks hears so instead of waiting. */
export function answerTo({ id, method }: RpcRequest): Uint8Array {
  const answer =
    method === 'ping' ? { result: {} } : rpcError(RPC.methodNotFound, `${cutText(method, 64)} is not supported`)
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
}

/** Returns what an upstream's answer means for the action that asked. */
export function sentFrom({ answer, lost }: Pick<RpcResponse, 'answer' | 'lost'>, bytes: Uint8Array): McpSent {
  if ('error' in answer) {
    const error: Record<string, Json> = { code: answer.error.code, message: answer.error.message }
    if (answer.error.data !== undefined) error.data = answer.error.data
    return { kind: 'answered', bytes, answer: new McpAnswer({ error }, true) }
  }
  const { resultType } = answer.result
  if (resultType !== undefined && resultType !== 'complete') {
    // `input_required` and extensions ask the client for something that Firebreak does not pass on yet.
    return { kind: 'unreadable', why: `it asks for what is not passed on: ${JSON.stringify(resultType)}` }
  }
  const result = plainResult(answer.result)
  const [first = { why: 'more than an answer may be' }] = lost ?? []
  return {
    kind: 'answered',
    bytes,
    answer: new McpAnswer({ result }, result.isError === true),
    ...(lost && { lost, unread: `its answer cannot be read: ${first.why}` }),
  }
}

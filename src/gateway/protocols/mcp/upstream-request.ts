import { Buffer } from 'node:buffer'
import { type Json, type JsonObject, LIMITS } from '../../../model/index.ts'
import { parseStrictJson, parseStrictText } from '../../strict-json.ts'
import type { Sent } from '../../upstream.ts'
import { META, MODERN, plainResult, type Revision } from './revision.ts'
import { RPC, type RpcAnswer, type RpcId, type RpcMessage, type RpcRequest, readRpc, rpcError } from './rpc.ts'

/** What Firebreak says of itself to upstreams and cells. */
export const IMPLEMENTATION: JsonObject = { name: 'firebreak', version: '0.1.0' }

/** How long an upstream may take to begin an answer, and to go silent within one. */
export const UPSTREAM_SILENCE_MS_MAX = 120_000

/**
 * The exact bytes of one request. Everything in `params` is what was judged; `_meta` is ours alone: what a cell put there
 * does not travel.
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

/** Reads one message from an upstream: strictly, and at most `LIMITS.answerBytesMax` of it. */
export function readMessage(message: Uint8Array | string): RpcMessage | undefined {
  if (message.length > LIMITS.answerBytesMax) return undefined
  const json = typeof message === 'string' ? parseStrictText(message) : parseStrictJson(message)
  return json.ok ? readRpc(json.value) : undefined
}

/** Sampling, elicitation and roots are not passed on: an upstream that asks hears so instead of waiting. */
export function answerTo({ id, method }: RpcRequest): Uint8Array {
  const answer =
    method === 'ping' ? { result: {} } : rpcError(RPC.methodNotFound, `${method.slice(0, 64)} is not supported`)
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
}

/** What an upstream's answer means for the action that asked. */
export function sentFrom(answer: RpcAnswer, bytes: Uint8Array): Sent {
  if ('error' in answer) {
    const error: Record<string, Json> = { code: answer.error.code, message: answer.error.message }
    if (answer.error.data !== undefined) error.data = answer.error.data
    return { kind: 'answered', bytes, answer: { value: { error }, failed: true } }
  }
  const { resultType } = answer.result
  if (resultType !== undefined && resultType !== 'complete') {
    // `input_required` and extensions ask the client for something that Firebreak does not pass on yet.
    return { kind: 'unreadable', why: `it asks for what is not passed on: ${JSON.stringify(resultType)}` }
  }
  const result = plainResult(answer.result)
  return { kind: 'answered', bytes, answer: { value: { result }, failed: result.isError === true } }
}

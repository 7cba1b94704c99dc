import { doubleOf, isJsonObject, type Json, type JsonObject, LIMITS } from '../../../model/index.ts'

/** JSON-RPC 2.0 as MCP uses it: no batches, ids are short strings or whole numbers, params are objects. */
export type RpcId = string | number

export interface RpcRequest {
  readonly kind: 'request'
  readonly id: RpcId
  readonly method: string
  readonly params: JsonObject
}

export interface RpcNotification {
  readonly kind: 'notification'
  readonly method: string
  readonly params: JsonObject
}

export interface RpcResponse {
  readonly kind: 'response'
  /** Absent where the other side could not read the id of what it answers. */
  readonly id?: RpcId
  readonly answer: RpcAnswer
  /** Items that cannot be read, where the answer was read item by item, as a list is. */
  readonly lost?: readonly LostItem[]
}

/** A definition in a list that cannot be read, while the others can. */
export interface LostItem {
  /** Name as the upstream calls it; empty where that cannot be told either. */
  readonly name: string
  readonly why: string
}

export type RpcMessage = RpcRequest | RpcNotification | RpcResponse

export type RpcAnswer = { readonly result: JsonObject } | { readonly error: RpcError }

export interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: Json
}

/** JSON-RPC 2.0 section 5.1, MCP 2026-07-28 "Error codes", and one of ours outside the range that both reserve. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internalError: -32603,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  /** MCP 2025: a resource that does not exist. */
  resourceNotFound: -32002,
  /** Firebreak refused the action; `data.reference` names it. */
  refused: 403,
} as const

/** Judges the shape of one message. Nothing beyond the members that JSON-RPC defines may stand at the top. */
export function readRpc(json: Json): RpcMessage | undefined {
  if (!isJsonObject(json) || json.jsonrpc !== '2.0') return undefined
  const { method, params, result, error } = json
  // 1.0 is 1: some languages write whole numbers so.
  const id = doubleOf(json.id) ?? json.id
  const known = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']
  if (Object.keys(json).some((key) => !known.includes(key))) return undefined
  if (typeof method === 'string') {
    if (result !== undefined || error !== undefined) return undefined
    if (params !== undefined && !isJsonObject(params)) return undefined
    if (!('id' in json)) return { kind: 'notification', method, params: params ?? {} }
    return isRpcId(id) ? { kind: 'request', id, method, params: params ?? {} } : undefined
  }
  if (method !== undefined || params !== undefined) return undefined
  if (isJsonObject(result) && error === undefined && isRpcId(id)) return { kind: 'response', id, answer: { result } }
  const read = readError(error)
  if (read === undefined || result !== undefined) return undefined
  if (isRpcId(id)) return { kind: 'response', id, answer: { error: read } }
  return id === undefined || id === null ? { kind: 'response', answer: { error: read } } : undefined
}

function readError(error: Json | undefined): RpcError | undefined {
  const code = isJsonObject(error) ? doubleOf(error.code) : undefined
  if (!isJsonObject(error) || code === undefined || typeof error.message !== 'string') return undefined
  return { code, message: error.message, ...(error.data === undefined ? {} : { data: error.data }) }
}

export function isRpcId(id: Json | undefined): id is RpcId {
  return (
    (typeof id === 'string' && id.length <= LIMITS.idCharactersMax) || (typeof id === 'number' && Number.isInteger(id))
  )
}

export function rpcError(code: number, message: string, data?: Json): { readonly error: RpcError } {
  return { error: { code, message, ...(data === undefined ? {} : { data }) } }
}

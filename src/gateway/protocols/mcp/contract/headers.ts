import { Buffer } from 'node:buffer'
import { isJsonObject, type Json, type JsonObject, WrittenNumber } from '../../../../model/index.ts'

/**
 * The routing headers of MCP 2026-07-28 (Streamable HTTP, "Standard request headers" and "Custom headers"): they repeat
 * what the body says, so that an intermediary can route without parsing. They are checked against the body and never
 * believed instead of it.
 */
export type HeaderValue = string | readonly string[] | undefined

/** The parameter that `Mcp-Name` repeats, by method. */
const NAMED_BY: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
}

/** Returns the value that `Mcp-Name` must have for this request; undefined where none is due. */
export function routedName(method: string, params: JsonObject): string | undefined {
  const field = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined
  const value = field === undefined ? undefined : params[field]
  return typeof value === 'string' ? value : undefined
}

/** The first header that disagrees with the body, or is missing; `undefined` when all agree. */
export function headerMismatch(
  headers: Readonly<Record<string, HeaderValue>>,
  version: string,
  method: string,
  params: JsonObject,
): string | undefined {
  if (headers['mcp-protocol-version'] !== version) return 'MCP-Protocol-Version'
  if (headers['mcp-method'] !== method) return 'Mcp-Method'
  const name = routedName(method, params)
  if (name !== undefined && decodeHeader(headers['mcp-name']) !== name) return 'Mcp-Name'
  return undefined
}

/** An argument that a tool asks to have repeated in `Mcp-Param-<name>`. */
export interface ParamHeader {
  readonly name: string
  readonly path: readonly string[]
}

/** The arguments that a schema asks to have repeated, in an order of their own; a faulty schema asks for nothing. */
export function paramHeaders(schema: JsonObject): readonly ParamHeader[] {
  return paramHeaderFault(schema) === undefined ? marked(schema, []).map(({ name, path }) => ({ name, path })) : []
}

/**
 * Returns why the `x-mcp-header` annotations of a schema are not allowed (2026-07-28, "Custom headers"): a client must not use
 * such a tool, since its upstream and an intermediary could read its headers differently.
 */
export function paramHeaderFault(schema: JsonObject): string | undefined {
  const names = new Set<string>()
  for (const { name, type } of marked(schema, [])) {
    if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) return `x-mcp-header ${JSON.stringify(name)} is no header name`
    if (type !== 'string' && type !== 'integer' && type !== 'boolean')
      return `x-mcp-header "${name}" stands on what is not text, a whole number or a truth value`
    if (names.has(name.toLowerCase())) return `x-mcp-header "${name}" stands there twice`
    names.add(name.toLowerCase())
  }
  return undefined
}

/** Annotations on properties that are reached through `properties` alone; elsewhere they say nothing. */
function marked(
  schema: JsonObject,
  path: readonly string[],
): readonly (ParamHeader & { readonly type: Json | undefined })[] {
  const here = schema['x-mcp-header']
  const own = here !== undefined && path.length > 0 ? [{ name: String(here), path, type: schema.type }] : []
  if (!isJsonObject(schema.properties)) return own
  const inner = Object.entries(schema.properties).flatMap(([key, child]) =>
    isJsonObject(child) ? marked(child, [...path, key]) : [],
  )
  return [...own, ...inner]
}

/** The first `Mcp-Param-*` header that disagrees with the arguments; one for an absent argument is not judged. */
export function paramHeaderMismatch(
  headers: Readonly<Record<string, HeaderValue>>,
  declared: readonly ParamHeader[],
  args: JsonObject,
): string | undefined {
  for (const { name, path } of declared) {
    const value = primitive(at(args, path))
    if (value === undefined) continue
    const header = decodeHeader(headers[`mcp-param-${name.toLowerCase()}`])
    const sameNumber =
      typeof value === 'number' && header !== undefined && /^-?\d+(\.\d+)?$/.test(header) && Number(header) === value
    if (header !== String(value) && !sameNumber) return `Mcp-Param-${name}`
  }
  return undefined
}

/** The `Mcp-Param-*` headers that an upstream asks for, encoded. */
export function paramHeaderValues(
  declared: readonly ParamHeader[],
  args: JsonObject,
): readonly (readonly [string, string])[] {
  return declared.flatMap(({ name, path }) => {
    const value = primitive(at(args, path))
    return value === undefined ? [] : [[`mcp-param-${name.toLowerCase()}`, encodeHeader(String(value))] as const]
  })
}

/** Plain where it is printable ASCII without outer spaces, else base64 between `=?base64?` and `?=`. */
export function encodeHeader(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value) && !value.startsWith('=?base64?')
  return plain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`
}

/** Undefined for an absent or repeated header, and for a sentinel that does not hold canonical base64 of UTF-8. */
export function decodeHeader(value: HeaderValue): string | undefined {
  if (typeof value !== 'string') return undefined
  const sentinel = /^=\?base64\?(.*)\?=$/.exec(value)
  if (!sentinel) return value
  const bytes = Buffer.from(sentinel[1] ?? '', 'base64')
  if (bytes.toString('base64') !== sentinel[1]) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function at(args: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = args
  for (const key of path) value = isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

function primitive(value: Json | undefined): string | number | boolean | undefined {
  if (value instanceof WrittenNumber) return value.text
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : undefined
}

import { Buffer } from 'node:buffer'
import {
  isJsonObject,
  isNumber,
  type Json,
  type JsonObject,
  no,
  numberText,
  ok,
  type Result,
} from '../../../model/index.ts'
import { readTarget, segmentText } from '../../web/request-target.ts'
import { bodyIn, queryOf } from './body.ts'
import { matchPath, matchQuery, type RequestPattern } from './pattern.ts'

/** A request that was made of its arguments. */
export interface MadeRequest {
  /** Target in origin form. */
  readonly path: string
  /** Headers among its arguments. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Absent where it has no body. */
  readonly body?: Uint8Array
}

/**
 * Makes the target of a request, in origin form, of its pattern and arguments: each has one spelling, whatever a cell wrote.
 * The error says which of the arguments cannot be.
 */
export function targetOf(pattern: RequestPattern, args: JsonObject): Result<string, string> {
  const { query = {} } = args
  const parts: string[] = []
  for (const part of pattern.segments) {
    const value = part.kind === 'text' ? part.text : args[part.name]
    if (typeof value !== 'string') return no(`${part.kind === 'text' ? '' : part.name} is no text`)
    // Slashes of a rest stand between segments; those of any other argument are within one.
    parts.push(...(part.kind === 'rest' ? value.split('/') : [value]).map((each) => segmentText(each)))
  }
  if (!isJsonObject(query)) return no('query is no object')
  const pairs: string[] = []
  for (const name of new Set([...pattern.query.keys(), ...Object.keys(query)]))
    for (const each of Object.hasOwn(query, name) ? [query[name] ?? null].flat() : []) {
      if (typeof each !== 'string') return no(`query.${name} is no text`)
      pairs.push(`${queryPart(name)}=${queryPart(each)}`)
    }
  const path = `/${parts.join('/')}${pairs.length === 0 ? '' : `?${pairs.join('&')}`}`
  const target = readTarget(path)
  if (!target.ok) return target
  if (matchPath(pattern, target.value.segments) === undefined)
    return no(`its arguments make a path that ${pattern.text} does not cover`)
  const asked = matchQuery(pattern, target.value)
  return asked.ok ? ok(path) : asked
}

/** Returns a name or value of a query in one spelling, as `segmentText` does: what parts them means something else there. */
function queryPart(text: string): string {
  return encodeURIComponent(text).replaceAll(/%(?:24|2C|2F|3A|40)/g, decodeURIComponent)
}

/** Makes a request of a pattern and its arguments, as `argumentsIn` reads them. The error says which of them cannot be. */
export function requestOf(pattern: RequestPattern, args: JsonObject): Result<MadeRequest, string> {
  const { headers = {}, body } = args
  const target = targetOf(pattern, args)
  if (!target.ok) return target
  if (!isJsonObject(headers)) return no('headers is no object')
  const named: (readonly [string, string])[] = []
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') return no(`headers.${name} is no text`)
    named.push([name, value])
  }
  return ok({
    path: target.value,
    headers: named,
    ...(body !== undefined && { body: Buffer.from(JSON.stringify(body)) }),
  })
}

/**
 * Returns arguments as a request has them: what stands in its path, its query and its headers is text there, also where an
 * answer, of which it was taken, has a number or a truth value.
 */
export function asTexts({ segments }: RequestPattern, args: JsonObject): JsonObject {
  const texts = new Map<string, Json>()
  for (const part of segments) {
    const value = part.kind === 'text' ? undefined : args[part.name]
    if (part.kind !== 'text' && value !== undefined) texts.set(part.name, asText(value))
  }
  for (const part of ['query', 'headers']) {
    const all = args[part]
    if (!isJsonObject(all)) continue
    const own = Object.entries(all).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map(asText) : asText(value),
    ])
    texts.set(part, Object.fromEntries(own))
  }
  return { ...args, ...Object.fromEntries(texts) }
}

function asText(value: Json): Json {
  if (isNumber(value)) return numberText(value)
  return typeof value === 'boolean' ? String(value) : value
}

/** Returns the arguments of a request in the bytes that the ledger keeps of it; undefined where they are none of its pattern's. */
export function argumentsIn(pattern: RequestPattern, sent: Uint8Array): JsonObject | undefined {
  const bytes = Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength)
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...headers] = bytes.subarray(0, end).toString('latin1').split('\r\n')
  const [method, path = ''] = line.split(' ')
  const target = readTarget(path)
  if (!target.ok || method !== pattern.method) return undefined
  const inPath = matchPath(pattern, target.value.segments)
  if (inPath === undefined) return undefined
  const body = bytes.subarray(end + 4)
  const [, type = ''] = headers.map((each) => /^content-type: (.*)$/.exec(each)).find((found) => found !== null) ?? []
  const read = body.length === 0 ? undefined : bodyIn(type, body)
  if (read !== undefined && !read.ok) return undefined
  return { ...inPath, ...queryOf(target.value), ...(read !== undefined && { body: read.value }) }
}

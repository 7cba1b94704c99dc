import {
  isJsonObject,
  isNumber,
  isWhole,
  type Json,
  type JsonObject,
  type ModelOperation,
  type ModelWayOut,
  no,
  ok,
  type Result,
} from '../../../model/index.ts'
import { FROM_UPSTREAM, type JsonBounds, jsonFaultText, parseStrictJson } from '../../content/strict-json.ts'
import { queryText, type RequestTarget, segmentText } from '../../web/request-target.ts'
import { queryOf } from '../http/body.ts'
import { foldedSegment } from '../http/pattern.ts'
import { pictureTokensOf } from './price-list.ts'
import { closedAt, type ModelApi, type ModelPath, type ModelProvider } from './provider.ts'
import { type Dearer, faultInShape, type ShapeFault, type ShapeFindings } from './shape.ts'
import { withMember } from './splice.ts'

/** A request to a provider, as it came: its body whole, and decoded. */
export interface ModelRequest {
  readonly method: string
  readonly target: RequestTarget
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array | undefined
}

export interface ModelRules {
  readonly granted: ReadonlySet<ModelWayOut>
  /** Names of headers that the owner puts in: a program's own stay behind. */
  readonly injected: ReadonlySet<string>
  /** Returns what a model reads and answers at most; undefined of one that has no price. */
  readonly limitsOf: (model: string) => ModelLimits | undefined
}

/** The most tokens that a model reads, and that one answer of it has: sent where a request does not say. */
export interface ModelLimits {
  readonly inputTokensMax: number
  readonly outputTokensMax: number
}

/** Tokens of an answer of a model that nobody knows. */
const UNKNOWN_OUTPUT_TOKENS = 32_000

/**
 * A request that may be decided on: what it asks, the most that it takes, and what of it is sent.
 *
 * - MR1  Every path, member, type, source and value that stands in it is named by the provider's table.
 * - MR2  What is sent is what came, byte for byte, but for what stayed behind and for the bounds that were put in.
 * - MR3  A way out that it uses is granted, and stands in `waysOut`.
 */
export interface ModelAsked {
  readonly operation: ModelOperation | 'way-out'
  readonly api: ModelApi | undefined
  /** Undefined for a list of models and for a way out. */
  readonly model: string | undefined
  readonly stream: boolean
  /** Undefined where what is sent does not bound it: as much as the model takes at all. */
  readonly inputTokensMax: number | undefined
  /** Tokens that are charged each time beside those that the model reads. */
  readonly besideTokensMax: number
  /** Over all of its answers; 0 where none is made. */
  readonly outputTokensMax: number
  readonly tools: readonly string[]
  readonly waysOut: readonly ModelWayOut[]
  readonly dearer: readonly Dearer[]
  readonly priced: PricedTerms
  /** Parameters of the query that leave, by name; one that stands there several times has a list. */
  readonly query: JsonObject
  readonly sent: SentRequest
  /** Names of headers and of the query, and values of betas, that stayed behind. */
  readonly leftBehind: readonly string[]
}

/** Members of a request that change its price. */
export interface PricedTerms {
  readonly tier?: string
  readonly speed?: string
  readonly geo?: string
  /** Asks for a cache that may keep for longer, where an answer does not say which was written. */
  readonly longCache?: boolean
}

export interface SentRequest {
  readonly path: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array | undefined
}

/** A fault of a request, with its place. */
export type ModelFault = ShapeFault

/** Bounds of a request: a conversation of 32 MiB has some hundred thousand values. */
export const REQUEST_VALUES_MAX = 400_000
export const REQUEST_KEYS_MAX = 200_000
export const REQUEST_DEPTH_MAX = 64

/** Tokens that a provider adds to a request itself: the words that explain tools, the marks of turns. */
const AROUND_TOKENS_MAX = 4_096
/** Tokens that a provider adds for one of its own tools: a browser is some thirty tools. */
const BUILT_IN_TOKENS_MAX = 8_192
/** More tokens than any model writes. */
const OUTPUT_TOKENS_MAX = 10_000_000
const ANSWERS_MAX = 128

/** Judges a request by a provider's table. The first fault is returned, with its place in the body. */
export function judgeModelRequest(
  provider: ModelProvider,
  request: ModelRequest,
  rules: ModelRules,
): Result<ModelAsked, ModelFault> {
  const { method, target, headers, body } = request
  const found = pathOf(provider, method, target)
  if (found === undefined) return wayOutAt(provider, request, rules)
  const { path, model } = found
  const query = sentQuery(provider, path, target)
  if (!query.ok) return query
  const { operation, api } = path
  const sent = (asked: JudgedBody, bytes: Uint8Array | undefined): ModelAsked => {
    const reads = asked.model === undefined ? 0 : (rules.limitsOf(asked.model)?.inputTokensMax ?? 0)
    const passed = sentHeaders(provider, headers, { injected: rules.injected, reads, more: [] })
    const { put, ...judged } = asked
    return {
      ...{ operation, api, ...judged, leftBehind: [...passed.behind, ...query.value.behind] },
      query: query.value.args,
      sent: { path: `${target.path}${query.value.text}`, headers: passed.sent, body: bytes && withPut(bytes, put) },
    }
  }
  if (path.body === undefined) {
    if (body !== undefined && body.length > 0) return fault('$', 'has a body, and this path takes none')
    return ok(sent({ ...NO_BODY, model }, undefined))
  }
  const type = headers.filter(([name]) => name === 'content-type').map(([, value]) => value)
  if (type.length !== 1 || !/^application\/json\s*(?:;\s*charset="?utf-8"?\s*)?$/i.test(type[0] ?? ''))
    return fault('$', 'does not say that it is JSON in UTF-8')
  const json = parseStrictJson(body ?? new Uint8Array(0), BOUNDS)
  if (!json.ok) return fault('$', `cannot be read: ${jsonFaultText(json.reason)}`)
  const bytes = body ?? new Uint8Array(0)
  const asked = judgeBody(path, model, json.value, bytes.length, rules)
  return asked.ok ? ok(sent(asked.value, bytes)) : asked
}

const BOUNDS: JsonBounds = {
  depthMax: REQUEST_DEPTH_MAX,
  valuesMax: REQUEST_VALUES_MAX,
  keysMax: REQUEST_KEYS_MAX,
  // Schemas of tools say 9223372036854775807 and 1.0; what is sent is what came.
  keeps: FROM_UPSTREAM.keeps,
  kept: 'as-written',
}

function fault(path: string, problem: string): { readonly ok: false; readonly reason: ModelFault } {
  return no({ path, problem })
}

interface FoundPath {
  readonly path: ModelPath
  readonly model: string | undefined
}

function pathOf(provider: ModelProvider, method: string, target: RequestTarget): FoundPath | undefined {
  for (const path of provider.paths) {
    if (path.method !== method) continue
    const [before = '', after] = path.path.split('{model}')
    if (after === undefined) {
      if (target.path === before) return { path, model: undefined }
      continue
    }
    if (!target.path.startsWith(before) || !target.path.endsWith(after)) continue
    // As it came: an encoded name is none.
    const model = target.path.slice(before.length, target.path.length - after.length)
    if (/^[A-Za-z0-9][\w.-]{0,127}$/.test(model)) return { path, model }
  }
  return undefined
}

/** Judges a path that no model is asked at: a way out that is closed, or granted and not looked into. */
function wayOutAt(
  provider: ModelProvider,
  { method, target, headers, body }: ModelRequest,
  { granted, injected }: ModelRules,
): Result<ModelAsked, ModelFault> {
  const plain = `/${target.segments.join('/')}`
  // What only its method or a slash keeps from being a path of the table is that path to many a server.
  const near = [...provider.paths, ...(provider.others ?? [])].some(({ path }) => sameSegments(path, target.segments))
  if (near || !WAY_OUT_METHODS.has(method))
    return no({ path: `${method} ${target.path}`.slice(0, 256), problem: 'is not known here' })
  const wayOut = closedAt(provider, plain)
  const asked = `${method} ${target.path}`.slice(0, 256)
  if (!granted.has(wayOut)) return no({ path: asked, problem: `is a way out (${wayOut}) that is not granted`, wayOut })
  // Rules see the path as it leaves: a server could read in another spelling what they refuse in this one.
  const isPlain = target.segments.every((each) => each !== '' && !each.includes('/'))
  if (!isPlain || target.path !== `/${target.segments.map(segmentText).join('/')}`)
    return no({ path: asked, problem: 'has an escape that it needs not, or a slash within a segment or at its end' })
  const { sent, behind } = sentHeaders(provider, headers, { injected, reads: 0, more: provider.wayOutHeaders ?? [] })
  const query = target.parameters.filter(([name]) => !provider.credentialsInQuery.includes(name))
  if (query.length !== target.parameters.length) return fault(asked, 'has a credential in its query')
  return ok({
    ...{ operation: 'way-out', api: undefined, model: undefined, stream: false },
    ...{ inputTokensMax: undefined, besideTokensMax: 0, outputTokensMax: 0 },
    ...{ tools: [], waysOut: [wayOut], dearer: [], priced: {} },
    leftBehind: behind,
    query: queryOf(target).query ?? {},
    sent: { path: `${target.path}${queryText(target.parameters)}`, headers: sent, body },
  })
}

/** Methods of ways out: HTTP has others, and no provider. */
const WAY_OUT_METHODS: ReadonlySet<string> = new Set(['GET', 'POST', 'DELETE'])

/** Tells whether a path has the segments of a target as a server may read them that is less exact: in its case, slashes, escapes. */
function sameSegments(path: string, segments: readonly string[]): boolean {
  const own = path.slice(1).toLowerCase().split('/')
  const asked = segments.flatMap(foldedSegment)
  return (
    own.length === asked.length &&
    own.every((each, i) => {
      const [before = '', after] = each.split('{model}')
      if (after === undefined) return each === asked[i]
      const named = asked[i] ?? ''
      if (!named.startsWith(before) || !named.endsWith(after)) return false
      return /^[a-z0-9][\w.-]*$/.test(named.slice(before.length, named.length - after.length))
    })
  )
}

function sentQuery(
  provider: ModelProvider,
  { query = {} }: ModelPath,
  target: RequestTarget,
): Result<{ readonly text: string; readonly args: JsonObject; readonly behind: readonly string[] }, ModelFault> {
  const sent: (readonly [string, string])[] = []
  const behind: string[] = []
  const seen = new Set<string>()
  for (const [name, value] of target.parameters) {
    if (provider.credentialsInQuery.includes(name)) {
      behind.push(name)
      continue
    }
    const allowed = Object.hasOwn(query, name) ? query[name] : undefined
    if (allowed === undefined) return fault(`?${name.slice(0, 64)}`, 'is not known here')
    if (seen.has(name)) return fault(`?${name}`, 'stands there twice')
    if (!allowed.test(value)) return fault(`?${name}`, 'has a value that is not known here')
    seen.add(name)
    sent.push([name, value])
  }
  return ok({ text: queryText(sent), args: Object.fromEntries(sent), behind })
}

/** Rules for the headers of one request, beside those that its table names for every one. */
interface HeaderRules {
  readonly injected: ReadonlySet<string>
  /** Tokens that the model reads at most. */
  readonly reads: number
  readonly more: readonly string[]
}

/**
 * Returns the headers that pass. Of betas the values pass that the table names, in one header; one that has the model read more
 * than is known of it stays behind, since nobody knows what that costs.
 */
function sentHeaders(
  { headers: allowed, betas }: ModelProvider,
  headers: ModelRequest['headers'],
  { injected, reads, more }: HeaderRules,
): { readonly sent: SentRequest['headers']; readonly behind: readonly string[] } {
  const sent: (readonly [string, string])[] = []
  const behind = new Set<string>()
  const values = new Set<string>()
  for (const [name, value] of headers) {
    if (injected.has(name)) behind.add(name)
    else if (name === betas?.header) {
      for (const beta of value.split(',').map((each) => each.trim())) {
        if (betas.values.has(beta) && (betas.reading.get(beta) ?? 0) <= reads) values.add(beta)
        else if (beta !== '') behind.add(beta.slice(0, 64))
      }
    } else if (allowed.includes(name) || more.includes(name) || name.startsWith('x-stainless-'))
      sent.push([name, value])
    else behind.add(name.slice(0, 64))
  }
  if (betas !== undefined && values.size > 0) sent.push([betas.header, [...values].join(',')])
  return { sent, behind: [...behind].filter((name) => !UNTOLD.has(name)).slice(0, 64) }
}

/** Headers that are a hop's own, and credentials: they stay behind of every request, and nobody needs to be told. */
const UNTOLD: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'keep-alive', 'content-length', 'transfer-encoding', 'accept-encoding', 'content-encoding'],
  ...['authorization', 'x-api-key', 'x-goog-api-key'],
])

interface JudgedBody extends Omit<ModelAsked, 'operation' | 'api' | 'query' | 'sent' | 'leftBehind'> {
  /** Members that are put in: their place, and JSON. */
  readonly put: readonly (readonly [place: readonly string[], json: string])[]
}

const NO_BODY: Omit<JudgedBody, 'model'> = {
  ...{ stream: false, tools: [], waysOut: [], dearer: [], priced: {}, put: [] },
  ...{ inputTokensMax: 0, besideTokensMax: 0, outputTokensMax: 0 },
}

function judgeBody(
  path: ModelPath,
  inPath: string | undefined,
  value: Json,
  bytes: number,
  { granted, limitsOf }: ModelRules,
): Result<JudgedBody, ModelFault> {
  if (!isJsonObject(value)) return fault('$', 'is no object')
  const counts = { builtIn: 0, pictures: 0, documents: 0 }
  const found: ShapeFindings = { granted, waysOut: new Set(), tools: [], dearer: new Set(), ...counts }
  const wrong = path.body === undefined ? undefined : faultInShape(value, path.body, found)
  if (wrong !== undefined) return no(wrong)
  const model = inPath ?? value.model
  if (inPath === undefined && path.api === 'generate') return fault('$', 'names no model')
  if (typeof model !== 'string' || !MODEL.test(model)) return fault('$.model', 'is no name of a model')
  const put: (readonly [readonly string[], string])[] = []
  let output = 0
  if (path.operation === 'generate') {
    const bound = outputOf(path, value, limitsOf(model)?.outputTokensMax ?? UNKNOWN_OUTPUT_TOKENS)
    if (!bound.ok) return bound
    output = bound.value.tokens
    if (bound.value.put !== undefined) put.push(bound.value.put)
    for (const [name, set] of Object.entries(path.explicit ?? {}))
      if ((value[name] ?? null) === null) put.push([[name], JSON.stringify(set)])
  }
  const stream = path.stream ?? value.stream === true
  const isBounded = found.documents === 0 && ![...found.waysOut].some((each) => each !== 'batches')
  const { tokens, beside } = pictureTokensOf(model)
  const pictures = found.pictures * tokens
  const around = AROUND_TOKENS_MAX + found.builtIn * BUILT_IN_TOKENS_MAX
  const input = isBounded ? bytes + around + (beside ? 0 : pictures) : undefined
  return ok({
    ...{ model, stream, outputTokensMax: output, inputTokensMax: path.operation === 'generate' ? input : 0 },
    besideTokensMax: beside ? pictures : 0,
    ...{ tools: found.tools, waysOut: [...found.waysOut], dearer: [...found.dearer], put },
    priced: termsOf(value, found),
  })
}

/** Names of models as providers and servers that speak like them write them: `claude-opus-5`, `vendor/model:free`. */
const MODEL = /^[A-Za-z0-9][\w./:@+-]{0,199}$/

/** Returns the most tokens of all answers, and what is put in where the request does not say. */
function outputOf(
  { outputAt = [], answersAt, firstBinds = false }: ModelPath,
  value: JsonObject,
  unsaid: number,
): Result<{ readonly tokens: number; readonly put?: readonly [readonly string[], string] }, ModelFault> {
  let said: number | undefined
  for (const place of outputAt) {
    const tokens = at(value, place)
    if (tokens === undefined || tokens === null) continue
    if (!isCount(tokens, OUTPUT_TOKENS_MAX)) return fault(`$.${place.join('.')}`, 'is no number of tokens')
    said = Math.max(said ?? 0, tokens)
  }
  const answers = answersAt === undefined ? undefined : at(value, answersAt)
  if (answers !== undefined && answers !== null && !isCount(answers, ANSWERS_MAX))
    return fault(`$.${answersAt?.join('.')}`, 'is no number of answers')
  const tokens = said ?? unsaid
  const first = outputAt[0]
  const all = tokens * (typeof answers === 'number' ? answers : 1)
  // A compatible server may know the first of them alone.
  const isBound = said !== undefined && (!firstBinds || isSaid(first === undefined ? undefined : at(value, first)))
  return ok(!isBound && first !== undefined ? { tokens: all, put: [first, String(tokens)] } : { tokens: all })
}

function isSaid(value: Json | undefined): boolean {
  return value !== undefined && value !== null
}

function at(value: Json | undefined, place: readonly string[]): Json | undefined {
  let inner = value
  for (const name of place) inner = isJsonObject(inner) ? inner[name] : undefined
  return inner
}

function isCount(value: Json, most: number): value is number {
  return typeof value === 'number' && isNumber(value) && isWhole(value) && value >= 1 && value <= most
}

function termsOf(value: JsonObject, { dearer }: ShapeFindings): PricedTerms {
  const { service_tier: tier = value.serviceTier, speed, inference_geo: geo } = value
  return {
    ...(typeof tier === 'string' && { tier: tier.toLowerCase() }),
    ...(typeof speed === 'string' && { speed }),
    ...(typeof geo === 'string' && { geo }),
    ...(dearer.has('long-cache') && { longCache: true }),
  }
}

function withPut(body: Uint8Array, put: JudgedBody['put']): Uint8Array {
  if (put.length === 0) return body
  const text = put.reduce((all, [place, json]) => withMember(all, place, json), UTF8.decode(body))
  return new TextEncoder().encode(text)
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

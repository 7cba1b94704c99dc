import { isJsonObject, isNumber, type Json, type JsonObject, type ModelWayOut, stepText } from '../../../model/index.ts'

/**
 * The shape that a part of a request may have, as data: what it does not name is refused, at its place. A member that is
 * null is as one that is left out.
 *
 * - SH1  No member, type or source that a shape does not name passes, at any depth above an `any`.
 * - SH2  What a shape closes passes only where its way out is granted by name; what is in it is then not looked at.
 */
export type RequestShape =
  /** JSON in which the provider looks nothing up: a schema, the input of a tool, a setting. */
  | { readonly kind: 'any' }
  | { readonly kind: 'text' | 'number' | 'flag' }
  /** A way out of its own. With `value`, only that value opens it: any other is as good as left out. */
  | { readonly kind: 'closed'; readonly wayOut: ModelWayOut; readonly value?: Json }
  | { readonly kind: 'object'; readonly members: Readonly<Record<string, RequestShape>> }
  /** An item with an `id`, by which the provider looks up what it has stored, unless all members of one of `whole` are there. */
  | {
      readonly kind: 'item'
      readonly members: Readonly<Record<string, RequestShape>>
      readonly whole: readonly (readonly string[])[]
    }
  /** An object of JSON in which the provider looks nothing up, but for these members. */
  | { readonly kind: 'any-but'; readonly members: Readonly<Record<string, RequestShape>> }
  | { readonly kind: 'list'; readonly of: RequestShape | (() => RequestShape) }
  /** Text or, where it is a list, what that may hold. */
  | { readonly kind: 'text-or'; readonly other: RequestShape }
  /**
   * An object that says in `by` what it is; without it, it is of the type `absent`. With `tools`, its name is that of a
   * tool that the model is offered.
   */
  | {
      readonly kind: 'tagged'
      readonly by: string
      readonly absent?: string
      readonly types: Readonly<Record<string, RequestShape>>
      readonly tools?: boolean
    }
  /** An object with bytes in base64, whose tokens are not bounded by their size, and in `typeAt` their media type. */
  | { readonly kind: 'inline'; readonly typeAt: string; readonly members: Readonly<Record<string, RequestShape>> }
  /** A URL that holds its bytes itself (`data:`); any other is a way out. */
  | { readonly kind: 'data-url' }
  /** Bytes in base64. What else a text says, some servers take for an address. */
  | { readonly kind: 'base64' }
  /** A document in base64, or as a URL that holds it. */
  | { readonly kind: 'document' }
  /** A field that makes a request dearer unless its value is one of `unless`: it is noted, and judged as `of`. */
  | { readonly kind: 'dearer'; readonly by: Dearer; readonly of: RequestShape; readonly unless?: readonly Json[] }

/**
 * A thing that makes a request cost more than one question and one answer. `rounds`: the provider asks its model again, after
 * a tool that runs at itself. `sums`: it has the model sum up what was said, beside answering. `long-cache`: it may be told to
 * keep for longer what it writes to a cache.
 */
export type Dearer = 'rounds' | 'sums' | 'long-cache'

/** Ways out after which the provider asks its model again. */
const ASKS_AGAIN: ReadonlySet<ModelWayOut> = new Set([
  'web_search',
  'web_fetch',
  'code_execution',
  'mcp',
  'files',
  'server-tools',
])

/** The part of a request that cannot pass, and why. */
export interface ShapeFault {
  readonly path: string
  readonly problem: string
  /** The way out that it is, which a grant could open. */
  readonly wayOut?: ModelWayOut
}

/** The findings of one walk through a request by its shape. */
export interface ShapeFindings {
  readonly granted: ReadonlySet<ModelWayOut>
  readonly waysOut: Set<ModelWayOut>
  /** Names of tools that the model is offered, of those that run at the client or are granted. */
  readonly tools: string[]
  readonly dearer: Set<Dearer>
  /** Tools whose definitions are the provider's own words. */
  builtIn: number
  pictures: number
  documents: number
}

/** Returns the first part of a value that its shape does not have; undefined where all of it may pass. */
export function faultInShape(
  value: Json,
  shape: RequestShape,
  found: ShapeFindings,
  path = '$',
): ShapeFault | undefined {
  if (value === null) return undefined
  switch (shape.kind) {
    case 'any':
      return undefined
    case 'text':
      return typeof value === 'string' ? undefined : { path, problem: 'is no text' }
    case 'number':
      return isNumber(value) ? undefined : { path, problem: 'is no number' }
    case 'flag':
      return typeof value === 'boolean' ? undefined : { path, problem: 'is neither true nor false' }
    case 'closed':
      return shape.value !== undefined && value !== shape.value
        ? typeof value === typeof shape.value
          ? undefined
          : { path, problem: `is no ${typeof shape.value}` }
        : openedAt(path, shape.wayOut, found)
    case 'object':
      return isJsonObject(value) ? faultInMembers(value, shape.members, found, path) : { path, problem: 'is no object' }
    case 'item':
      return isJsonObject(value) ? faultInItem(value, shape, found, path) : { path, problem: 'is no object' }
    case 'any-but':
      return isJsonObject(value) ? faultInKnown(value, shape.members, found, path) : { path, problem: 'is no object' }
    case 'list':
      return faultInList(value, typeof shape.of === 'function' ? shape.of() : shape.of, found, path)
    case 'text-or':
      return typeof value === 'string' ? undefined : faultInShape(value, shape.other, found, path)
    case 'tagged':
      return isJsonObject(value) ? faultInTagged(value, shape, found, path) : { path, problem: 'is no object' }
    case 'inline':
      return isJsonObject(value) ? faultInInline(value, shape, found, path) : { path, problem: 'is no object' }
    case 'data-url':
      return faultInUrl(value, found, path)
    case 'base64':
      return faultInBase64(value, found, path)
    case 'document':
      if (typeof value === 'string' && DATA_URL.test(value.slice(0, 128))) return faultInUrl(value, found, path)
      found.documents++
      return faultInBase64(value, found, path)
    case 'dearer':
      return faultInDearer(value, shape, found, path)
  }
}

/** Media types whose price is that of text; sound and moving pictures have others. */
const PICTURE = /^image\/[a-z0-9.+-]{1,40}$/i
const DOCUMENT = /^(?:application\/(?:pdf|json)|text\/[a-z0-9.+-]{1,40})$/i
const DATA_URL = /^data:([a-z]+\/[a-z0-9.+-]{1,40})(?:;[a-z]+=[\w.-]{1,20})*(?:;base64)?,/i

function faultInInline(
  value: JsonObject,
  { typeAt, members }: RequestShape & { readonly kind: 'inline' },
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  return faultInMedia(value[typeAt], found, `${path}${stepText(typeAt)}`) ?? faultInMembers(value, members, found, path)
}

function faultInBase64(value: Json, found: ShapeFindings, path: string): ShapeFault | undefined {
  if (typeof value !== 'string') return { path, problem: 'is no text' }
  return BASE64.test(value) ? undefined : openedAt(path, 'url-sources', found)
}

/** RFC 4648, 4 and 5; some break its lines. */
const BASE64 = /^[A-Za-z0-9+/_\s-]*={0,2}\s*$/

function faultInItem(
  value: JsonObject,
  { members, whole }: RequestShape & { readonly kind: 'item' },
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  const has = (name: string) => (Array.isArray(value[name]) ? value[name].length > 0 : (value[name] ?? null) !== null)
  const isStored = has('id') && !whole.some((names) => names.every(has))
  return (isStored ? openedAt(path, 'stored', found) : undefined) ?? faultInMembers(value, members, found, path)
}

function faultInUrl(value: Json, found: ShapeFindings, path: string): ShapeFault | undefined {
  if (typeof value !== 'string') return { path, problem: 'is no text' }
  const type = DATA_URL.exec(value.slice(0, 128))?.[1]
  return type === undefined ? openedAt(path, 'url-sources', found) : faultInMedia(type, found, path)
}

function faultInMedia(type: Json | undefined, found: ShapeFindings, path: string): ShapeFault | undefined {
  if (typeof type === 'string' && PICTURE.test(type)) found.pictures++
  else if (typeof type === 'string' && DOCUMENT.test(type)) found.documents++
  else return { path, problem: 'is no picture, document or text: the price of others is not known' }
  return undefined
}

function openedAt(path: string, wayOut: ModelWayOut, found: ShapeFindings): ShapeFault | undefined {
  if (!found.granted.has(wayOut)) return { path, problem: `is a way out (${wayOut}) that is not granted`, wayOut }
  found.waysOut.add(wayOut)
  if (ASKS_AGAIN.has(wayOut)) found.dearer.add('rounds')
  return undefined
}

function faultInDearer(
  value: Json,
  { by, of, unless = [] }: RequestShape & { readonly kind: 'dearer' },
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  if (!unless.includes(value)) found.dearer.add(by)
  return faultInShape(value, of, found, path)
}

/** Looks at the members that are named, and at no other. */
function faultInKnown(
  value: JsonObject,
  members: Readonly<Record<string, RequestShape>>,
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  const known = Object.entries(value).filter(([name]) => Object.hasOwn(members, name))
  return faultInMembers(Object.fromEntries(known), members, found, path)
}

function faultInMembers(
  value: JsonObject,
  members: Readonly<Record<string, RequestShape>>,
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  for (const [name, item] of Object.entries(value)) {
    const at = `${path}${stepText(name)}`
    const shape = Object.hasOwn(members, name) ? members[name] : undefined
    if (shape === undefined) return { path: at, problem: 'is not known here' }
    const fault = faultInShape(item, shape, found, at)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultInList(value: Json, of: RequestShape, found: ShapeFindings, path: string): ShapeFault | undefined {
  if (!Array.isArray(value)) return { path, problem: 'is no list' }
  for (const [i, item] of value.entries()) {
    const at = `${path}[${i}]`
    if (item === null) return { path: at, problem: 'is null' }
    const fault = faultInShape(item, of, found, at)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultInTagged(
  value: JsonObject,
  { by, absent, types, tools = false }: RequestShape & { readonly kind: 'tagged' },
  found: ShapeFindings,
  path: string,
): ShapeFault | undefined {
  const tag = value[by] ?? absent
  const at = `${path}${stepText(by)}`
  if (typeof tag !== 'string') return { path: at, problem: 'does not say what it is' }
  const shape = shapeNamed(types, tag)
  if (shape === undefined)
    return { path: at, problem: `is ${JSON.stringify(tag.slice(0, 64))}, which is not known here` }
  const fault = faultInShape(value, shape, found, path)
  if (fault !== undefined) return shape.kind === 'closed' ? { ...fault, path: at } : fault
  if (!tools) return undefined
  found.tools.push(toolName(value, tag))
  if (!DEFINED.has(tag)) found.builtIn++
  return undefined
}

/** Types of tools whose definitions stand in the request. */
const DEFINED: ReadonlySet<string> = new Set(['function', 'custom', 'namespace'])

/** Returns the shape of a type; a name that ends in an asterisk stands for all that begin as it does. */
function shapeNamed(types: Readonly<Record<string, RequestShape>>, tag: string): RequestShape | undefined {
  if (tag.endsWith('*')) return undefined
  if (Object.hasOwn(types, tag)) return types[tag]
  const prefix = Object.keys(types).find((name) => name.endsWith('*') && tag.startsWith(name.slice(0, -1)))
  return prefix === undefined ? undefined : types[prefix]
}

function toolName(value: JsonObject, tag: string): string {
  const inner = value.function ?? value.custom
  const name = value.name ?? (isJsonObject(inner) ? inner.name : undefined)
  return typeof name === 'string' ? name : tag
}

export const ANY: RequestShape = { kind: 'any' }
export const TEXT: RequestShape = { kind: 'text' }
export const NUMBER: RequestShape = { kind: 'number' }
export const FLAG: RequestShape = { kind: 'flag' }

export function closed(wayOut: ModelWayOut): RequestShape {
  return { kind: 'closed', wayOut }
}

export function object(members: Readonly<Record<string, RequestShape>>): RequestShape {
  return { kind: 'object', members }
}

export function dearer(by: Dearer, of: RequestShape, unless: readonly Json[] = []): RequestShape {
  return { kind: 'dearer', by, of, unless }
}

export function item(
  members: Readonly<Record<string, RequestShape>>,
  ...whole: readonly (readonly string[])[]
): RequestShape {
  return { kind: 'item', members, whole }
}

export function anyBut(members: Readonly<Record<string, RequestShape>>): RequestShape {
  return { kind: 'any-but', members }
}

export function list(of: RequestShape | (() => RequestShape)): RequestShape {
  return { kind: 'list', of }
}

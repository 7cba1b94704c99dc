import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import type { Authority } from '../decide/authority.ts'
import { type Candidate, liveGrants } from '../decide/decide.ts'

/**
 * Returns the JSON Schema of a tool's arguments as a cell is shown it. Where several grants could permit, none of their
 * limits holds.
 */
export function shownInput(
  input: JsonObject,
  candidate: Pick<Candidate, 'upstream' | 'operation' | 'tool'>,
  authority: Authority,
  nowMs: number,
): JsonObject {
  const [only, ...more] = liveGrants(candidate, authority, nowMs)
  if (only === undefined || more.length > 0) return input
  return withLimits(input, authority.policies.grantCondition(only.id))
}

/**
 * Merges the demands of a grant's condition into the schema that a cell is shown, so that an honest model knows its
 * bounds. A courtesy, and no boundary: calls are held against the accepted definition and the condition itself.
 *
 * - SL1  Arguments that the condition lets through validate against what is shown. What is not understood adds nothing.
 * - SL2  What a shown limit excludes, the condition refuses.
 *
 * @param condition the body of the permit's `when`, in Cedar's JSON policy format.
 */
export function withLimits(input: JsonObject, condition: Json | undefined): JsonObject {
  return limitsIn(condition).reduce((schema, limit) => narrowed(schema, limit, limit.path, 0), input)
}

/** One argument, and a schema that each allowed value of it satisfies. */
interface Limit {
  readonly path: readonly string[]
  readonly schema: JsonObject
  /**
   * Number of names in the path that may be absent or null together, in which case the limit says nothing. 0: all must
   * be there.
   */
  readonly optional: number
}

/** Returns the limits on single arguments that follow from a true expression. */
function limitsIn(expression: Json | undefined): readonly Limit[] {
  const [name, body] = operator(expression)
  switch (name) {
    case '&&':
      return [...limitsIn(body.left), ...limitsIn(body.right)]
    case '||':
      return eitherOf(body.left, body.right)
    case 'if-then-else':
      return isTrue(body.else) ? whenPresent(presenceOf(body.if), body.then) : []
    case 'has':
      return must(presenceOf(expression), {})
    case '.':
      return must(pathOf(expression), { enum: [true] })
    case '!':
      return must(pathOf(body.arg), { enum: [false] })
    case '==':
      return compared('==', body.left, body.right)
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compared(name, body.left, body.right)
    case 'lessThan':
    case 'lessThanOrEqual':
    case 'greaterThan':
    case 'greaterThanOrEqual':
      return compared(DECIMAL_COMPARISON[name], body[0], body[1])
    case 'like':
      return must(pathOf(body.left), { pattern: patternOf(body.pattern) })
    case 'contains':
    case 'containsAll':
    case 'containsAny':
      return contained(name, body.left, body.right)
    default:
      return []
  }
}

type Comparison = '==' | '<' | '<=' | '>' | '>='

const DECIMAL_COMPARISON = {
  lessThan: '<',
  lessThanOrEqual: '<=',
  greaterThan: '>',
  greaterThanOrEqual: '>=',
} as const
const TURNED = { '==': '==', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const
const BOUND = { '<': 'exclusiveMaximum', '<=': 'maximum', '>': 'exclusiveMinimum', '>=': 'minimum' } as const

function compared(comparison: Comparison, left: Json | undefined, right: Json | undefined): readonly Limit[] {
  const literal = literalOf(right)
  if (literal === undefined) {
    return literalOf(left) === undefined ? [] : compared(TURNED[comparison], right, left)
  }
  if (comparison === '==') return must(pathOf(left), { enum: [literal.value] })
  if (typeof literal.value !== 'number') return []
  const bound = literal.exact ? comparison : CLOSED[comparison]
  return must(pathOf(left), { [BOUND[bound]]: literal.value })
}

/** A bound that a double cannot hold is rounded, and what is next to it may round to the same. */
const CLOSED = { '<': '<=', '<=': '<=', '>': '>=', '>=': '>=' } as const

/** Returns the limits of `set.contains(item)`, and of both operators that say it of several items. */
function contained(name: string, left: Json | undefined, right: Json | undefined): readonly Limit[] {
  const listed = literalsOf(left)
  if (listed !== undefined) {
    if (name === 'contains') return must(pathOf(right), { enum: listed })
    return must(pathOf(right), name === 'containsAll' ? { items: { enum: listed } } : { contains: { enum: listed } })
  }
  const path = pathOf(left)
  if (name === 'contains') {
    const literal = literalOf(right)
    return literal === undefined ? [] : must(path, { contains: { enum: [literal.value] } })
  }
  const wanted = literalsOf(right)
  if (wanted === undefined) return []
  if (name === 'containsAny') return must(path, { contains: { enum: wanted } })
  return wanted.flatMap((value) => must(path, { contains: { enum: [value] } }))
}

/**
 * Returns the limits that follow from one of two alternatives being true: values listed for the same argument in both,
 * or a limit on an argument that may be absent.
 */
function eitherOf(left: Json | undefined, right: Json | undefined): readonly Limit[] {
  const absence = absenceOf(left) ?? absenceOf(right)
  if (absence !== undefined) return whenPresent(absence, absenceOf(left) === undefined ? left : right)
  const others = limitsIn(right).filter(isList)
  return limitsIn(left)
    .filter(isList)
    .flatMap((one) => {
      const other = others.find(({ path }) => JSON.stringify(path) === JSON.stringify(one.path))
      return other === undefined ? [] : must(one.path, { enum: [...one.schema.enum, ...other.schema.enum] })
    })
}

function isList(limit: Limit): limit is Limit & { readonly schema: { readonly enum: readonly Json[] } } {
  return limit.optional === 0 && Array.isArray(limit.schema.enum)
}

/** The limits at and below `path`, which say nothing while there is nothing at it. */
function whenPresent(path: readonly string[] | undefined, then: Json | undefined): readonly Limit[] {
  if (path === undefined) return []
  const { length } = path
  return limitsIn(then)
    .filter((limit) => limit.path.length >= length && path.every((name, at) => limit.path[at] === name))
    .map((limit) => ({ ...limit, optional: Math.max(limit.optional, length) }))
}

function must(path: readonly string[] | undefined, schema: JsonObject): readonly Limit[] {
  return path === undefined || path.length === 0 ? [] : [{ path, schema, optional: 0 }]
}

/** The names after `context.args`. */
function pathOf(expression: Json | undefined): readonly string[] | undefined {
  const names: string[] = []
  let at = expression
  for (let [name, body] = operator(at); name === '.'; [name, body] = operator(at)) {
    if (typeof body.attr !== 'string') return undefined
    names.unshift(body.attr)
    at = body.left
  }
  const [first, ...path] = names
  return isJsonObject(at) && at.Var === 'context' && first === 'args' ? path : undefined
}

/** Returns the path of an expression `context.args has a.b`; undefined for any other. */
function presenceOf(expression: Json | undefined): readonly string[] | undefined {
  const [name, body] = operator(expression)
  const path = name === 'has' ? pathOf(body.left) : undefined
  const names = [body.attr ?? null].flat()
  return path && names.every((each) => typeof each === 'string') ? [...path, ...names] : undefined
}

function absenceOf(expression: Json | undefined): readonly string[] | undefined {
  const [name, body] = operator(expression)
  return name === '!' ? presenceOf(body.arg) : undefined
}

interface Literal {
  readonly value: string | number | boolean
  /** The number is the very one that was written. */
  readonly exact: boolean
}

function literalOf(expression: Json | undefined): Literal | undefined {
  const [name, body] = operator(expression)
  if (name === 'decimal') {
    const text = isJsonObject(body[0]) ? body[0].Value : undefined
    if (typeof text !== 'string') return undefined
    return { value: Number(text), exact: text.replaceAll(/\D/g, '').length <= EXACT_DIGITS }
  }
  if (name === 'neg') {
    const inner = literalOf(body.arg)
    return typeof inner?.value === 'number' ? { ...inner, value: 0 - inner.value } : undefined
  }
  const value = isJsonObject(expression) ? expression.Value : undefined
  return ['string', 'number', 'boolean'].includes(typeof value)
    ? { value: value as Literal['value'], exact: true } // checked just now
    : undefined
}

/** Decimals of so many digits are told apart by a double. */
const EXACT_DIGITS = 15

function literalsOf(expression: Json | undefined): readonly Literal['value'][] | undefined {
  const items = isJsonObject(expression) ? expression.Set : undefined
  if (!Array.isArray(items) || items.length === 0) return undefined
  const literals = items.map(literalOf)
  return literals.every((literal) => literal !== undefined) ? literals.map(({ value }) => value) : undefined
}

function isTrue(expression: Json | undefined): boolean {
  return isJsonObject(expression) && expression.Value === true
}

/** An expression has one member: its operator. Methods have a list of operands, others name them. */
function operator(expression: Json | undefined): readonly [string, Operands] {
  if (!isJsonObject(expression)) return ['', {}]
  const [name = ''] = Object.keys(expression)
  const body = expression[name]
  if (Array.isArray(body)) return [name, { 0: body[0], 1: body[1] }]
  return [name, isJsonObject(body) ? body : {}]
}

type Operands = Readonly<Record<string | number, Json | undefined>>

/** The same texts as `like`, in a form that every engine of JSON Schema reads alike. */
function patternOf(pattern: Json | undefined): string {
  const parts = Array.isArray(pattern) ? pattern : []
  const text = parts.map((part) => {
    if (!isJsonObject(part)) return '[\\s\\S]*'
    return String(part.Literal).replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return `^${text.join('')}$`
}

/**
 * Narrows the declared schema of one argument by a limit. What a composed schema declares stands somewhere in its
 * parts: the limit stands beside them.
 */
function narrowed(schema: JsonObject, limit: Limit, path: readonly string[], at: number, beside = false): JsonObject {
  const [name, ...rest] = path
  if (name === undefined) return joined(schema, admittingNull(limit, at, schema))
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const own = Object.hasOwn(properties, name) ? properties[name] : undefined
  const declared = isJsonObject(own)
  const composed = at > 0 && COMPOSED.some((keyword) => keyword in schema)
  if (!declared && !composed && !beside) return schema
  const base: JsonObject = declared || beside ? schema : { allOf: [schema] }
  const before = Array.isArray(base.required) ? base.required : []
  const required = at < limit.optional || before.includes(name) ? before : [...before, name]
  const inner = narrowed(declared ? own : {}, limit, rest, at + 1, !declared)
  return {
    ...base,
    properties: { ...(isJsonObject(base.properties) && base.properties), [name]: inner },
    ...(required.length > 0 && { required }),
  }
}

const COMPOSED = ['$ref', 'allOf', 'anyOf', 'oneOf'] as const

/** Returns a schema that also admits null where the argument may be absent: null is absent to Cedar. */
function admittingNull({ schema, optional }: Limit, at: number, declared: JsonObject): JsonObject {
  if (at > optional || optional === 0 || !Array.isArray(schema.enum) || typeof declared.type === 'string') return schema
  return { ...schema, enum: [...schema.enum, null] }
}

/** A schema that is satisfied by what satisfies both. */
function joined(schema: JsonObject, more: JsonObject): JsonObject {
  if ('$ref' in schema) return Object.keys(more).length === 0 ? schema : { allOf: [schema], ...more }
  return Object.entries(more).reduce((sum, [keyword, value]) => withKeyword(sum, keyword, value), schema)
}

function withKeyword(schema: JsonObject, keyword: string, value: Json): JsonObject {
  const before = Object.hasOwn(schema, keyword) ? schema[keyword] : undefined
  if (before === undefined) return { ...schema, [keyword]: value }
  if (typeof before === 'number' && typeof value === 'number') {
    return { ...schema, [keyword]: keyword.endsWith('aximum') ? Math.min(before, value) : Math.max(before, value) }
  }
  if (keyword === 'enum' && Array.isArray(before) && Array.isArray(value)) {
    const both = before.filter((one) => value.includes(one))
    // No value satisfies both: the grant permits nothing, and the schema says so.
    return both.length === 0 ? { ...schema, not: {} } : { ...schema, enum: both }
  }
  if (keyword === 'items' && isJsonObject(before) && isJsonObject(value)) {
    return { ...schema, items: joined(before, value) }
  }
  const others = Array.isArray(schema.allOf) ? schema.allOf : []
  return { ...schema, allOf: [...others, { [keyword]: value }] }
}

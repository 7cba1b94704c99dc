import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { attribute, has } from './member.ts'
import { BINARY, type Evaluate, EXTENSION, ifThenElse, is, like, recordOf, setOf, UNARY } from './operators.ts'
import type { Request } from './request.ts'
import { Entity, type Fault, type Value } from './value.ts'

/**
 * Turns an expression of Cedar's JSON policy format into a closure. What it does not know was refused when the policy
 * was loaded (`load/unsupported.ts`), so meeting it here is a bug, and a crash.
 */
export function compileExpression(json: Json, known: Known = new Map()): Evaluate {
  return compile(json, known).evaluate
}

/**
 * Expressions that were compiled before, by their JSON text. Policies say the same things of the same arguments: shared
 * closures keep a thousand policies in the processor's cache, which is most of their cost.
 */
export type Known = Map<string, Compiled>

/** The conjunction of a policy's conditions, in the order in which they are written. No condition is `true`. */
export function compileConditions(conditions: readonly Json[], known: Known = new Map()): Evaluate {
  const clauses = conditions.map((condition) => {
    if (!isJsonObject(condition)) return unknown(condition)
    const body = compileExpression(condition.body ?? null, known)
    return condition.kind === 'unless' ? operator(UNARY, '!')(body) : body
  })
  // Cedar's conjunction begins with the scope, which is true here: that is what refuses a condition that is no boolean.
  return clauses.reduce(operator(BINARY, '&&'), () => true)
}

export interface Compiled {
  readonly evaluate: Evaluate
  /** True where the value depends on no request. */
  readonly constant: boolean
}

function compile(json: Json, known: Known): Compiled {
  const key = JSON.stringify(json)
  const compiled = known.get(key) ?? compileNew(json, known)
  known.set(key, compiled)
  return compiled
}

function compileNew(json: Json, known: Known): Compiled {
  if (!isJsonObject(json)) return unknown(json)
  const [only, ...others] = Object.entries(json)
  if (only === undefined || others.length > 0) return unknown(json)
  const [name, body] = only
  if (name === 'Value') return { evaluate: literal(body), constant: true }
  if (name === 'Var') return { evaluate: variable(body), constant: false }
  return LOOKS_UP.has(name) ? { ...node(name, body, known), constant: false } : folded(node(name, body, known))
}

/** Operators that look an entity up: its data comes with the request, even where the entity is a literal. */
const LOOKS_UP: ReadonlySet<string> = new Set(['.', 'has', 'in', 'is'])

/** A literal set or decimal is made once, not on each request. A constant that faults goes on faulting. */
function folded(node: Compiled): Compiled {
  if (!node.constant) return node
  const value = node.evaluate(NO_REQUEST)
  return { evaluate: () => value, constant: true }
}

/** The request that constants are evaluated with; they never look at it. */
const NO_REQUEST: Request = {
  principal: new Entity('', ''),
  action: new Entity('', ''),
  resource: new Entity('', ''),
  context: new Map(),
  entities: new Map(),
}

function node(name: string, body: Json, known: Known): Compiled {
  if (Object.hasOwn(BINARY, name))
    return nary(known, members(body, 'left', 'right'), ([l, r]) => operator(BINARY, name)(l, r))
  if (Object.hasOwn(UNARY, name))
    return nary(known, members(body, 'arg'), ([operand]) => operator(UNARY, name)(operand))
  if (Object.hasOwn(EXTENSION, name)) return nary(known, list(body), (args) => operator(EXTENSION, name).make(args))
  switch (name) {
    case '.':
      return nary(known, members(body, 'left'), ([left]) => attribute(left, text(body, 'attr')))
    case 'has':
      return nary(known, members(body, 'left'), ([left]) => has(left, attributePath(body)))
    case 'like':
      return nary(known, members(body, 'left'), ([left]) => like(left, pattern(body)))
    case 'is':
      return isNode(body, known)
    case 'if-then-else':
      return nary(known, members(body, 'if', 'then', 'else'), ([condition, then, otherwise]) =>
        ifThenElse(condition, then, otherwise),
      )
    case 'Set':
      return nary(known, list(body), setOf)
    case 'Record':
      return recordNode(body, known)
    default:
      return unknown(name)
  }
}

/** An operator over compiled operands. */
function nary<Operands extends readonly Json[]>(
  known: Known,
  operands: Operands,
  make: (operands: { readonly [Index in keyof Operands]: Evaluate }) => Evaluate,
): Compiled {
  const compiled = operands.map((operand) => compile(operand, known))
  const evaluates = compiled.map(({ evaluate }) => evaluate) as { [Index in keyof Operands]: Evaluate } // same length
  return { evaluate: make(evaluates), constant: compiled.every(({ constant }) => constant) }
}

function isNode(body: Json, known: Known): Compiled {
  const type = text(body, 'entity_type')
  if (!isJsonObject(body) || body.in === undefined)
    return nary(known, members(body, 'left'), ([left]) => is(left, type))
  return nary(known, members(body, 'left', 'in'), ([left, right]) =>
    operator(BINARY, '&&')(is(left, type), operator(BINARY, 'in')(left, right)),
  )
}

function recordNode(body: Json, known: Known): Compiled {
  if (!isJsonObject(body)) return unknown(body)
  const fields = Object.entries(body).map(([name, field]) => [name, compile(field, known)] as const)
  const evaluate = recordOf(fields.map(([name, field]) => [name, field.evaluate] as const))
  return { evaluate, constant: fields.every(([, { constant }]) => constant) }
}

function literal(value: Json): Evaluate {
  const constant = isJsonObject(value) ? entityLiteral(value.__entity) : value
  if (typeof constant === 'object') return constant instanceof Entity ? () => constant : unknown(value)
  return () => constant
}

export function entityLiteral(json: Json | undefined): Entity {
  if (!isJsonObject(json) || typeof json.type !== 'string' || typeof json.id !== 'string') return unknown(json)
  return new Entity(json.type, json.id)
}

function variable(name: Json): Evaluate {
  switch (name) {
    case 'principal':
      return (request) => request.principal
    case 'action':
      return (request) => request.action
    case 'resource':
      return (request) => request.resource
    case 'context':
      return (request): Value | Fault => request.context
    default:
      return unknown(name)
  }
}

function pattern(body: Json): (string | undefined)[] {
  if (!isJsonObject(body)) return unknown(body)
  return list(body.pattern ?? null).map((part) => (part === 'Wildcard' ? undefined : text(part, 'Literal')))
}

function attributePath(body: Json): readonly string[] {
  if (!isJsonObject(body)) return unknown(body)
  if (typeof body.attr === 'string') return [body.attr]
  return list(body.attr ?? null).map((name) => (typeof name === 'string' ? name : unknown(name)))
}

function members<Names extends readonly string[]>(body: Json, ...names: Names): { [Index in keyof Names]: Json } {
  if (!isJsonObject(body)) return unknown(body)
  return names.map((name) => body[name] ?? unknown(name)) as { [Index in keyof Names]: Json } // one for each name
}

function list(json: Json): readonly Json[] {
  return Array.isArray(json) ? json : unknown(json)
}

function text(body: Json, name: string): string {
  const found: Json | undefined = isJsonObject(body) ? (body as JsonObject)[name] : undefined
  return typeof found === 'string' ? found : unknown(name)
}

function operator<T>(table: Readonly<Record<string, T>>, name: string): T {
  return table[name] ?? unknown(name)
}

function unknown(what: Json | undefined): never {
  throw new TypeError(`a policy was bundled that cannot be compiled: ${JSON.stringify(what)}`)
}

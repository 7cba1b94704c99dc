import { createHash } from 'node:crypto'
import { canonicalText } from '../../../../ledger/log/canonical.ts'
import { isJsonObject, type Json, type JsonObject, LIMITS, type Sha256, sha256 } from '../../../../model/index.ts'
import { compileSchema } from '../../../content/schema.ts'
import { paramHeaderFault } from './headers.ts'

/** Returns why a tool's definition cannot be accepted, whoever would accept it; nothing where it can. */
export function definitionFault({ inputSchema, outputSchema }: JsonObject): string | undefined {
  if (!isJsonObject(inputSchema)) return 'it has no input schema'
  const input = compileSchema(inputSchema, 'arguments')
  if (!input.ok) return `its input schema cannot be checked: ${input.reason}`
  const header = paramHeaderFault(inputSchema)
  if (header !== undefined) return header
  if (outputSchema === undefined) return undefined
  if (!isJsonObject(outputSchema)) return 'its output schema is not an object'
  const output = compileSchema(outputSchema, 'answer')
  return output.ok ? undefined : `its output schema cannot be checked: ${output.reason}`
}

/** Returns the JSON Schema of a tool's arguments; undefined where its definition has none. */
export function inputIn({ inputSchema }: JsonObject): JsonObject | undefined {
  return isJsonObject(inputSchema) ? inputSchema : undefined
}

/** Returns the JSON Schema of a tool's answers; undefined where its definition has none. */
export function outputIn({ outputSchema }: JsonObject): JsonObject | undefined {
  return isJsonObject(outputSchema) ? outputSchema : undefined
}

/** An operation that something else than an MCP server describes. */
export interface DescribedOperation {
  readonly name: string
  readonly description?: string
  /** JSON Schema of its arguments. */
  readonly input: JsonObject
  /** JSON Schema of its answers. */
  readonly output?: JsonObject
  /** The likely effect of an operation: a hint for whoever accepts it, and no more. */
  readonly hint: 'read' | 'write' | 'irreversible'
}

/** Returns an operation in the form in which a person accepts definitions. */
export function definitionOf({ name, description, input, output, hint }: DescribedOperation): JsonObject {
  return {
    name,
    ...(description !== undefined && { description }),
    annotations: { readOnlyHint: hint === 'read', destructiveHint: hint === 'irreversible' },
    inputSchema: input,
    ...(output && { outputSchema: output }),
  }
}

/** Returns a definition with another JSON Schema of its arguments. */
export function withInput(definition: JsonObject, input: JsonObject): JsonObject {
  return { ...definition, inputSchema: input }
}

/**
 * SHA-256 of what a definition means, in its RFC 8785 form: the name that an accepted definition goes by. Neither the order
 * of members nor that of what is a set (`required`, `enum`, the names of `type`) is part of it; with `anyWords` its
 * descriptions and other words for a reader are not either.
 */
export function definitionDigest(definition: JsonObject, anyWords = false): Sha256 {
  const text = canonicalText(comparable(definition, anyWords), LIMITS.answerDepthMax)
  // What the strict parser let in has a canonical form.
  if (!text.ok) throw new Error(`a definition has no canonical form: ${text.reason.problem}`)
  return sha256(createHash('sha256').update(text.value).digest('hex'))
}

/** Returns a definition in the form in which it is compared with another: sets in an order of their own. */
export function comparable(definition: JsonObject, anyWords: boolean): JsonObject {
  const members = Object.entries(anyWords ? withoutWords(definition) : definition)
  return Object.fromEntries(
    members.map(([name, value]) => [name, SCHEMAS.has(name) ? comparableSchema(value, anyWords) : value]),
  )
}

const SCHEMAS: ReadonlySet<string> = new Set(['inputSchema', 'outputSchema'])

/**
 * Returns a tool or a prompt without its words: what is said to a reader and changes nothing that is sent or checked.
 */
function withoutWords({ title: _, description: __, icons: ___, _meta: ____, ...definition }: JsonObject): JsonObject {
  const { annotations, arguments: parameters } = definition
  return {
    ...definition,
    ...(isJsonObject(annotations) && { annotations: without(annotations, TITLES) }),
    ...(Array.isArray(parameters) && { arguments: parameters.map((each: Json) => without(each, TITLES)) }),
  }
}

const TITLES: ReadonlySet<string> = new Set(['title', 'description'])

function without(value: Json, names: ReadonlySet<string>): Json {
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.has(name)))
}

/** Annotations of JSON Schema, which no value is checked against. */
const WORDS: ReadonlySet<string> = new Set(['title', 'description', 'default', 'examples', '$comment', 'deprecated'])
/** Keywords whose values are no schemas. */
const LITERAL: ReadonlySet<string> = new Set(['const', 'default', 'examples'])
/** Keywords whose members are named by the schema. */
const NAMING: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  'dependentSchemas',
  '$defs',
  'definitions',
])
const SETS: ReadonlySet<string> = new Set(['required', 'enum', 'type'])

function comparableSchema(schema: Json, anyWords: boolean): Json {
  if (Array.isArray(schema)) return schema.map((item: Json) => comparableSchema(item, anyWords))
  if (!isJsonObject(schema)) return schema
  const inner = (value: Json) => comparableSchema(value, anyWords)
  const members = Object.entries(schema).flatMap(([keyword, value]): [string, Json][] => {
    if (anyWords && WORDS.has(keyword)) return []
    if (LITERAL.has(keyword)) return [[keyword, value]]
    if (SETS.has(keyword)) return [[keyword, asSet(value)]]
    if (NAMING.has(keyword)) return [[keyword, mapped(value, inner)]]
    if (keyword === 'dependentRequired') return [[keyword, mapped(value, asSet)]]
    if (keyword === 'dependencies')
      return [[keyword, mapped(value, (rule) => (Array.isArray(rule) ? asSet(rule) : inner(rule)))]]
    return [[keyword, inner(value)]]
  })
  return Object.fromEntries(members)
}

function mapped(value: Json, change: (value: Json) => Json): Json {
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item)]))
}

/** Returns a list's items, each once, in the order of their canonical texts. */
function asSet(value: Json): Json {
  if (!Array.isArray(value)) return value
  const texts = value.map((item: Json): [string, Json] => {
    const text = canonicalText(item, LIMITS.answerDepthMax)
    return [text.ok ? text.value : '', item]
  })
  const each = [...new Map(texts)]
  return each.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, item]) => item)
}

/**
 * Returns a prompt with its arguments as an `inputSchema`, in the form that a tool's have: text each, and no others.
 */
export function promptDefinition(prompt: JsonObject): JsonObject {
  const declared = Array.isArray(prompt.arguments) ? prompt.arguments : []
  const named = declared.filter(
    (argument: Json) => isJsonObject(argument) && 'name' in argument,
  ) as readonly JsonObject[]
  return {
    ...prompt,
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(named.map((argument) => [String(argument.name), { type: 'string' }])),
      required: named.filter((argument) => argument.required === true).map((argument) => String(argument.name)),
      additionalProperties: false,
    },
  }
}

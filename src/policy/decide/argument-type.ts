import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { LIMITS } from '../../model/limits.ts'
import type { PinnedTool } from '../../model/tool.ts'

/**
 * The Cedar type of an argument, derived from the accepted JSON Schema alone, so that a value's type never depends on
 * the value: `integer` is a Long, `number` is a decimal even where it holds `3`.
 */
export type ArgumentType =
  | { readonly kind: 'string' | 'long' | 'decimal' | 'boolean' }
  | { readonly kind: 'set'; readonly element: ArgumentType }
  | { readonly kind: 'record'; readonly fields: Readonly<Record<string, ArgumentField>> }
  /** Cedar cannot say it: no policy can mention it, and `why` tells a person who tries. */
  | { readonly kind: 'opaque'; readonly why: string }

export interface ArgumentField {
  readonly type: ArgumentType
  /** A field that may be null is not required: null members are absent in Cedar. */
  readonly required: boolean
}

export const NO_ARGUMENTS: ArgumentType & { readonly kind: 'record' } = { kind: 'record', fields: {} }

const RESOURCE_ARGUMENTS: ArgumentType & { readonly kind: 'record' } = {
  kind: 'record',
  fields: { uri: { type: { kind: 'string' }, required: true } },
}

/** Returns the type of an accepted definition's arguments: of a tool's input, a prompt's `arguments`, a resource's `uri`. */
export function argumentsOf({
  definition,
  input,
}: Pick<PinnedTool, 'definition' | 'input'>): ArgumentType & { readonly kind: 'record' } {
  const { arguments: promptArguments } = definition
  if (Array.isArray(promptArguments)) return promptArgumentsType(promptArguments)
  if (definition.uri !== undefined || definition.uriTemplate !== undefined) return RESOURCE_ARGUMENTS
  if (input === undefined) return NO_ARGUMENTS
  const { type } = typeOf(input, input, 0)
  return type.kind === 'record' ? type : NO_ARGUMENTS
}

function promptArgumentsType(list: readonly Json[]): ArgumentType & { readonly kind: 'record' } {
  const fields = list.filter(isJsonObject).flatMap(({ name, required }): [string, ArgumentField][] => {
    return typeof name === 'string' ? [[name, { type: { kind: 'string' }, required: required === true }]] : []
  })
  return { kind: 'record', fields: Object.fromEntries(fields) }
}

interface Typed {
  readonly type: ArgumentType
  readonly nullable: boolean
}

function typeOf(schema: Json | undefined, root: JsonObject, depth: number): Typed {
  if (depth > LIMITS.jsonDepthMax) return opaque('its schema is nested too deeply or refers to itself')
  if (!isJsonObject(schema)) return opaque('its schema allows anything')
  if (typeof schema.$ref === 'string') return typeOf(target(schema.$ref, root), root, depth + 1)
  const choices = schema.anyOf ?? schema.oneOf
  if (Array.isArray(choices)) return choiceOf(choices, root, depth)
  if (Array.isArray(schema.allOf)) {
    return schema.allOf.length === 1 && schema.type === undefined
      ? typeOf(schema.allOf[0], root, depth + 1)
      : opaque('its schema combines several (allOf)')
  }
  const names = typeNames(schema)
  const nullable = names.includes('null')
  const [name, ...others] = names.filter((each) => each !== 'null')
  if (name === undefined) return { ...opaque('its schema names no type'), nullable }
  if (others.length > 0) return { ...opaque(`it may be of several types (${names.join(', ')})`), nullable }
  return { type: named(name, schema, root, depth), nullable }
}

/** Returns the target of a reference into the same document; a remote one is never fetched. */
function target(reference: string, root: JsonObject): Json | undefined {
  if (reference === '#') return root
  if (!reference.startsWith('#/')) return undefined
  let at: Json | undefined = root
  for (const part of reference.slice(2).split('/')) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (!isJsonObject(at) || !Object.hasOwn(at, key)) return undefined
    at = at[key]
  }
  return at
}

function choiceOf(choices: readonly Json[], root: JsonObject, depth: number): Typed {
  const typed = choices.filter((choice) => !isNullSchema(choice)).map((choice) => typeOf(choice, root, depth + 1))
  const nullable = typed.length < choices.length || typed.some((each) => each.nullable)
  const [first] = typed
  if (first === undefined || typed.some((each) => JSON.stringify(each.type) !== JSON.stringify(first.type))) {
    return { ...opaque('it may be of several types'), nullable }
  }
  return { type: first.type, nullable }
}

function isNullSchema(schema: Json): boolean {
  return isJsonObject(schema) && (schema.type === 'null' || schema.const === null)
}

function typeNames(schema: JsonObject): readonly string[] {
  if (typeof schema.type === 'string') return [schema.type]
  if (Array.isArray(schema.type)) return schema.type.filter((name) => typeof name === 'string')
  const values = Array.isArray(schema.enum) ? schema.enum : schema.const === undefined ? [] : [schema.const]
  return [...new Set(values.map(valueTypeName))]
}

/** A number in an `enum` says nothing of its siblings to come: always `number`, never `integer`. */
function valueTypeName(value: Json): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}

function named(name: string, schema: JsonObject, root: JsonObject, depth: number): ArgumentType {
  switch (name) {
    case 'string':
    case 'boolean':
      return { kind: name }
    case 'integer':
      return { kind: 'long' }
    case 'number':
      return { kind: 'decimal' }
    case 'array':
      return arrayOf(schema, root, depth)
    case 'object':
      return recordOf(schema, root, depth)
    default:
      return opaque(`its type is ${name}`).type
  }
}

function arrayOf(schema: JsonObject, root: JsonObject, depth: number): ArgumentType {
  if (schema.prefixItems !== undefined || Array.isArray(schema.items)) return opaque('it is a tuple').type
  const { type, nullable } = typeOf(schema.items, root, depth + 1)
  if (nullable) return opaque('its elements may be null').type
  return type.kind === 'opaque' ? opaque(`of its elements ${type.why}`).type : { kind: 'set', element: type }
}

function recordOf(schema: JsonObject, root: JsonObject, depth: number): ArgumentType {
  const properties = isJsonObject(schema.properties) ? schema.properties : {}
  const required = new Set(Array.isArray(schema.required) ? schema.required : [])
  const fields = Object.entries(properties).map(([name, property]): [string, ArgumentField] => {
    const { type, nullable } = typeOf(property, root, depth + 1)
    return [name, { type, required: required.has(name) && !nullable }]
  })
  return { kind: 'record', fields: Object.fromEntries(fields) }
}

function opaque(why: string): Typed & { readonly type: { readonly kind: 'opaque'; readonly why: string } } {
  return { type: { kind: 'opaque', why }, nullable: false }
}

import type { Effect } from '../../model/action.ts'
import type { HoldReason } from '../../model/decision.ts'
import { isJsonObject, type Json, type JsonObject } from '../../model/json.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { isNumber, numberText } from '../../model/text/number.ts'
import { type JsonPath, jsonPath, pathText } from '../../model/text/path.ts'
import { cutText } from '../../model/text/text.ts'
import type { CatalogueTool, DeclaredTool } from '../../model/tool.ts'
import type { ExposureView } from './exposure.ts'
import { FieldTree, type Gap, type Visit } from './field-tree.ts'
import { looksLike } from './likeness.ts'
import { linksIn } from './links.ts'
import { defaultsAt, type SchemaDefaults } from './schema-defaults.ts'
import { schemaNames } from './schema-names.ts'
import { resolved } from './schema-reference.ts'

/**
 * The rules for where the data of one tool's calls may come from and go to, compiled from its declaration and its
 * accepted definition.
 */
export interface Flow {
  readonly effect: Effect
  readonly accepts: ReadonlySet<Label>
  /** Further sets, of which one may have to hold all that a cell carries; none but for connections. */
  readonly acceptsOneOf: readonly ReadonlySet<Label>[]
  /** Confidentiality labels that the tools of its upstream put on what they return. */
  readonly issues: ReadonlySet<Label>
  readonly arguments: FieldTree<Role>
  /** Destinations among the arguments that the configuration declares. */
  readonly declared: FieldTree<Destination>
  /** Role of an argument that no declaration names. */
  readonly otherwise: Role
  readonly anyLinks: boolean
  /** The labels of its results. */
  readonly returns: FieldTree<readonly Label[]>
  /** Fields of its results that hold names of the upstream's own objects. */
  readonly ids?: FieldTree<boolean>
  /** Names of arguments that its accepted definition gives them: any other is what the cell chose. */
  readonly names: FieldTree<undefined>
}

/** `destination` with the values that the configuration allows; `content` is only carried; `free` leads nowhere. */
type Role = Destination | { readonly kind: 'content' | 'free' }

interface Destination {
  readonly kind: 'destination'
  /** Values that the configuration allows; `null` is that nothing is named. */
  readonly values: ReadonlySet<string | null>
  /** The values that the accepted definition gives the argument where it is left out. */
  readonly usual?: SchemaDefaults
}

const FREE: Role = { kind: 'free' }
const CONTENT: Role = { kind: 'content' }
const DESTINATION: Destination = { kind: 'destination', values: new Set() }

/**
 * Compiles the flow of a tool; `issues` are the confidentiality labels that the tools of its upstream put on what they
 * return.
 */
export function compileFlow({ declared, pinned }: CatalogueTool, issues: ReadonlySet<Label>): Flow {
  const { effect, accepts = [], acceptsOneOf = [], destinations = [], content = [] } = declared
  const schema = pinned?.input
  const named = destinations.map(({ path, values }) => {
    return [path, { kind: 'destination', values: new Set(values), usual: defaultsAt(schema, path) }] as const
  })
  return {
    effect,
    accepts: new Set([...accepts, ...issues]),
    acceptsOneOf: acceptsOneOf.map((labels) => new Set([...labels, ...issues])),
    issues,
    arguments: new FieldTree<Role>([
      [[], undefined],
      ...(isJsonObject(schema) ? defined(schema) : []),
      ...amounts(declared).map((path) => [path, FREE] as const),
      ...content.map((path) => [path, CONTENT] as const),
      ...named,
    ]),
    declared: new FieldTree<Destination>(named),
    otherwise: effect === 'read' ? FREE : DESTINATION,
    anyLinks: declared.anyLinks === true,
    returns: new FieldTree((declared.returns ?? []).map(({ path, labels }) => [path, labels])),
    names: schemaNames(schema),
    ...(declared.ids && { ids: new FieldTree(declared.ids.map((path) => [path, true])) }),
  }
}

/** Returns the names that arguments of a tool have by its accepted definition, and those that its declaration speaks of. */
export function argumentNames({ declared, pinned }: CatalogueTool): FieldTree<undefined> {
  const { destinations = [], content = [] } = declared
  const judged = [...amounts(declared), ...content, ...destinations.map(({ path }) => path)]
  return schemaNames(pinned?.input, judged)
}

/** Returns the confidentiality labels that tools issue: all but `untrusted`. */
export function issuedBy(tools: Iterable<CatalogueTool>): ReadonlySet<Label> {
  const issued = [...tools].flatMap(({ declared }) => declared.returns ?? []).flatMap(({ labels }) => labels)
  return new Set(issued.filter((label) => label !== UNTRUSTED))
}

/**
 * Returns everything for which an action waits for a person. Nothing here can be argued with: a value is one that the
 * owner, the configuration or a trusted field said, or it is not.
 *
 * - F1  A confidentiality label binds every action, since arguments carry data out; `untrusted` binds effects that the
 *       owner's task did not ask for (`asked`).
 * - F2  A destination passes only as a whole and exactly as it was said. Text of an effect that nobody declared is one.
 *       Where one is declared, what is empty, null, a truth, of another shape or left out names nothing: to many tools
 *       that is everything, and it passes only where the configuration lists it.
 * - F3  A link in the content of an effect leads whoever reads it somewhere: once the cell has read what anyone could
 *       have written, it passes as a destination does.
 */
export function flowHolds(
  args: JsonObject,
  flow: Flow,
  exposure: ExposureView,
  asked: boolean = false,
): readonly HoldReason[] {
  const holds: HoldReason[] = []
  const accepts = acceptedOf(flow, exposure)
  for (const [label, cause] of exposure.labels) {
    if (accepts.has(label) || (label === UNTRUSTED && (asked || flow.effect === 'read'))) continue
    holds.push({ kind: 'label', label, accepts: [...accepts], cause })
  }
  const judgeLinks = flow.effect !== 'read' && !flow.anyLinks && exposure.labels.has(UNTRUSTED)
  const hold = (path: string, value: string, nothing = false, values?: Destination['values']): void => {
    if (holds.length >= HOLD_REASONS_MAX) return
    const like = values !== undefined && isLike(value, values) ? 'the configuration' : undefined
    holds.push({ kind: 'destination', path, ...toldOf(value), ...(nothing && { nothing }), ...(like && { like }) })
  }
  const visit: Visit<Role> = (text, role, path, what) => {
    if (role.kind === 'destination') {
      // Of what nobody declared, a number is an amount, and an empty text says nothing; declared, it is somebody's id.
      const judged = role !== DESTINATION || (text !== '' && what !== 'number')
      if (judged && !role.values.has(text) && !exposure.knows(text)) hold(path(), text, false, role.values)
    } else if (role.kind === 'content' && judgeLinks) {
      for (const link of linksIn(text)) {
        if (holds.length >= HOLD_REASONS_MAX) return
        if (!exposure.knows(link)) holds.push({ kind: 'link', path: path(), ...toldOf(link) })
      }
    }
  }
  const gap: Gap<Role> = (value, role, path) => {
    if (role.kind !== 'destination' || role === DESTINATION) return
    if (exposure.mayNameNothing === true && isNothing(value)) return
    const { values = [], always = false } = (value === undefined && role.usual) || {}
    for (const usual of values) judge(usual, role, path)
    if (!always) judge(value, role, path)
  }
  const judge = (said: Json | undefined, role: Destination, path: () => string): void => {
    if (typeof said === 'string') return visit(said, role, path, 'text')
    if (isNumber(said)) return visit(numberText(said), role, path, 'number')
    const text = said === undefined ? 'left out' : JSON.stringify(said)
    const isTruth = typeof said === 'boolean'
    if (!role.values.has(isTruth ? text : null) || !(isTruth || isNothing(said))) hold(path(), text, !isTruth)
  }
  flow.arguments.walk(args, flow.otherwise, visit, gap)
  flow.declared.lacks(args, gap)
  return holds
}

/** Returns the labels that are accepted: of several sets the one that lacks least of what a cell carries. */
function acceptedOf({ accepts, acceptsOneOf }: Flow, { labels }: ExposureView): ReadonlySet<Label> {
  if (acceptsOneOf.length === 0) return accepts
  const lack = (set: ReadonlySet<Label>) => [...labels.keys()].filter((label) => !set.has(label)).length
  return acceptsOneOf.reduce((best, set) => (lack(set) < lack(best) ? set : best), accepts)
}

/** Tells whether a value looks the same as one that the configuration allows, or one of the first of many. */
function isLike(value: string, values: Destination['values']): boolean {
  if (values.size === 0) return false
  const isIn = looksLike(value)
  let left = LOOKED_THROUGH_MAX
  for (const each of values) {
    if (left-- <= 0) return false
    if (each !== null && isIn(each)) return true
  }
  return false
}

const LOOKED_THROUGH_MAX = 256

function isNothing(value: Json | undefined): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

/** Returns a value as a reason tells it: a long one by its beginning and its length. */
function toldOf(value: string): { readonly value: string; readonly characters?: number } {
  if (value.length <= HELD_VALUE_MAX) return { value }
  return { value: cutText(value, HELD_VALUE_MAX), characters: value.length }
}

/** More than a person reads; the action is held all the same. */
export const HOLD_REASONS_MAX = 20
/** Characters of a value that a hold shows. */
const HELD_VALUE_MAX = 256

function amounts({ amount, currency }: DeclaredTool): readonly JsonPath[] {
  return [amount, currency].map((path) => jsonPath(path ?? '')).filter((path) => path !== undefined)
}

/**
 * The arguments that the accepted definition names. Those of which it lists every value are free: a person agreed to each
 * of them.
 */
function defined(schema: JsonObject): (readonly [JsonPath, Role | undefined])[] {
  return argumentsOf(schema).map(([path, here]) => [path, listed(here, schema) ? FREE : undefined])
}

/** Values that a definition lists for one argument of an effect, and that pass because it does. */
export interface ListedValues {
  /** Written as in a configuration: `$.mode`. */
  readonly path: string
  readonly values: readonly Json[]
}

/** Returns what whoever accepts this definition agrees to let an effect be sent to, beside what the configuration says. */
export function listedValues(schema: Json | undefined, declared: DeclaredTool): readonly ListedValues[] {
  if (!isJsonObject(schema) || declared.effect === 'read') return []
  const { destinations = [], content = [] } = declared
  const said = new Set([...destinations.map(({ path }) => path), ...content].map(pathText))
  return argumentsOf(schema).flatMap(([path, here]) =>
    listed(here, schema) && !said.has(pathText(path))
      ? [{ path: pathText(path), values: [...new Set(valuesListed(here, schema))] }]
      : [],
  )
}

function valuesListed(schema: JsonObject, root: JsonObject): readonly Json[] {
  if (Array.isArray(schema.enum)) return schema.enum
  if (schema.const !== undefined) return [schema.const]
  if (schema.type === 'null') return [null]
  const branches = schema.anyOf ?? schema.oneOf
  if (!Array.isArray(branches)) return []
  return branches.flatMap((branch: Json) => {
    const here = resolved(branch, root)
    return here === undefined ? [] : valuesListed(here, root)
  })
}

/** The arguments that a schema names, each with its own schema, eight levels deep. */
function argumentsOf(schema: JsonObject): readonly (readonly [JsonPath, JsonObject])[] {
  const found: (readonly [JsonPath, JsonObject])[] = []
  const look = (json: Json | undefined, path: JsonPath, depth: number): void => {
    const here = resolved(json, schema)
    if (here === undefined || depth > 8) return
    found.push([path, here])
    if (isJsonObject(here.properties)) {
      for (const [name, inner] of Object.entries(here.properties)) look(inner, [...path, { name }], depth + 1)
    }
    // Beside `prefixItems` it speaks of later items only.
    if (here.prefixItems === undefined) look(here.items, [...path, 'items'], depth + 1)
  }
  look(schema, [], 0)
  return found
}

function listed(schema: JsonObject, root: JsonObject): boolean {
  if (Array.isArray(schema.enum) || 'const' in schema || schema.type === 'null') return true
  const branches = schema.anyOf ?? schema.oneOf
  if (!Array.isArray(branches) || branches.length === 0) return false
  return branches.every((branch) => {
    const resolvedBranch = resolved(branch, root)
    return resolvedBranch !== undefined && listed(resolvedBranch, root)
  })
}

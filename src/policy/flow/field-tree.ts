import { isJsonObject, type Json } from '../../model/json.ts'
import { isNumber, numberText } from '../../model/text/number.ts'
import { type JsonPath, stepText } from '../../model/text/path.ts'
import { caseless } from '../../model/text/text.ts'

interface Node<T> {
  rule?: T
  readonly names: Map<string, Node<T>>
  items?: Node<T>
  /** The names of its members without case and forms of Unicode. */
  folded?: ReadonlySet<string>
}

/** Rules for fields by path: the most specific one that matches a field, or lies above it, is the field's. */
export class FieldTree<T> {
  readonly #root: Node<T> = { names: new Map() }
  /** Rules whose path is more than a name, as they were given. */
  readonly rules: readonly (readonly [JsonPath, T])[]

  /** A path without a rule only says that there is a member of that name. */
  constructor(rules: Iterable<readonly [JsonPath, T | undefined]>) {
    const given: [JsonPath, T][] = []
    for (const [path, rule] of rules) {
      let node = this.#root
      for (const step of path) {
        if (step === 'items') {
          node.items ??= { names: new Map() }
          node = node.items
        } else {
          const next: Node<T> = node.names.get(step.name) ?? { names: new Map() }
          node.names.set(step.name, next)
          node = next
        }
      }
      if (rule === undefined) continue
      node.rule = rule
      given.push([path, rule])
    }
    this.rules = given
  }

  /**
   * Visits every text and number in a value, as text, with its rule. Names of members that no rule names are visited as
   * well, since whoever wrote the value chose them. `path` is put together only when it is called. `gap` is told of
   * what says nothing: null, truths, empty lists and objects; `other` of whatever is no text and no number.
   */
  walk(value: Json, otherwise: T, visit: Visit<T>, gap?: Gap<T>, other?: Gap<T>): void {
    walk(value, this.#root, otherwise, undefined, { visit, gap, other, member: undefined })
  }

  /** Tells of each member of an object in a value, with the rule of its place. */
  members(value: Json, otherwise: T, member: Member<T>): void {
    walk(value, this.#root, otherwise, undefined, { visit: () => undefined, gap: undefined, other: undefined, member })
  }

  /** Tells of each rule at whose path a value has nothing, or something of another shape, which is told with it. */
  lacks(value: Json, gap: Gap<T>): void {
    lacks(value, this.#root, undefined, gap)
  }

  /** Returns where a value has a member whose name is another one of its place but for case and forms of Unicode. */
  respelled(value: Json): string | undefined {
    return respelled(value, this.#root, undefined)
  }

  /** The rule of the whole value. */
  get root(): T | undefined {
    return this.#root.rule
  }

  /** Walks a value as `walk` does, with one rule for all of it. */
  walkAs(value: Json, rule: T, visit: Visit<T>, other?: Gap<T>): void {
    walk(value, undefined, rule, undefined, { visit, gap: undefined, other, member: undefined })
  }
}

export type Visit<T> = (text: string, rule: T, path: () => string, what: 'text' | 'number' | 'name') => void

/** `value` is undefined where there is none. */
export type Gap<T> = (value: Json | undefined, rule: T, path: () => string) => void

type Member<T> = (name: string, value: Json, rule: T) => void

interface Told<T> {
  readonly visit: Visit<T>
  readonly gap: Gap<T> | undefined
  readonly other: Gap<T> | undefined
  readonly member: Member<T> | undefined
}

interface Place {
  readonly above: Place | undefined
  /** `ITEMS`: every item of a list. */
  readonly step: string | number | typeof ITEMS
}

const ITEMS = Symbol('items')

function walk<T>(value: Json, node: Node<T> | undefined, above: T, place: Place | undefined, told: Told<T>): void {
  const { visit, gap, other, member } = told
  const rule = node?.rule ?? above
  if (other !== undefined && typeof value !== 'string' && !isNumber(value)) other(value, rule, () => placeText(place))
  if (typeof value === 'string') visit(value, rule, () => placeText(place), 'text')
  else if (isNumber(value)) visit(numberText(value), rule, () => placeText(place), 'number')
  else if (Array.isArray(value)) {
    value.forEach((item: Json, i) => void walk(item, node?.items, rule, { above: place, step: i }, told))
  } else if (isJsonObject(value)) {
    for (const name of Object.keys(value)) {
      const at = { above: place, step: name }
      const named = node?.names.get(name)
      if (named === undefined) visit(name, rule, () => placeText(at), 'name')
      member?.(name, value[name] as Json, named?.rule ?? rule)
      walk(value[name] as Json, named, rule, at, told)
    }
  }
  if (gap !== undefined && isEmpty(value)) gap(value, rule, () => placeText(place))
}

function isEmpty(value: Json): boolean {
  if (value === null || typeof value === 'boolean') return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

function respelled<T>(value: Json, node: Node<T>, place: Place | undefined): string | undefined {
  const below = (item: Json, inner: Node<T> | undefined, step: string | number): string | undefined =>
    inner && respelled(item, inner, { above: place, step })
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) {
      const found = below(item, node.items, i)
      if (found !== undefined) return found
    }
  } else if (isJsonObject(value) && node.names.size > 0) {
    for (const [name, item] of Object.entries(value)) {
      const inner = node.names.get(name)
      if (inner === undefined) {
        node.folded ??= new Set([...node.names.keys()].map(caseless))
        if (node.folded.has(caseless(name))) return placeText({ above: place, step: name })
      }
      const found = below(item, inner, name)
      if (found !== undefined) return found
    }
  }
  return undefined
}

function lacks<T>(value: Json | undefined, node: Node<T>, place: Place | undefined, gap: Gap<T>): void {
  const other = value === undefined || isEmpty(value) ? undefined : value
  for (const [name, child] of node.names) {
    const at = { above: place, step: name }
    if (isJsonObject(value) && Object.hasOwn(value, name)) lacks(value[name], child, at, gap)
    else lacking(isJsonObject(value) ? undefined : other, child, at, gap)
  }
  if (node.items === undefined) return
  if (!Array.isArray(value) || value.length === 0) lacking(other, node.items, { above: place, step: ITEMS }, gap)
  else for (const [i, item] of value.entries()) lacks(item, node.items, { above: place, step: i }, gap)
}

function lacking<T>(value: Json | undefined, node: Node<T>, place: Place, gap: Gap<T>): void {
  if (node.rule !== undefined) gap(value, node.rule, () => placeText(place))
  for (const [name, child] of node.names) lacking(value, child, { above: place, step: name }, gap)
  if (node.items !== undefined) lacking(value, node.items, { above: place, step: ITEMS }, gap)
}

function placeText(place: Place | undefined): string {
  if (place === undefined) return '$'
  const { above, step } = place
  return `${placeText(above)}${step === ITEMS ? '[*]' : stepText(step)}`
}

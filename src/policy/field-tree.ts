import { isJsonObject, type Json } from '../model/json.ts'
import type { JsonPath } from '../model/path.ts'

interface Node<T> {
  rule?: T
  readonly names: Map<string, Node<T>>
  items?: Node<T>
}

/** Rules for fields by path: the most specific one that matches a field, or lies above it, is the field's. */
export class FieldTree<T> {
  readonly #root: Node<T> = { names: new Map() }

  /** A path without a rule only says that there is a member of that name. */
  constructor(rules: Iterable<readonly [JsonPath, T | undefined]>) {
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
      if (rule !== undefined) node.rule = rule
    }
  }

  /**
   * Visits every text and number in a value, as text, with its rule. Names of members that no rule names are visited as
   * well, since whoever wrote the value chose them. `path` is put together only when it is called.
   */
  walk(value: Json, otherwise: T, visit: Visit<T>): void {
    walk(value, this.#root, otherwise, undefined, visit)
  }

  /** The rule of the whole value. */
  get root(): T | undefined {
    return this.#root.rule
  }

  /** As `walk` does, with one rule for all of it. */
  walkAs(value: Json, rule: T, visit: Visit<T>): void {
    walk(value, undefined, rule, undefined, visit)
  }
}

export type Visit<T> = (text: string, rule: T, path: () => string, what: 'text' | 'number' | 'name') => void

interface Place {
  readonly above: Place | undefined
  readonly step: string | number
}

function walk<T>(value: Json, node: Node<T> | undefined, above: T, place: Place | undefined, visit: Visit<T>): void {
  const rule = node?.rule ?? above
  if (typeof value === 'string') visit(value, rule, () => placeText(place), 'text')
  else if (typeof value === 'number') visit(String(value), rule, () => placeText(place), 'number')
  else if (Array.isArray(value)) {
    value.forEach((item: Json, i) => void walk(item, node?.items, rule, { above: place, step: i }, visit))
  } else if (isJsonObject(value)) {
    for (const name of Object.keys(value)) {
      const at = { above: place, step: name }
      const named = node?.names.get(name)
      if (named === undefined) visit(name, rule, () => placeText(at), 'name')
      walk(value[name] as Json, named, rule, at, visit)
    }
  }
}

function placeText(place: Place | undefined): string {
  if (place === undefined) return '$'
  const { above, step } = place
  return `${placeText(above)}${typeof step === 'number' ? `[${step}]` : `.${step}`}`
}

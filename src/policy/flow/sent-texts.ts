import { isJsonObject, type Json } from '../../model/json.ts'
import { isNumber, numberText } from '../../model/text/number.ts'
import type { FieldTree } from './field-tree.ts'

type SentVisit = (text: string, what: 'text' | 'number' | 'name') => void

const NONE: readonly string[] = []

/**
 * Visits every text, number and name of a member in what a cell says. A name that the schema does not have there is a text
 * of the cell's own, like any value.
 *
 * @param names the names that the schema has, by their places.
 */
export function visitSent(value: Json, names: FieldTree<undefined>, visit: SentVisit): void {
  const chosen = new Set<string>()
  names.walk(value, undefined, (text, _, __, what) => {
    if (what === 'name') chosen.add(text)
    visit(text, what === 'name' ? 'text' : what)
  })
  for (const name of namesIn(value)) if (!chosen.has(name)) visit(name, 'name')
}

function namesIn(value: Json): ReadonlySet<string> {
  const names = new Set<string>()
  const look = (each: Json): void => {
    if (Array.isArray(each)) each.forEach(look)
    else if (isJsonObject(each)) {
      for (const [name, inner] of Object.entries(each)) {
        names.add(name)
        look(inner)
      }
    }
  }
  look(value)
  return names
}

/**
 * Returns the members of each list and object that are not known, put together in their order, with the names that are
 * not the schema's.
 */
export function joinedIn(
  value: Json,
  names: FieldTree<undefined>,
  knows: (text: string) => boolean,
): readonly string[] {
  const chosen = new Set<string>()
  names.walk(value, undefined, (text, _, __, what) => {
    if (what === 'name') chosen.add(text)
  })
  return joined(value, chosen, knows)
}

function joined(value: Json, chosen: ReadonlySet<string>, knows: (text: string) => boolean): readonly string[] {
  if (typeof value !== 'object' || value === null || isNumber(value)) return NONE
  const members: readonly Json[] = Array.isArray(value) ? value : Object.values(value)
  const own = (texts: readonly string[]) => {
    const strange = texts.filter((text) => text.trim() !== '' && !knows(text))
    return strange.length > 1 && strange.length <= JOINED_MAX ? [strange.join(' ')] : NONE
  }
  const all = chosen.size === 0 ? NONE : inOrder(value, chosen)
  return [...own(members.flatMap(scalar)), ...own(all), ...members.flatMap((member) => joined(member, chosen, knows))]
}

/** Returns chosen names and values as they stand, one below the other; no more than could be put together. */
function inOrder(value: Json, chosen: ReadonlySet<string>): readonly string[] {
  const found: string[] = []
  const look = (each: Json): void => {
    if (found.length > JOINED_MAX) return
    if (Array.isArray(each)) each.forEach(look)
    else if (isJsonObject(each)) {
      for (const [name, inner] of Object.entries(each)) {
        if (chosen.has(name)) found.push(name)
        look(inner)
      }
    } else found.push(...scalar(each))
  }
  look(value)
  return found
}

function scalar(value: Json): readonly string[] {
  return typeof value === 'string' ? [value] : isNumber(value) ? [numberText(value)] : NONE
}

/** Members that are put together at most: nobody puts one name together from more. */
const JOINED_MAX = 32

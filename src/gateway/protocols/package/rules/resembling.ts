import { LOOKALIKES } from '../../../../model/text/lookalikes.ts'
import type { Ecosystem } from '../reading/release-version.ts'
import { POPULAR } from './popular.ts'

/** Shorter names differ in one letter by chance. */
const COMPARED_CHARACTERS_MIN = 5

/**
 * Returns the popular name that another looks like: one letter more, less, other or swapped; letters that look alike; other
 * separators; another scope. Undefined of a popular name itself, and of one that looks like none.
 */
export function resembledName(ecosystem: Ecosystem, name: string): string | undefined {
  const popular = POPULAR[ecosystem]
  if (popular.has(name)) return undefined
  const table = TABLES[ecosystem]
  const form = formOf(name)
  const same = table.byShape.get(shapeOf(form))
  if (same !== undefined) return same
  if (form.length < COMPARED_CHARACTERS_MIN) return undefined
  for (const near of [form, ...withoutOne(form)]) {
    for (const candidate of table.byDeletion.get(near) ?? []) {
      const other = formOf(candidate)
      if (other.length >= COMPARED_CHARACTERS_MIN && isOneApart(form, other)) return candidate
    }
  }
  return undefined
}

interface Table {
  readonly byShape: ReadonlyMap<string, string>
  /** Popular names by their forms, and by each of these without one letter: names one apart share one. */
  readonly byDeletion: ReadonlyMap<string, readonly string[]>
}

const TABLES: Readonly<Record<Ecosystem, Table>> = { npm: tableOf(POPULAR.npm), pypi: tableOf(POPULAR.pypi) }

function tableOf(names: ReadonlySet<string>): Table {
  const byShape = new Map<string, string>()
  const byDeletion = new Map<string, string[]>()
  for (const name of names) {
    const form = formOf(name)
    if (!byShape.has(shapeOf(form))) byShape.set(shapeOf(form), name)
    for (const key of new Set([form, ...withoutOne(form)])) {
      const all = byDeletion.get(key)
      if (all === undefined) byDeletion.set(key, [name])
      else all.push(name)
    }
  }
  return { byShape, byDeletion }
}

/** Returns a name as an eye takes it: small letters, those that look alike as one, without separators. */
function formOf(name: string): string {
  return [...name.toLowerCase()]
    .map((letter) => LOOKALIKES.get(letter) ?? letter)
    .join('')
    .replaceAll(/[^a-z0-9]/g, '')
    .replaceAll('0', 'o')
    .replaceAll('1', 'l')
}

/** Returns a form in which two letters that look like one are that one. */
function shapeOf(form: string): string {
  return form.replaceAll('rn', 'm').replaceAll('vv', 'w')
}

function withoutOne(text: string): readonly string[] {
  return Array.from({ length: text.length }, (_, i) => text.slice(0, i) + text.slice(i + 1))
}

/** Tells whether two texts are one letter apart: more, less, other, or two beside each other swapped. */
function isOneApart(a: string, b: string): boolean {
  if (a === b) return true
  let from = 0
  while (from < a.length && a[from] === b[from]) from++
  let [endA, endB] = [a.length, b.length]
  while (endA > from && endB > from && a[endA - 1] === b[endB - 1]) {
    endA--
    endB--
  }
  const [restA, restB] = [endA - from, endB - from]
  if (restA <= 1 && restB <= 1) return true
  return restA === 2 && restB === 2 && a[from] === b[from + 1] && a[from + 1] === b[from]
}

import type { EntryBody } from '../../model/entry.ts'
import { isJsonObject, type Json } from '../../model/index.ts'
import type { Secrets } from './secrets.ts'

/**
 * Returns a value as people may be shown it: each text and each name of a member that holds a secret is replaced by the
 * secret's name, and a whole that holds one only together (a list of its halves) is replaced as a whole.
 */
export function covered(value: Json, secrets: Pick<Secrets, 'leakIn'>): Json {
  const found = secrets.leakIn(value)
  if (found === undefined) return value
  const instead = coverOf(found)
  if (Array.isArray(value))
    return wholly(
      value.map((item) => covered(item, secrets)),
      instead,
      secrets,
    )
  if (!isJsonObject(value)) return instead
  const names = apart(Object.keys(value).map((name) => coveredText(name, secrets)))
  const members = Object.values(value).map((item, i) => [names[i] ?? '', covered(item, secrets)])
  return wholly(Object.fromEntries(members), instead, secrets)
}

/** Returns names of which none is twice there: a further one has a number behind it. */
function apart(names: readonly string[]): readonly string[] {
  const [taken, last] = [new Set(names), new Map<string, number>()]
  return names.map((name) => {
    let n = (last.get(name) ?? 0) + 1
    while (n > 1 && taken.has(`${name} ${n}`)) n++
    last.set(name, n)
    return n === 1 ? name : `${name} ${n}`
  })
}

function coverOf(secret: string): string {
  return `[the secret "${secret}"]`
}

/**
 * Tells whether something in a value may have been covered: what stood there, with a secret or beside it, is shown to
 * nobody.
 */
export function isCovered(value: Json): boolean {
  if (typeof value === 'string') return COVER.test(value)
  if (Array.isArray(value)) return value.some(isCovered)
  return isJsonObject(value) && (Object.keys(value).some(isCovered) || Object.values(value).some(isCovered))
}

const COVER = /^\[the secret ".*"\](?: \d+)?$/

/** Returns a text as people may be shown it: the secret's name where it holds one, or a part of one where it is cut. */
export function coveredText(text: string, secrets: Pick<Secrets, 'leakIn'> & Partial<Pick<Secrets, 'partIn'>>): string {
  const found = secrets.leakIn(text) ?? secrets.partIn?.(text)
  return found === undefined ? text : coverOf(found)
}

function wholly(value: Json, instead: string, secrets: Pick<Secrets, 'leakIn'>): Json {
  return secrets.leakIn(value) === undefined ? value : instead
}

/**
 * Returns an entry with no secret in what others wrote of it: arguments, reasons, details, what an upstream complained of.
 * Names and digests that entries are found by stay as they are.
 */
export function coveredEntry(body: EntryBody, secrets: Pick<Secrets, 'leakIn'>): EntryBody {
  const members = Object.entries(body).map(([name, value]) => {
    const free = WRITTEN_BY_OTHERS.has(name) || (name === 'tool' && NAMED_BY_CELLS.has(body.kind))
    return [name, free ? covered(value as Json, secrets) : value] // an entry's members are JSON
  })
  return Object.fromEntries(members) as unknown as EntryBody // the same members, and texts where texts were
}

/** Kinds of entries in which a tool's name may be one that a cell made up. */
const NAMED_BY_CELLS: ReadonlySet<EntryBody['kind']> = new Set(['action.refused', 'action.held'])

const WRITTEN_BY_OTHERS: ReadonlySet<string> = new Set(
  'args reasons detail what why problem place task restriction assignment from noticed'.split(' '),
)

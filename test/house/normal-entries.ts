/** Entries of a log as two runs of one script share them: what time, chance and the host put into them is numbered. */
import { canonicalText } from '../../src/ledger/log/canonical.ts'
import type { Entry } from '../../src/model/entry.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/model/index.ts'

/** Ids as `model/ids.ts` makes them, digests, and what a temporary directory and a free port are called. */
const CHANCE = /\b[a-z]{1,2}_[0-9a-z]{16,20}\b|\b(?:sha256:)?[0-9a-f]{64}\b|\/tmp\/[\w-]+|(?<=127\.0\.0\.1:)\d{4,5}/g
/** Members that say when, how long, and on which host. */
const OF_THE_HOUR = /^(?:\w*[mM]s|expiresAt|clock|boot|receipt)$/
/** Members whose times are written only where they are not their entry's: a matter of a millisecond. */
const COUNTED = /^(?:charge|settled)$/

/** Returns one line of canonical JSON for each entry; equal runs give equal lines. */
export function normalLines(entries: readonly Entry[]): readonly string[] {
  const numbers = new Map<string, string>()
  const name = (found: string) => {
    const known = numbers.get(found)
    if (known !== undefined) return known
    const kind =
      /^([a-z]{1,2})_/.exec(found)?.[1] ?? (found.startsWith('/') ? 'place' : found.length < 6 ? 'port' : 'sha')
    const given = `<${kind} ${[...numbers.values()].filter((each) => each.startsWith(`<${kind} `)).length + 1}>`
    numbers.set(found, given)
    return given
  }
  const normal = (value: Json): Json => {
    if (typeof value === 'string') return value.replace(CHANCE, name)
    if (Array.isArray(value)) return value.map(normal)
    if (!isJsonObject(value)) return value
    const members = Object.entries(value).flatMap(([key, each]) => {
      const kept = COUNTED.test(key) && isJsonObject(each) ? untimed(each) : each
      if (kept === undefined) return []
      return [[key.replace(CHANCE, name), OF_THE_HOUR.test(key) ? shapeOf(kept) : normal(kept)]]
    })
    return Object.fromEntries(members) as JsonObject
  }
  return entries.map((entry) => {
    // Entries are plain JSON; their type cannot say so.
    const line = canonicalText(normal(entry as unknown as Json))
    if (!line.ok) throw new Error(JSON.stringify(line.reason))
    return line.value
  })
}

/** Returns what of a value stays where its numbers and texts are the hour's: the names of its members. */
function shapeOf(value: Json): Json {
  if (!isJsonObject(value)) return Array.isArray(value) ? 'list' : typeof value
  return Object.keys(value).sort()
}

/** Returns what is counted without when; undefined where nothing else was written. */
function untimed({ atMs: _, dateMs: __, ...rest }: JsonObject): JsonObject | undefined {
  return Object.keys(rest).length === 0 ? undefined : rest
}

/**
 * Returns a text of a part of a configuration that is the same where two of them mean the same: the order of a map's or a
 * set's members is not in it. Places in the file are, like any member: whoever asks leaves them out.
 */
export function meaningOf(value: unknown): string {
  return JSON.stringify(plainOf(value)) ?? 'undefined'
}

function plainOf(value: unknown): unknown {
  if (typeof value === 'bigint') return { bigint: value.toString() }
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof URL) return { url: value.href }
  if (value instanceof Set) return { set: [...value].map(meaningOf).toSorted() }
  if (value instanceof Map) return { map: [...value].map(meaningOf).toSorted() }
  if (Array.isArray(value)) return { list: value.map(plainOf) }
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return members.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, member]) => [name, plainOf(member)])
}

/** Tells whether two parts of configurations mean the same. */
export function meansSame(one: unknown, other: unknown): boolean {
  return meaningOf(one) === meaningOf(other)
}

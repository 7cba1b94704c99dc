/** Returns what a name may be, for a person: the first names, and how many more there are. */
export function knownNames(names: Iterable<string>): string {
  const all = [...names]
  const more = all.length > NAMES_MAX ? ` and ${all.length - NAMES_MAX} more` : ''
  return `one of: ${all.slice(0, NAMES_MAX).join(', ')}${more}`
}

/** A list that is told with each fault grows with the square of the file, where it names everything. */
const NAMES_MAX = 20

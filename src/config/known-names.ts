/** Returns what a name may be, for a person. */
export function knownNames(names: Iterable<string>): string {
  return `one of: ${firstNames([...names])}`
}

/** Returns the first of these names, and how many more there are. */
export function firstNames(names: readonly string[]): string {
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : ''
  return `${names.slice(0, NAMES_MAX).join(', ')}${more}`
}

/** A list that is told with each fault grows with the square of the file, where it names everything. */
const NAMES_MAX = 20

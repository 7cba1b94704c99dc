/**
 * A place in a JSON value, as the configuration writes it: `$`, `$.amount`, `$.rows[*].email`. Names of members, and
 * every item of an array; no filters and no descent, so that what a path means never depends on the value.
 */
export type JsonPath = readonly PathStep[]

export type PathStep = { readonly name: string } | 'items'

const NAME = '[A-Za-z_][A-Za-z0-9_-]*'
const PATH = new RegExp(`^\\$(?:\\.${NAME}|\\[\\*\\])*$`)
const STEPS = new RegExp(`\\.(${NAME})|\\[\\*\\]`, 'g')
const PLAIN = new RegExp(`^${NAME}$`)

/** Parses a JSON path; undefined where the text is none. */
export function jsonPath(text: string): JsonPath | undefined {
  if (text.length > 256 || !PATH.test(text)) return undefined
  return [...text.matchAll(STEPS)].map(([, name]) => (name === undefined ? 'items' : { name }))
}

/** Returns a path as people are shown it; `jsonPath` reads it where no name in it stands in quotes. */
export function pathText(path: JsonPath): string {
  return `$${path.map((step) => (step === 'items' ? '[*]' : stepText(step.name))).join('')}`
}

/**
 * Returns one step of a path as people are shown it. Cells and upstreams choose names: one that a configuration could not
 * write stands in quotes (`["…"]`), so that no part of it passes for a word of ours.
 */
export function stepText(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  return PLAIN.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
}

/** The same as a key of YAML: brackets stand in quotes, or a list would begin there. */
export function pathKey(path: JsonPath): string {
  const text = pathText(path)
  return text.includes('[') ? JSON.stringify(text) : text
}

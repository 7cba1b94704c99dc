/**
 * A place in a JSON value, as the configuration writes it: `$`, `$.amount`, `$.rows[*].email`. Names of members, and
 * every item of an array; no filters and no descent, so that what a path means never depends on the value.
 */
export type JsonPath = readonly PathStep[]

export type PathStep = { readonly name: string } | 'items'

/** Undefined for what is no path. */
export function jsonPath(text: string): JsonPath | undefined {
  if (text.length > 256 || !/^\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[\*\])*$/.test(text)) return undefined
  return [...text.matchAll(/\.([A-Za-z_][A-Za-z0-9_-]*)|\[\*\]/g)].map(([, name]) =>
    name === undefined ? 'items' : { name },
  )
}

/** What `jsonPath` read. */
export function pathText(path: JsonPath): string {
  return `$${path.map((step) => (step === 'items' ? '[*]' : `.${step.name}`)).join('')}`
}

/** The same as a key of YAML: brackets stand in quotes, or a list would begin there. */
export function pathKey(path: JsonPath): string {
  const text = pathText(path)
  return text.includes('[') ? JSON.stringify(text) : text
}

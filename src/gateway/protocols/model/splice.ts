import { endOfString, parseJson } from '../../../model/index.ts'

/**
 * Puts one member into a text of JSON, and leaves every other byte as it was: what was judged is what is sent. A member
 * that is there is replaced. The text has been read strictly before: it is an object, and no key stands in it twice.
 * Throws where an object of `path` is none.
 */
export function withMember(text: string, path: readonly string[], json: string): string {
  const [name = '', ...below] = path
  const value = memberOf(text, name)
  if (value === undefined) {
    const open = text.indexOf('{') + 1
    const rest = text.slice(open)
    const comma = /^[ \t\r\n]*\}/.test(rest.slice(0, 64)) || rest.trimStart().startsWith('}') ? '' : ','
    const nested = below.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, json)
    return `${text.slice(0, open)}${JSON.stringify(name)}:${nested}${comma}${rest}`
  }
  const old = text.slice(value.from, value.to)
  if (below.length === 0 || old === 'null') {
    const nested = below.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, json)
    return `${text.slice(0, value.from)}${nested}${text.slice(value.to)}`
  }
  if (!old.startsWith('{')) throw new TypeError(`${name} is no object`)
  return `${text.slice(0, value.from)}${withMember(old, below, json)}${text.slice(value.to)}`
}

/** Returns where the value of one member of the outermost object stands; undefined where it has none of that name. */
function memberOf(text: string, name: string): { readonly from: number; readonly to: number } | undefined {
  let depth = 0
  let key: string | undefined
  let from = -1
  for (let i = text.indexOf('{'); i < text.length; i++) {
    const character = text[i]
    if (character === '"') {
      const end = endOfString(text, i + 1)
      if (depth === 1 && from < 0) key = String(parseJson(text.slice(i, end + 1)))
      i = end
    } else if (character === '{' || character === '[') depth++
    else if (character === ':' && depth === 1) from = i + 1
    else if (character === '}' || character === ']') depth--
    const ends = (depth === 1 && character === ',') || depth === 0
    if (!ends) continue
    if (key === name && from >= 0) return trimmed(text, from, i)
    if (depth === 0) return undefined
    key = undefined
    from = -1
  }
  return undefined
}

function trimmed(text: string, from: number, to: number): { readonly from: number; readonly to: number } {
  let first = from
  let last = to
  while (first < last && isSpace(text.charCodeAt(first))) first++
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--
  return { from: first, to: last }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d
}

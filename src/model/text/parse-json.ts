import type { Json, JsonObject } from '../json.ts'

/**
 * Returns the value of a JSON text, as `JSON.parse` is specified to. Throws a SyntaxError where it is none.
 *
 * The parser of V8 13.6 (Node 24) takes a key for another one where the key is written with an escape, and an object of
 * the same shape was read before whose key is spelled as the first characters of that writing: after `{"\\":0}` it reads
 * `{"\"":0}` as the former. Whoever writes both has one object judged, and another one read by whoever comes after us. So
 * keys with an escape are taken out of the text first, and put back into the value.
 */
export function parseJson(text: string): Json {
  // JSON.parse returns JSON; its type cannot say so.
  if (!text.includes('\\')) return JSON.parse(text) as Json
  const { plain, keys } = withoutEscapedKeys(text)
  const value = JSON.parse(plain) as Json
  return keys.length === 0 ? value : renamed(value, keys)
}

/** Returns a value as plain JSON, without undefined members and methods, for the ledger or a socket. */
export function asJson(value: object): JsonObject {
  return parseJson(JSON.stringify(value)) as JsonObject
}

const BACKSLASH = 0x5c

/** Returns the index of the closing quote, or the end of the text where there is none (the parser refuses that). */
export function endOfString(text: string, from: number): number {
  for (let quote = text.indexOf('"', from); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0
    while (text.charCodeAt(quote - 1 - backslashes) === BACKSLASH && quote - 1 - backslashes >= from) backslashes++
    if (backslashes % 2 === 0) return quote
  }
  return text.length
}

/** Returns the text with a number in place of each key that has an escape, and those keys as they are read. */
function withoutEscapedKeys(text: string): { readonly plain: string; readonly keys: readonly string[] } {
  const keys: string[] = []
  const parts: string[] = []
  let from = 0
  for (let start = text.indexOf('"'); start !== -1; ) {
    const end = endOfString(text, start + 1)
    const written = text.slice(start, end + 1)
    if (written.includes('\\') && isColonNext(text, end + 1)) {
      parts.push(text.slice(from, start), `"${MARK}${keys.length}"`)
      keys.push(JSON.parse(written) as string) // a string, or it throws
      from = end + 1
    }
    start = text.indexOf('"', end + 1)
  }
  return { plain: keys.length === 0 ? text : parts.join('') + text.slice(from), keys }
}

/**
 * Mark that begins what stands for a key. A text that was decoded from UTF-8 has no lone surrogate; in one that has, a
 * key like it is taken for what it stands for, or for undefined, which `renamed` throws at.
 */
const MARK = '\udffd'

function isColonNext(text: string, from: number): boolean {
  for (let i = from; ; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x3a) return true
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return false
  }
}

/** Puts the keys in their places. The value is the parser's own, and is changed in place, but for its renamed objects. */
function renamed(value: Json, keys: readonly string[]): Json {
  const holder: Json[] = [value]
  const left: (Json[] | Record<string, Json>)[] = [holder]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const members = next as Record<string, Json>
    for (const name of Object.keys(members)) {
      const member = members[name]
      if (typeof member !== 'object' || member === null) continue
      const whole = Array.isArray(member) ? member : withKeys(member as Record<string, Json>, keys)
      if (whole !== member) put(members, name, whole as Json)
      left.push(whole as Json[] | Record<string, Json>)
    }
  }
  return holder[0] as Json
}

function withKeys(object: Record<string, Json>, keys: readonly string[]): Record<string, Json> {
  const names = Object.keys(object)
  if (!names.some((name) => name.startsWith(MARK))) return object
  const whole: Record<string, Json> = {}
  for (const name of names) {
    const key = name.startsWith(MARK) ? keys[Number(name.slice(1))] : name
    if (key === undefined) throw new SyntaxError('a key in it begins with half of a character')
    put(whole, key, object[name] as Json)
  }
  return whole
}

/** Sets a member as the parser does: `__proto__` is a name like another. */
function put(object: Record<string, Json>, name: string, value: Json): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true })
}

/**
 * JSON as people keep it in files for editors and assistants: a byte order mark, comments, commas behind the last item.
 * Nothing else is forgiven. A key that stands twice is told, since JSON's own readers would lose the first without a word.
 */
import { type Json, type JsonObject, LIMITS, no, ok, parseJson, type Result } from '../../model/index.ts'

export interface LooseJson {
  readonly value: Json
  /** Keys that stand twice in one object, of which the last counts: `mcpServers.files`. */
  readonly repeated: readonly string[]
}

export function readLooseJson(text: string): Result<LooseJson, string> {
  const reader = new Reader(text.replace(/^\uFEFF/, ''))
  try {
    const value = reader.document()
    return ok({ value, repeated: reader.repeated })
  } catch (error) {
    if (error instanceof Unreadable) return no(error.message)
    throw error
  }
}

class Unreadable extends Error {}

class Reader {
  readonly repeated: string[] = []
  readonly #text: string
  readonly #path: string[] = []
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  document(): Json {
    const value = this.#value()
    this.#blank()
    if (this.#at < this.#text.length) this.#fail('something stands behind its end')
    return value
  }

  #value(): Json {
    this.#blank()
    if (this.#path.length > LIMITS.jsonDepthMax) this.#fail('it is nested too deeply')
    const first = this.#text[this.#at]
    if (first === '{') return this.#object()
    if (first === '[') return this.#array()
    if (first === '"') return this.#string()
    const [word] = /^(?:true|false|null|-?\d[\d.eE+-]*)/.exec(this.#text.slice(this.#at, this.#at + 64)) ?? []
    if (word === undefined) this.#fail('a value was expected')
    this.#at += word.length
    return this.#parsed(word)
  }

  #object(): JsonObject {
    const entries = new Map<string, Json>()
    for (this.#at++; !this.#ends('}'); this.#separated('}')) {
      if (this.#text[this.#at] !== '"') this.#fail('a key in double quotes was expected')
      const key = this.#string()
      this.#blank()
      if (this.#text[this.#at++] !== ':') this.#fail('":" was expected')
      this.#path.push(key)
      if (entries.has(key)) this.repeated.push(this.#path.join('.'))
      entries.set(key, this.#value())
      this.#path.pop()
    }
    return Object.fromEntries(entries)
  }

  #array(): Json {
    const items: Json[] = []
    for (this.#at++; !this.#ends(']'); this.#separated(']')) {
      this.#path.push(`${items.length}`)
      items.push(this.#value())
      this.#path.pop()
    }
    return items
  }

  #string(): string {
    const [written] = /^"(?:[^"\\\n]|\\.)*"/.exec(this.#text.slice(this.#at)) ?? []
    if (written === undefined) this.#fail('a text does not end on its line')
    this.#at += written.length
    // The pattern lets nothing but a text through.
    return String(this.#parsed(written))
  }

  #parsed(written: string): Json {
    try {
      return parseJson(written) as Json
    } catch {
      return this.#fail(`${written.slice(0, 40)} is no JSON`)
    }
  }

  #ends(close: string): boolean {
    this.#blank()
    if (this.#text[this.#at] !== close) return false
    this.#at++
    return true
  }

  /** Passes a comma, or stops before what ends the list; a comma may stand before that, too. */
  #separated(close: string): void {
    this.#blank()
    if (this.#text[this.#at] === ',') this.#at++
    else if (this.#text[this.#at] !== close) this.#fail(`"," or "${close}" was expected`)
  }

  #blank(): void {
    const blank = /(?:[\s\uFEFF]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y
    blank.lastIndex = this.#at
    this.#at += blank.exec(this.#text)?.[0].length ?? 0
  }

  #fail(why: string): never {
    const before = this.#text.slice(0, this.#at).split('\n')
    throw new Unreadable(`line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: ${why}`)
  }
}

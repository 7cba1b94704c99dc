import { endOfString, no, ok, parseJson, type Result } from '../../../../model/index.ts'

/** One member of an object in a text of JSON. */
export interface JsonMember {
  readonly key: string
  /** Offsets of its value in the text; the end is exclusive. */
  readonly from: number
  readonly to: number
}

/** A place of a text, and what stands there instead; of no length where something is put in. */
export interface TextEdit {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** Returns a text with its edits, which lie in their order and not over each other; everything else of it is as it was. */
export function edited(text: string, edits: readonly TextEdit[]): string {
  const parts: string[] = []
  let at = 0
  for (const { from, to, text: put } of edits) {
    parts.push(text.slice(at, from), put)
    at = to
  }
  parts.push(text.slice(at))
  return parts.join('')
}

/** Levels of nesting in a document; one more is read by none. */
const DEPTH_MAX = 200

class NotJson extends Error {}

/**
 * Reads a text of JSON where it stands, without making values of it: a document of 21 MB is a hundred as objects.
 *
 * - JW1  Takes exactly the texts that JSON.parse takes (RFC 8259), up to `DEPTH_MAX`, and of objects that it is asked about
 *        only those in which no name stands twice.
 * - JW2  Throws nothing but what `reading` turns into an error.
 */
export class JsonWalk {
  readonly text: string
  #at = 0
  /** True once the whole text is known to be JSON: what is stepped over is not judged again. */
  #known = false

  constructor(text: string) {
    this.text = text
  }

  /** Runs a reading of a text; the error says where it is not JSON. */
  static reading<T>(text: string, read: (walk: JsonWalk, root: JsonMember) => T): Result<T, string> {
    const walk = new JsonWalk(text)
    try {
      return ok(read(walk, walk.#whole()))
    } catch (error) {
      if (error instanceof NotJson) return no(error.message)
      throw error
    }
  }

  /** Returns the members of an object. Empty of what is none. */
  members({ from }: { readonly from: number }): readonly JsonMember[] {
    if (this.text[from] !== '{') return []
    this.#at = from
    const found: JsonMember[] = []
    const keys = new Set<string>()
    this.#object(1, (member) => {
      if (keys.has(member.key)) throw new NotJson(`${short(member.key)} stands in one object twice`)
      keys.add(member.key)
      found.push(member)
    })
    return found
  }

  /** Returns the items of a list. Empty of what is none. */
  items({ from }: { readonly from: number }): readonly { readonly from: number; readonly to: number }[] {
    if (this.text[from] !== '[') return []
    this.#at = from
    const found: { from: number; to: number }[] = []
    this.#list(1, (item) => found.push(item))
    return found
  }

  /** Returns a member's text; undefined where it is none. */
  string(member: { readonly from: number; readonly to: number } | undefined): string | undefined {
    if (member === undefined || this.text[member.from] !== '"') return undefined
    return parseJson(this.text.slice(member.from, member.to)) as string // a string begins and ends there
  }

  #whole(): JsonMember {
    this.#at = 0
    this.#space()
    const from = this.#at
    this.#value(0)
    const to = this.#at
    this.#space()
    if (this.#at < this.text.length) this.#fail()
    this.#known = true
    return { key: '', from, to }
  }

  #value(depth: number): void {
    if (this.#known) return this.#stepOver()
    if (depth > DEPTH_MAX) throw new NotJson(`it nests deeper than ${DEPTH_MAX} levels`)
    const { text } = this
    switch (text.charCodeAt(this.#at)) {
      case 0x7b:
        return this.#object(depth + 1)
      case 0x5b:
        return this.#list(depth + 1)
      case 0x22:
        return this.#string()
      case 0x74:
        return this.#word('true')
      case 0x66:
        return this.#word('false')
      case 0x6e:
        return this.#word('null')
      default:
        NUMBER.lastIndex = this.#at
        if (!NUMBER.test(text)) this.#fail()
        this.#at = NUMBER.lastIndex
    }
  }

  /** Steps over a value of a text that is JSON. */
  #stepOver(): void {
    const { text } = this
    let depth = 0
    for (let i = this.#at; ; i++) {
      const code = text.charCodeAt(i)
      if (code === 0x22) i = endOfString(text, i + 1)
      else if (code === 0x7b || code === 0x5b) depth++
      else if (code === 0x7d || code === 0x5d) depth--
      else {
        if (depth > 0) continue
        NUMBER_OR_WORD.lastIndex = i
        NUMBER_OR_WORD.test(text)
        i = NUMBER_OR_WORD.lastIndex - 1
      }
      if (depth > 0) continue
      this.#at = i + 1
      return
    }
  }

  #object(depth: number, hear?: (member: JsonMember) => void): void {
    const { text } = this
    this.#at++
    this.#space()
    if (text[this.#at] === '}') {
      this.#at++
      return
    }
    for (;;) {
      const start = this.#at
      if (text[start] !== '"') this.#fail()
      this.#string()
      const end = this.#at
      this.#space()
      this.#word(':')
      this.#space()
      const from = this.#at
      this.#value(depth)
      // A string begins and ends there.
      hear?.({ key: parseJson(text.slice(start, end)) as string, from, to: this.#at })
      this.#space()
      if (text[this.#at] === '}') break
      this.#word(',')
      this.#space()
    }
    this.#at++
  }

  #list(depth: number, hear?: (item: { readonly from: number; readonly to: number }) => void): void {
    const { text } = this
    this.#at++
    this.#space()
    if (text[this.#at] === ']') {
      this.#at++
      return
    }
    for (;;) {
      const from = this.#at
      this.#value(depth)
      hear?.({ from, to: this.#at })
      this.#space()
      if (text[this.#at] === ']') break
      this.#word(',')
      this.#space()
    }
    this.#at++
  }

  #string(): void {
    const { text } = this
    if (this.#known) {
      this.#at = endOfString(text, this.#at + 1) + 1
      return
    }
    for (let i = this.#at + 1; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code === 0x22) {
        this.#at = i + 1
        return
      }
      if (code < 0x20) break
      if (code !== 0x5c) continue
      ESCAPE.lastIndex = i
      if (!ESCAPE.test(text)) break
      i = ESCAPE.lastIndex - 1
    }
    this.#fail()
  }

  #word(word: string): void {
    if (!this.text.startsWith(word, this.#at)) this.#fail()
    this.#at += word.length
  }

  #space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #fail(): never {
    throw new NotJson(`it is no JSON at character ${this.#at}`)
  }
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const NUMBER_OR_WORD = /[a-zA-Z0-9.+-]+/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

function short(key: string): string {
  return JSON.stringify(key.length > 100 ? `${key.slice(0, 100)}…` : key)
}

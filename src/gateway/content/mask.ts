import { isJsonObject, type Json, type JsonPath, parseExactJson, WrittenNumber } from '../../model/index.ts'
import { skeleton } from '../../policy/index.ts'

/** Stands in place of a field that no cell sees. */
export const MASKED = '[masked]'

/** Returns a value without the declared fields; where nothing of it is one, without its texts. */
export function withoutMasked(value: Json, paths: readonly JsonPath[], hidden: Hidden): Json {
  if (!Array.isArray(value) && !isJsonObject(value)) return MASKED
  const { count } = hidden
  const rest = withoutFields(value, paths, hidden, 0)
  return hidden.count > count ? rest : untold(rest)
}

function withoutFields(value: Json, paths: readonly JsonPath[], hidden: Hidden, level: number): Json {
  const rest = paths.reduce<Json>((rest, path) => replacedIn(rest, path, 0, hidden), value)
  return walked(rest, AS_IT_IS, (leaf) =>
    insideOf(leaf, level, (inner) => withoutFields(inner, paths, hidden, level + 1)),
  )
}

/**
 * Returns a value of which nothing is known to be a declared field without its texts, and its numbers but the shortest:
 * one of them could say the field.
 */
function untold(value: Json): Json {
  return walked(value, AS_IT_IS, (leaf) => {
    const text = textOf(leaf)
    return text === undefined || (typeof leaf !== 'string' && text.length < NUMBER_DIGITS_MIN) ? leaf : MASKED
  })
}

/**
 * Returns a leaf that is a text of JSON with `change` made to what it says, and every other leaf as it is. A text that
 * begins like an object or a list and cannot be read as one is masked.
 */
function insideOf(leaf: Json, level: number, change: (inner: Json) => Json): Json {
  if (typeof leaf !== 'string' || !OPENS_AS_JSON.test(leaf)) return leaf
  if (level > TEXT_LEVELS_MAX) return MASKED
  try {
    return JSON.stringify(change(parseExactJson(leaf)))
  } catch {
    return OPENS_AS_FIELDS.test(leaf) || LIST_WITH_FIELDS.test(leaf) ? MASKED : leaf
  }
}

/** The beginning of a text that may be a JSON object, list or text; white space and byte order marks before it. */
const OPENS_AS_JSON = /^\s*[[{"]/
/** The beginning of a text that is hardly anything else than an object, or a list of objects, lists or texts. */
const OPENS_AS_FIELDS = /^\s*(?:\{|\[\s*[[{"'])/
/** A text that opens as a list of anything, and in which a member has a name: `[NaN, {"a": 1}]`. */
const LIST_WITH_FIELDS = /^\s*\[.*?["']\s*:/s
/** Texts of JSON within texts of JSON that are read. */
const TEXT_LEVELS_MAX = 8

/** Replaces the field of a whole value, or of one item of a list; where it holds nothing there, what has its name. */
function replacedIn(value: Json, path: JsonPath, at: number, hidden: Hidden): Json {
  const before = hidden.held
  const found = replaced(value, path, at, hidden)
  return hidden.held > before ? found : namedAnywhere(found, path, hidden)
}

function replaced(value: Json, path: JsonPath, at: number, hidden: Hidden): Json {
  const step = path[at]
  if (step === undefined) return hidden.take(value)
  if (step === 'items')
    return Array.isArray(value) ? value.map((item) => replacedIn(item, path, at + 1, hidden)) : value
  if (!isJsonObject(value) || !Object.hasOwn(value, step.name)) return value
  return { ...value, [step.name]: replaced(value[step.name] ?? null, path, at + 1, hidden) }
}

/**
 * Masks each member of the field's name, in any case and wherever it is: for a value of another shape than was
 * declared, or without the field.
 */
function namedAnywhere(value: Json, path: JsonPath, hidden: Hidden): Json {
  const last = path.findLast((step) => step !== 'items')
  if (last === undefined) return hidden.take(value)
  const name = skeleton(last.name)
  return walked(value, (key, item) => (skeleton(key) === name ? [key, hidden.take(item)] : undefined))
}

/** The values that were masked in one answer, by which they are found where they are repeated. */
export class Hidden {
  /** Number of fields that were taken. */
  count = 0
  /** Number of those that held something. */
  held = 0
  /** Masked texts and numbers, as letters and digits alone. */
  readonly #values = new Set<string>()
  /** Values that are looked for within other texts, by their first four characters. */
  readonly #parts = new Map<number, Set<string>>()
  /** Values too short to be looked for within other words: they are found as words of their own. */
  readonly #words = new Set<string>()
  #steps = STEPS_MAX

  take(value: Json): string {
    this.count++
    if (!isHollow(value)) this.held++
    this.#addAll(value, 0)
    return MASKED
  }

  repeatedIn(value: Json, level = 0): Json {
    if (this.#values.size === 0) return value
    const isRepeated = (text: string) => text !== MASKED && this.#holds(text)
    return walked(
      value,
      (key) => (isRepeated(key) ? [MASKED, MASKED] : undefined),
      (leaf) => {
        const read = insideOf(leaf, level, (inner) => this.repeatedIn(inner, level + 1))
        return isRepeated(textOf(read) ?? MASKED) ? MASKED : read
      },
    )
  }

  /** Adds every leaf of a value, also of the texts in it that are JSON. */
  #addAll(value: Json, level: number): Json {
    return walked(value, AS_IT_IS, (leaf) => {
      insideOf(leaf, level, (inner) => this.#addAll(inner, level + 1))
      return this.#add(leaf)
    })
  }

  #add(leaf: Json): Json {
    const text = textOf(leaf)
    if (text === undefined || text === MASKED) return leaf
    const plain = skeleton(text) || text
    if (plain === '' || (typeof leaf !== 'string' && plain.length < NUMBER_DIGITS_MIN)) return leaf
    this.#values.add(plain)
    if (plain.length >= PART_CHARACTERS_MIN) this.#addPart(plain)
    else if (plain.length >= WORD_CHARACTERS_MIN) this.#words.add(plain)
    return leaf
  }

  /** Tells whether a text holds a masked value; where looking would take too long, it is taken to hold one. */
  #holds(text: string): boolean {
    const plain = skeleton(text) || text
    if (this.#values.has(plain)) return true
    if (this.#words.size > 0) {
      this.#steps -= text.length
      if (this.#steps < 0 || text.split(BETWEEN_WORDS).some((word) => this.#words.has(skeleton(word)))) return true
    }
    return this.#parts.size > 0 && this.#holdsPart(plain)
  }

  #addPart(plain: string): void {
    const start = startAt(plain, 0)
    const all = this.#parts.get(start)
    if (all === undefined) this.#parts.set(start, new Set([plain]))
    else all.add(plain)
  }

  /** Looks for each value that begins as a place of the text does; each character that is compared is a step. */
  #holdsPart(plain: string): boolean {
    this.#steps -= plain.length
    for (let at = 0; at + PART_CHARACTERS_MIN <= plain.length; at++) {
      const begun = this.#parts.get(startAt(plain, at))
      if (begun === undefined) continue
      for (const value of begun) {
        const same = sameFrom(plain, at, value)
        if (same === value.length) return true
        this.#steps -= same + 1
        if (this.#steps < 0) return true
      }
    }
    return this.#steps < 0
  }
}

/** Returns the four code units at a place as one number, in which others may come out the same. */
function startAt(text: string, at: number): number {
  const [a, b] = [
    text.charCodeAt(at) * 31 + text.charCodeAt(at + 1),
    text.charCodeAt(at + 2) * 31 + text.charCodeAt(at + 3),
  ]
  return (Math.imul(a, 65_599) + b) | 0
}

/** Returns how many characters of a value stand at a place of a text, from its first on. */
function sameFrom(text: string, at: number, value: string): number {
  let same = 0
  while (same < value.length && text.charCodeAt(at + same) === value.charCodeAt(same)) same++
  return same
}

/** Tells whether nothing but null and empty texts, lists and objects is in a value. */
function isHollow(value: Json): boolean {
  if (value === null || value === '') return true
  return (Array.isArray(value) || isJsonObject(value)) && Object.values(value).every(isHollow)
}

/** Returns a text, or a number as it is written; undefined for what tells nothing by itself (truth values, null). */
function textOf(leaf: Json): string | undefined {
  if (leaf instanceof WrittenNumber) return leaf.text
  return typeof leaf === 'string' || typeof leaf === 'number' ? String(leaf) : undefined
}

/** Characters of a value that is looked for within other texts: shorter ones stand in other words by chance. */
const PART_CHARACTERS_MIN = 4
/** Characters of a value that is looked for as a word of its own in other texts. */
const WORD_CHARACTERS_MIN = 3
const BETWEEN_WORDS = /[^\p{L}\p{N}\p{M}]+/u
/** Digits of a number that is looked for: shorter ones are everywhere. */
const NUMBER_DIGITS_MIN = 3
/** Places that are compared for one answer: about a tenth of a second. */
const STEPS_MAX = 2_000_000
/**
 * Levels that are walked: deeper than any answer that is read as one (LIMITS.jsonDepthMax), texts within it included.
 */
const DEPTH_MAX = 64

const AS_IT_IS = () => undefined

/**
 * Returns the value with each member that `member` has something to say of in that form, and every leaf as `leaf` has
 * it.
 */
function walked(
  value: Json,
  member: (key: string, item: Json) => readonly [key: string, item: Json] | undefined,
  leaf: (value: Json) => Json = (same) => same,
  depth = 0,
): Json {
  if (depth > DEPTH_MAX) return MASKED
  if (Array.isArray(value)) return value.map((item: Json) => walked(item, member, leaf, depth + 1))
  if (!isJsonObject(value)) return leaf(value)
  const members = Object.entries(value).map(
    ([key, item]) => member(key, item) ?? [key, walked(item, member, leaf, depth + 1)],
  )
  return Object.fromEntries(members)
}

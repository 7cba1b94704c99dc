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
  /** Hashes of the values that are looked for within other texts, by the length of those values. */
  readonly #hashes = new Map<number, Set<number>>()
  /** Those lengths, the shortest first; undefined where one was added since. */
  #lengths: readonly number[] | undefined
  /** Values too short to be looked for within other words: they are found as words of their own. */
  readonly #words = new Set<string>()
  /** Words of the answer that are known to be none of them. */
  readonly #others = new Set<string>()
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
    else if (plain.length >= WORD_CHARACTERS_MIN) {
      this.#words.add(plain)
      this.#others.clear()
    }
    return leaf
  }

  #addPart(plain: string): void {
    const hashes = this.#hashes.get(plain.length) ?? new Set()
    hashes.add(hashOf(plain, plain.length))
    this.#hashes.set(plain.length, hashes)
    this.#lengths = undefined
  }

  /** Tells whether a text holds a masked value; where looking would take too long, it is taken to hold one. */
  #holds(text: string): boolean {
    const plain = skeleton(text) || text
    if (this.#values.has(plain)) return true
    if (this.#words.size > 0 && this.#hasWord(text)) return true
    this.#lengths ??= [...this.#hashes.keys()].sort((one, other) => one - other)
    for (const length of this.#lengths) {
      if (length > plain.length) break
      if (this.#hasPart(plain, length, this.#hashes.get(length) ?? new Set())) return true
    }
    return false
  }

  #hasWord(text: string): boolean {
    this.#steps -= text.length
    if (this.#steps < 0) return true
    for (const word of text.split(BETWEEN_WORDS)) {
      if (this.#others.has(word)) continue
      if (NOT_ASCII.test(word)) this.#steps -= WORD_STEPS
      if (this.#steps < 0 || this.#words.has(skeleton(word))) return true
      this.#others.add(word)
    }
    return false
  }

  /**
   * Tells whether a text holds one of the masked values of a length. The hash of each place follows from the one before, in
   * one step; the characters are compared, in as many steps as they are, only where a hash is that of a value.
   */
  #hasPart(plain: string, length: number, hashes: ReadonlySet<number>): boolean {
    this.#steps -= plain.length
    if (this.#steps < 0) return true
    let leaving = 1
    for (let i = 0; i < length; i++) leaving = Math.imul(leaving, HASH_BASE)
    let hash = hashOf(plain, length)
    for (let at = 0; ; at++) {
      if (hashes.has(hash)) {
        this.#steps -= length
        if (this.#steps < 0 || this.#values.has(plain.slice(at, at + length))) return true
      }
      if (at + length >= plain.length) return false
      const next = Math.imul(hash, HASH_BASE) + plain.charCodeAt(at + length)
      hash = (next - Math.imul(leaving, plain.charCodeAt(at))) | 0
    }
  }
}

/** Returns a hash, of 32 bits, of the first characters of a text. */
function hashOf(text: string, length: number): number {
  let hash = 0
  for (let i = 0; i < length; i++) hash = (Math.imul(hash, HASH_BASE) + text.charCodeAt(i)) | 0
  return hash
}

/** Odd, so that no character is lost; whoever finds texts of one hash has more of an answer masked, and nothing shown. */
const HASH_BASE = 0x01000193

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
/** Characters that are looked at for one answer, once for each length of what is masked: about a tenth of a second. */
const STEPS_MAX = 2_000_000
const NOT_ASCII = /[^\0-\x7f]/
/** Steps for the letters of a word that is more than ASCII. */
const WORD_STEPS = 16
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

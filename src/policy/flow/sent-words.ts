import { createHash } from 'node:crypto'
import { LIMITS } from '../../model/limits.ts'
import { counts, namesMember, Spelled, WORD_CHARACTERS_MIN } from './spelling.ts'
import { WordParts } from './word-parts.ts'

/** The way in which a text was said: the names of members are mostly the schema's, not the cell's. */
interface Said {
  readonly what: 'text' | 'number' | 'name'
  /** Tells whether the cell may name a part anyway: then it is nobody's own word where it stands in a longer text. */
  readonly knows: (part: string) => boolean
}

/**
 * The texts that cells have said without having been told them, looked up in whatever spelling upstreams send them
 * back. Shared by a cell, all that it delegates to, and the next cells of its agent.
 *
 * - W1  A value is their own word if it is one in another spelling, in another order of its parts, a part of one of four
 *       letters or more, or if at least half of it is made of whole ones. Of a text of several words only what is more
 *       than letters counts as a part: names of people stand in many letters.
 * - W2  Looking one value up takes a bounded time, however much was said; what cannot be looked up is taken for their own.
 */
export class SentWords {
  /** Every text that was sent, folded; of a longer text its digest. */
  readonly #words = new Set<string>()
  readonly #spelled = new Set<string>()
  readonly #keys = new Set<string>()
  /** Parts of names; `#prose` has those of texts of several words: a plain word stands in many of those by chance. */
  readonly #names = new WordParts()
  readonly #prose = new WordParts()
  readonly #whole = new WholeWords()
  /** Sent texts that are looked for inside of other values, too. */
  readonly #said = new Set<string>()
  #characters = 0
  #forgot = false

  /** Forgets everything and ends all learning: from now on no value becomes known. */
  forgetAll(): void {
    this.#forgot = true
  }

  /** Returns how many comparisons looking for what is in one answer may take. */
  steps(): { steps: number } {
    return { steps: STEPS_MAX }
  }

  /** True where no text was sent, so that no value can be made of it. */
  get empty(): boolean {
    return this.#words.size === 0
  }

  add(text: string, said: Said): void {
    if (this.full) return
    const spelled = new Spelled(text)
    const word = short(spelled.plain) ? spelled.plain : digestOf(spelled.plain)
    if (word === '') return
    if (!this.#words.has(word)) {
      this.#words.add(word)
      this.#characters += spelled.plain.length
    }
    if (namesMember(text, said.what)) {
      for (const skeleton of spelled.skeletons) this.#spelled.add(skeleton)
    } else if (!this.#said.has(word)) {
      this.#said.add(word)
      this.#addSpelled(text, spelled, said)
    }
  }

  #addSpelled(text: string, spelled: Spelled, said: Said): void {
    if (short(spelled.plain)) {
      for (const skeleton of spelled.skeletons) {
        this.#spelled.add(skeleton)
        this.#whole.add(skeleton)
      }
      for (const key of spelled.keys) this.#keys.add(key)
    }
    if (said.what !== 'number') this.#addParts(text, spelled, said)
  }

  #addParts(text: string, spelled: Spelled, said: Said): void {
    const strange = withoutKnown(text, said.knows)
    for (const part of strange === undefined ? [spelled] : strange.map((each) => new Spelled(each))) {
      const parts = /\s/.test(text.trim()) ? this.#prose : this.#names
      for (const skeleton of part.skeletons) parts.add(skeleton)
      parts.addShort(part.text)
    }
  }

  has(text: string): boolean {
    return this.#words.has(new Spelled(text).plain)
  }

  /** True where more was sent than can be kept: no value becomes known any more. */
  get full(): boolean {
    const { seenCharactersMax, knownValuesMax } = LIMITS
    return this.#forgot || this.#words.size >= knownValuesMax || this.#characters > seenCharactersMax
  }

  /** Tells whether a value is made of what was said. Takes from `left` what comparing it costs. */
  made(value: Spelled, left: { steps: number }): boolean {
    if (this.empty) return false
    if (this.#words.has(value.plain)) return true
    if (value.skeletons.some((skeleton) => this.#spelled.has(skeleton))) return true
    if (this.#keys.size > 0 && value.keys.some((key) => this.#keys.has(key))) return true
    const parts = /[\d@:/\\._#]/.test(value.text) ? [this.#names, this.#prose] : [this.#names]
    const found = value.skeletons.some(
      (skeleton) => parts.some((each) => each.has(skeleton, left)) || this.#whole.coverHalf(skeleton, left),
    )
    return found || left.steps <= 0
  }
}

/** Tells whether a text is short enough to come back as a destination; of a longer one parts may. */
function short(plain: string): boolean {
  return plain.length <= LIMITS.knownValueCharactersMax
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64')
}

/** Comparisons for all values of one answer: a tenth of a second on a slow machine. */
const STEPS_MAX = 4_000_000

/** Whole words by which others may begin. */
class WholeWords {
  readonly #words = new Set<string>()
  readonly #beginnings = new Map<string, Set<number>>()

  add(word: string): void {
    if (!counts(word)) return
    this.#words.add(word)
    const beginning = word.slice(0, WORD_CHARACTERS_MIN)
    const lengths = this.#beginnings.get(beginning) ?? new Set()
    lengths.add(word.length)
    this.#beginnings.set(beginning, lengths)
  }

  /** Tells whether at least half of a text is made of whole words, from left to right, the longest first. */
  coverHalf(text: string, left: { steps: number }): boolean {
    let covered = 0
    for (let at = 0; at + WORD_CHARACTERS_MIN <= text.length && left.steps > 0; left.steps--) {
      const length = this.#longestAt(text, at, left)
      covered += length
      at += Math.max(length, 1)
    }
    return covered > 0 && covered * 2 >= text.length
  }

  #longestAt(text: string, at: number, left: { steps: number }): number {
    let longest = 0
    for (const length of this.#beginnings.get(text.slice(at, at + WORD_CHARACTERS_MIN)) ?? []) {
      left.steps--
      if (length > longest && this.#words.has(text.slice(at, at + length))) longest = length
    }
    return longest
  }
}

/**
 * Characters of a text that is looked into; longer ones are taken as they are, since looking up what of them is known
 * would take its time.
 */
const LOOKED_INTO_MAX = 4_096
const NEIGHBOURS_MAX = 3

/**
 * Returns the pieces of a text that stay when the values that are known are cut out of it, of up to three words each.
 */
function withoutKnown(text: string, knows: (part: string) => boolean): readonly string[] | undefined {
  if (text.length > LOOKED_INTO_MAX || !/\s/.test(text)) return undefined
  const runs = [...text.matchAll(/\S+/g)]
  const pieces: string[] = []
  let from = 0
  for (let at = 0; at < runs.length; at++) {
    for (let more = Math.min(NEIGHBOURS_MAX, runs.length - at); more > 0; more--) {
      const [first, last] = [runs[at], runs[at + more - 1]]
      if (first === undefined || last === undefined) continue
      const part = withoutMarks(text.slice(first.index, last.index + last[0].length))
      if (part === '' || !knows(part)) continue
      pieces.push(text.slice(from, first.index))
      from = last.index + last[0].length
      at += more - 1
      break
    }
  }
  return pieces.length === 0 ? undefined : [...pieces, text.slice(from)].filter((piece) => piece !== '')
}

/** Returns a text without the marks around it. */
function withoutMarks(text: string): string {
  let [from, to] = [0, text.length]
  while (from < to && '"\'`“‘«([{<'.includes(text.charAt(from))) from++
  while (to > from && '"\'`”’»)]}>.,:;!?'.includes(text.charAt(to - 1))) to--
  return text.slice(from, to)
}

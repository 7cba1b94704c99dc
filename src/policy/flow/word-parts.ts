import { LIMITS } from '../../model/limits.ts'
import { skeleton } from './skeleton.ts'

/**
 * An index of long texts that tells whether a shorter text is a part of one of them. Every fourth place is indexed by the
 * four characters that stand there: a part of seven or more holds such a place within its first four characters.
 */
export class WordParts {
  #text = new Uint16Array(1_024)
  #length = 0
  /** The last place of each hash, and before each place the one before it; places are counted by fours, from 1. */
  #last = new Int32Array(256)
  #before = new Int32Array(256)
  readonly #short = new Set<string>()

  add(text: string): void {
    if (text.length < PART_MIN) return
    this.#room(text.length + 1)
    const from = this.#length
    for (let i = 0; i < text.length; i++) this.#text[from + i] = text.charCodeAt(i)
    // A zero between two texts: no part goes over it.
    this.#length = from + text.length + 1
    for (let place = Math.ceil(from / STEP); (place + 1) * STEP <= this.#length; place++) this.#index(place)
  }

  /** Adds the words of a text that are too short for the index. */
  addShort(text: string): void {
    for (const word of this.#shortFull ? [] : shortWords(text)) this.#short.add(word)
  }

  /**
   * Tells whether a part is one of the short words; where there are more of those than can be kept, each that short is
   * one.
   */
  #hasShort(part: string): boolean {
    if (part.length < SHORT_MIN || part.length >= PART_MIN) return false
    return this.#shortFull || this.#short.has(part)
  }

  get #shortFull(): boolean {
    return this.#short.size >= LIMITS.knownValuesMax
  }

  /**
   * Tells whether it is a part of one text, or one of its words. Takes from `left` one step for each place that is
   * looked at.
   */
  has(part: string, left: { steps: number }): boolean {
    if (part.length < PART_MIN) return this.#hasShort(part)
    if (this.#length === 0) return false
    for (let offset = 0; offset < STEP; offset++) {
      const hash = hashOf((i) => part.charCodeAt(offset + i)) & (this.#last.length - 1)
      for (let place = this.#last[hash] ?? 0; place > 0; place = this.#before[place] ?? 0) {
        if (left.steps-- <= 0) return false
        if (this.#standsAt((place - 1) * STEP - offset, part)) return true
      }
    }
    return false
  }

  #standsAt(start: number, part: string): boolean {
    if (start < 0 || start + part.length > this.#length) return false
    for (let i = 0; i < part.length; i++) if (this.#text[start + i] !== part.charCodeAt(i)) return false
    return true
  }

  #index(place: number): void {
    const hash = hashOf((i) => this.#text[place * STEP + i] ?? 0) & (this.#last.length - 1)
    this.#before[place + 1] = this.#last[hash] ?? 0
    this.#last[hash] = place + 1
  }

  #room(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#text.length) return
    const size = 2 ** Math.ceil(Math.log2(needed))
    const text = new Uint16Array(size)
    text.set(this.#text)
    this.#text = text
    this.#before = new Int32Array(size / STEP + 2)
    this.#last = new Int32Array(Math.min(size / STEP, LAST_MAX))
    for (let place = 0; (place + 1) * STEP <= this.#length; place++) this.#index(place)
  }
}

const STEP = 4
const PART_MIN = 7
const LAST_MAX = 262_144
/** Characters of the shortest words that are kept: shorter ones stand in every text. */
const SHORT_MIN = 4

function hashOf(at: (i: number) => number): number {
  let hash = 0
  for (let i = 0; i < STEP; i++) hash = Math.imul(hash ^ at(i), 0x9e3779b1) ^ (hash >>> 13)
  return hash ^ (hash >>> 15)
}

function shortWords(text: string): readonly string[] {
  return (text.match(/[\p{L}\p{N}]+/gu) ?? [])
    .map(skeleton)
    .filter(({ length }) => length >= SHORT_MIN && length < PART_MIN)
}

import { LIMITS } from '../../model/limits.ts'
import { counts, namesMember, Spelled } from './spelling.ts'

/**
 * The words of a read that its cell did not know: an answer that is made of them teaches nothing. With more words of
 * its own, or longer ones, a question learns nothing at all: each is looked for in each field.
 */
export class AskedWords {
  readonly #words = new Map<string, Spelled>()
  readonly #skeletons = new Set<string>()
  readonly #keys = new Set<string>()
  readonly #tokens = new Set<string>()
  #tooLong = false

  add(text: string, what: 'text' | 'number' | 'name'): void {
    const spelled = new Spelled(text)
    // A text that is too long however it is spelled comes back as no destination, but parts of it may.
    if (Math.min(text.length, spelled.plain.length) > LIMITS.knownValueCharactersMax) {
      this.#tooLong = true
      return
    }
    if (spelled.plain === '' || this.#tooMany || this.#words.has(spelled.plain)) return
    this.#words.set(spelled.plain, spelled)
    if (namesMember(text, what)) return
    for (const skeleton of spelled.skeletons) this.#skeletons.add(skeleton)
    for (const key of spelled.keys) this.#keys.add(key)
    for (const token of tokens(spelled.plain)) this.#tokens.add(token)
  }

  /** True where nothing was asked, so that no value can be made of it. */
  get empty(): boolean {
    return !this.#tooLong && this.#words.size === 0
  }

  get #tooMany(): boolean {
    return this.#words.size > WORDS_MAX
  }

  /** Tells whether a value of the answer is made of what was asked. */
  made(value: Spelled): boolean {
    if (this.#tooLong || this.#tooMany) return true
    if (this.#words.size === 0) return false
    const { plain } = value
    for (const word of this.#words.keys()) if (plain.includes(word) || word.includes(plain)) return true
    return (
      (this.#keys.size > 0 && value.keys.some((key) => this.#keys.has(key))) ||
      this.#allAsked(plain) ||
      value.skeletons.some((skeleton) => this.#holds(skeleton))
    )
  }

  /** Tells whether a text has the words of the question in another order, or some of them. */
  #allAsked(plain: string): boolean {
    const found = tokens(plain)
    return found.join('').length > TOKENS_MIN && found.every((token) => this.#tokens.has(token))
  }

  #holds(answer: string): boolean {
    if (this.#skeletons.has(answer)) return true
    let rest = answer
    for (const word of this.#skeletons) {
      if (counts(answer) && word.includes(answer)) return true
      if (counts(word)) rest = rest.replaceAll(word, ' ')
    }
    const covered = answer.length - rest.replaceAll(' ', '').length
    return covered > 0 && covered * 2 >= answer.length
  }
}

const WORDS_MAX = 16
const TOKENS_MIN = 4

function tokens(plain: string): readonly string[] {
  return (plain.match(/\d+|\p{L}+/gu) ?? []).map((token) => token.replace(/^0+(?=\d)/, ''))
}

import { isDeepStrictEqual } from 'node:util'
import type { Seen } from '../model/decision.ts'
import type { ActionId } from '../model/ids.ts'
import { isJsonObject, type Json } from '../model/json.ts'
import { type Label, UNTRUSTED } from '../model/label.ts'
import { LIMITS } from '../model/limits.ts'
import { FieldTree, type Visit } from './field-tree.ts'
import { likeness } from './likeness.ts'
import { type Task, taskText } from './task.ts'

/** What a decision may ask of what a cell has seen. Asking changes nothing. */
export interface ExposureView {
  readonly labels: ReadonlyMap<Label, Seen>
  /** Whether the task, or a trusted field, said exactly this value. */
  knows(value: string): boolean
  /** What it and every cell that it shares them with have said. */
  readonly words: Words
  /** Where the value, or one like it, was met, as far as `left` lasts. For people: it permits nothing, and takes its time. */
  seen(value: string, left?: Unsearched): Seen | undefined
}

/**
 * Characters of what was seen that one explanation may still look through: a cell that has seen megabytes, and names
 * dozens of places, must not keep the gateway from others while it is explained.
 */
export interface Unsearched {
  /** For the value itself, as a part of a text. */
  parts: number
  /** For the value in other spellings and encodings, which takes a hundred times as long. */
  likenesses: number
}

export function unsearched(): Unsearched {
  return { parts: 1_048_576, likenesses: 65_536 }
}

/**
 * What one cell has seen: the labels it carries, and the values that it may use as destinations.
 *
 * - X1  Labels only rise. A field that nobody labelled is untrusted.
 * - X2  A value is known by its whole text only, and only from the task or from a field without `untrusted`.
 * - X3  What the cell itself said does not become known by coming back to it: what it said in an effect never, what it
 *       asked in a read not by that read's answer. An upstream that repeats what it is told vouches for nothing.
 * - X4  Memory is bounded: what no longer fits is not known, and whoever names it waits for a person.
 */
export class Exposure implements ExposureView {
  readonly #labels = new Map<Label, Seen>()
  readonly #known = new Set<string>()
  readonly words: Words
  /** Each text as it was met first. */
  readonly #texts = new Map<string, Seen>()
  readonly #inOrder: string[] = []
  readonly #task: Task | undefined
  readonly #above: ExposureView | undefined
  #knownCharacters = 0
  #textCharacters = 0

  /**
   * `initial` is what the cell's files bring with them. `above` is what the cell that delegated has seen: this one carries
   * its labels from the beginning, may name what it may name, and what one of them has said vouches for neither.
   */
  constructor(initial: ReadonlyMap<Label, Seen> = new Map(), task?: Task, above?: ExposureView, words?: Words) {
    this.words = words ?? above?.words ?? new Words()
    for (const [label, seen] of initial) this.#labels.set(label, seen)
    if (above !== undefined) this.inherit(above)
    this.#task = task
    this.#above = above
  }

  get labels(): ReadonlyMap<Label, Seen> {
    return this.#labels
  }

  knows(value: string): boolean {
    if (this.#known.has(value) || (this.#task !== undefined && taskText(this.#task).names(value))) return true
    return this.#above?.knows(value) ?? false
  }

  seen(value: string, left: Unsearched = unsearched()): Seen | undefined {
    return (
      this.#texts.get(value) ??
      this.#found(left, 'parts', (text) => (text.includes(value) ? 'a part of it' : undefined)) ??
      this.#found(left, 'likenesses', (text) => likeness(value, text)) ??
      this.#above?.seen(value, left)
    )
  }

  /** The first text of the last ones, as many as `left` still lasts for: what a cell is made to do it was mostly told late. */
  #found(left: Unsearched, by: keyof Unsearched, asIn: (text: string) => string | undefined): Seen | undefined {
    let from = this.#inOrder.length
    for (let characters = 0; from > 0; from--) {
      characters += this.#inOrder[from - 1]?.length ?? 0
      if (characters > left[by]) break
    }
    for (const text of this.#inOrder.slice(from)) {
      left[by] -= text.length
      const [seen, as] = [this.#texts.get(text), asIn(text)]
      if (seen !== undefined && as !== undefined) return { ...seen, as }
    }
    return undefined
  }

  /** What the cell has sent with an effect. Said before it was known, it stays the cell's own word. */
  say(args: Json): void {
    WORDS.walk(args, undefined, (text) => {
      if (!this.knows(text)) this.words.add(text)
    })
  }

  /** Everything of an answer that the cell is going to see, each field under its labels. */
  absorb(
    { returns, ids }: Answers,
    result: Json,
    where: { readonly action: ActionId; readonly tool: string },
    asked: Json = null,
  ): void {
    const own = new Words()
    WORDS.walk(asked, undefined, (text) => {
      if (!this.knows(text)) own.add(text)
    })
    const { ruled, others } = partsOf(result)
    const meet: Visit<readonly Label[]> = (text, labels, path) =>
      this.#meet(text, labels, () => ({ ...where, path: path(), labels }), own)
    for (const value of ruled) {
      returns.walk(value, NOT_LABELLED, meet)
      ids?.walk(value, false, (text, isId, _, what) => {
        if (isId && what !== 'name') this.#learn(text, own)
      })
    }
    for (const value of others) returns.walkAs(value, returns.root ?? NOT_LABELLED, meet)
  }

  /** Text of no known field: an error, a log line, a name in a list. */
  absorbUntrusted(text: string, where: { readonly action?: ActionId; readonly tool: string; readonly path: string }) {
    this.#meet(text, NOT_LABELLED, () => ({ ...where, labels: NOT_LABELLED }), undefined)
  }

  /** What another cell has seen, passed to this one with what it says. */
  inherit(other: ExposureView): void {
    for (const [label, seen] of other.labels) if (!this.#labels.has(label)) this.#labels.set(label, seen)
  }

  #meet(text: string, labels: readonly Label[], seen: () => Seen, asked: Words | undefined): void {
    for (const label of labels) if (!this.#labels.has(label)) this.#labels.set(label, seen())
    if (text === '') return
    if (!labels.includes(UNTRUSTED)) this.#learn(text, asked)
    if (this.#texts.has(text) || this.#textCharacters + text.length > LIMITS.seenCharactersMax) return
    this.#textCharacters += text.length
    this.#texts.set(text, seen())
    this.#inOrder.push(text)
  }

  #learn(text: string, asked: Words | undefined): void {
    if (text.length > LIMITS.knownValueCharactersMax || this.#known.has(text)) return
    if (this.words.full || this.words.has(text) || asked?.isPartOf(text)) return
    if (this.#known.size >= LIMITS.knownValuesMax) return
    if (this.#knownCharacters + text.length > LIMITS.seenCharactersMax) return
    this.#knownCharacters += text.length
    this.#known.add(text)
  }
}

/**
 * What cells have said without having been told it: of itself it comes back from upstreams, in whatever spelling. Shared
 * by a cell, all that it delegates to, and the next cells of its agent.
 */
export class Words {
  readonly #words = new Set<string>()
  #characters = 0
  #tooLong = false
  #lost = false

  /** What was said is not known any more: from now on nothing becomes known. */
  lose(): void {
    this.#lost = true
  }

  add(text: string): void {
    const word = plain(text)
    // A text that is too long however it is spelled comes back as no destination, but parts of it may.
    if (Math.min(text.length, word.length) > LIMITS.knownValueCharactersMax) this.#tooLong = true
    else if (word !== '' && !this.full && !this.#words.has(word)) {
      this.#words.add(word)
      this.#characters += word.length
    }
  }

  has(text: string): boolean {
    return this.#words.has(plain(text))
  }

  /** More has been said than can be kept: nothing becomes known any more. */
  get full(): boolean {
    return this.#lost || this.#words.size >= LIMITS.knownValuesMax || this.#characters > LIMITS.seenCharactersMax
  }

  /** Whether a text holds one of them, or is a part of one: an answer made of what was asked. */
  isPartOf(text: string): boolean {
    if (this.#tooLong || this.#words.size > ASKED_WORDS_MAX) return true
    const answer = plain(text)
    return [...this.#words].some((word) => answer.includes(word) || word.includes(answer))
  }
}

/** Whoever asks with more words of its own, or longer ones, learns nothing from the answer: each is looked for in each field. */
const ASKED_WORDS_MAX = 16

/** As upstreams that trim and fold would repeat it. */
function plain(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase()
}

/** Of a `Flow`: what the fields of an answer are. */
interface Answers {
  readonly returns: FieldTree<readonly Label[]>
  /** Fields that hold the upstream's own names for its objects: known whole, whatever their labels. */
  readonly ids?: FieldTree<boolean>
}

const WORDS = new FieldTree<undefined>([])
const NOT_LABELLED: readonly Label[] = [UNTRUSTED]

/** The parts of an MCP result that carry data: each is looked at as JSON where it is JSON. */
export function valuesOf(result: Json): readonly Json[] {
  if (!isJsonObject(result)) return [result]
  const { content, structuredContent, _meta: _, ...others } = result
  const values: Json[] = structuredContent === undefined ? [] : [structuredContent]
  for (const block of Array.isArray(content) ? content : []) values.push(parsedBlock(block))
  for (const [name, value] of Object.entries(others)) if (name !== 'isError') values.push(value)
  return values
}

/**
 * What the paths of a declaration speak of: the structured content, or the one text that stands for it, and never an
 * error. Whatever else a result carries has the labels of the whole: text of somebody else must not pass for a field.
 */
function partsOf(result: Json): { readonly ruled: readonly Json[]; readonly others: readonly Json[] } {
  const values = valuesOf(result)
  if (!isJsonObject(result) || result.isError === true || 'error' in result) return { ruled: [], others: values }
  const [first, ...rest] = values
  if (first === undefined) return { ruled: [], others: [] }
  if (result.structuredContent !== undefined) {
    return { ruled: [first], others: rest.filter((value) => !isDeepStrictEqual(value, first)) }
  }
  const only = rest.length === 0 && Array.isArray(result.content)
  return only ? { ruled: [first], others: [] } : { ruled: [], others: values }
}

/** What the fields of a declaration are looked for in: nothing of an error, and nothing where several parts could be meant. */
export function ruledPart(result: Json): Json | undefined {
  return partsOf(result).ruled[0]
}

/** Of an object or an array, after the white space of JSON. */
const OPENS = /^[\t\n\r ]*[[{]/

function parsedBlock(block: Json): Json {
  if (!isJsonObject(block) || block.type !== 'text' || typeof block.text !== 'string') return block
  // Most texts are prose: finding that out by the parser's exception costs more than all the rest.
  if (!OPENS.test(block.text)) return block.text
  try {
    return JSON.parse(block.text) as Json
  } catch {
    return block.text
  }
}

import type { Seen } from '../../model/decision.ts'
import type { ActionId } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { LIMITS } from '../../model/limits.ts'
import { type Task, taskText } from '../decide/task.ts'
import type { Reading } from '../reading.ts'
import { answerLabels, hasMembers, marksIn, NOT_LABELLED, textsIn } from './answer-labels.ts'
import { AskedWords } from './asked-words.ts'
import { FieldTree, type Gap, type Visit } from './field-tree.ts'
import { likeness, looksLike } from './likeness.ts'
import { joinedIn, visitSent } from './sent-texts.ts'
import { SentWords } from './sent-words.ts'
import { Spelled } from './spelling.ts'

/** The questions that a decision may ask about what a cell has seen. Asking changes nothing. */
export interface ExposureView {
  readonly labels: ReadonlyMap<Label, Seen>
  /** Tells whether the task, or a trusted field, gave exactly this value. */
  knows(value: string): boolean
  /** Returns a function that tells whether a value is known as of now, whatever becomes known later. */
  known?(): (value: string) => boolean
  /** True where the writer of the arguments left a declared destination out, so that it may name nothing. */
  readonly mayNameNothing?: boolean
  /** Books of texts that the cell, the earlier cells of its agent and every cell above it have sent. */
  readonly books?: readonly SentWords[]
  /** Tells whether the task names another value that looks the same to a person. For explanations only. */
  looksNamed?(value: string): boolean
  /**
   * Returns where the value, or one like it, was met, as far as `left` lasts. For explanations only: it permits
   * nothing, and takes its time.
   */
  seen(value: string, left?: Unsearched): Seen | undefined
}

/**
 * Characters of what was seen that one explanation may still look through: a cell that has seen megabytes, and names
 * dozens of places, must not keep the gateway from others while it is explained.
 */
export interface Unsearched {
  /** Characters left for finding the value itself, as a part of a text. */
  parts: number
  /**
   * Characters left for finding the value in other spellings and encodings, which takes a hundred times as long: those of
   * the value, once, and of the texts.
   */
  likenesses: number
  /** Comparisons left for that: each character of a text with each of the value, in all its spellings. */
  comparisons: number
}

export function unsearched(): Unsearched {
  return { parts: 1_048_576, likenesses: 65_536, comparisons: 33_554_432 }
}

/**
 * The labels that one cell carries by what it has seen, and the values that it may use as destinations.
 *
 * - X1  Labels only rise. A field that nobody labelled is untrusted.
 * - X2  A value is known by its whole text only, and only from the task or from a field without `untrusted`.
 * - X3  What the cell itself said does not become known by coming back to it: what it said in an effect never, what it
 *       asked in a read not by that read's answer, in whatever spelling. An upstream that repeats what it is told vouches
 *       for nothing.
 * - X4  Whatever an answer tells raises labels: lists, objects and nothing at all those of confidentiality, truths all.
 *       A success tells what is labelled as a whole, and a failure all.
 * - X5  Memory is bounded: what no longer fits is not known, and whoever names it waits for a person.
 */
export class Exposure implements ExposureView {
  readonly #labels = new Map<Label, Seen>()
  /** Known values, each with its number in the order in which they became known. */
  readonly #known = new Map<string, number>()
  readonly #aboveKnew: (value: string) => boolean
  readonly books: readonly SentWords[]
  /** Texts that were met, each with the place where it was met first. */
  readonly #texts = new Map<string, Seen>()
  readonly #inOrder: string[] = []
  readonly #task: Task | undefined
  readonly #above: ExposureView | undefined
  #knownCharacters = 0
  #textCharacters = 0

  /**
   * `initial` is what the cell's files bring with them. `above` is what the cell that delegated has seen: this one carries
   * its labels from the beginning and may name what that one may name then, since what it comes to know later has labels
   * that this one lacks. What one of them has said vouches for neither.
   */
  constructor(initial: ReadonlyMap<Label, Seen> = new Map(), task?: Task, above?: ExposureView, words?: SentWords) {
    const own = words ?? (above?.books === undefined ? new SentWords() : undefined)
    this.books = [...new Set([...(own === undefined ? [] : [own]), ...(above?.books ?? [])])]
    for (const [label, seen] of initial) this.#labels.set(label, seen)
    if (above !== undefined) this.addLabels(above)
    this.#task = task
    this.#above = above
    this.#aboveKnew = above?.known?.() ?? (() => false)
  }

  get labels(): ReadonlyMap<Label, Seen> {
    return this.#labels
  }

  knows(value: string): boolean {
    return this.#knows(value, this.#known.size)
  }

  known(): (value: string) => boolean {
    const number = this.#known.size
    return (value) => this.#knows(value, number)
  }

  /** Tells whether a value was known when that many were. */
  #knows(value: string, number: number): boolean {
    const known = this.#known.get(value)
    if (known !== undefined && known < number) return true
    return (this.#task !== undefined && taskText(this.#task).names(value)) || this.#aboveKnew(value)
  }

  looksNamed(value: string): boolean {
    if (this.#task !== undefined && looksLike(value)(this.#task.text)) return true
    return this.#above?.looksNamed?.(value) ?? false
  }

  seen(value: string, left: Unsearched = unsearched()): Seen | undefined {
    return (
      this.#texts.get(value) ??
      this.#found(left, 'parts', (text) => (text.includes(value) ? 'a part of it' : undefined)) ??
      this.#foundLike(value, left) ??
      this.#above?.seen(value, left)
    )
  }

  #foundLike(value: string, left: Unsearched): Seen | undefined {
    if (this.#inOrder.length === 0 || value.length > left.likenesses) return undefined
    left.likenesses -= value.length
    const like = likeness(value)
    return this.#found(left, 'likenesses', like.in, like.characters)
  }

  /**
   * The first text of the last ones, as many as `left` still lasts for: what a cell is made to do it was mostly told late.
   * `compared`: comparisons for each character of a text.
   */
  #found(
    left: Unsearched,
    by: 'parts' | 'likenesses',
    asIn: (text: string) => string | undefined,
    compared = 0,
  ): Seen | undefined {
    let from = this.#inOrder.length
    for (let characters = 0; from > 0; from--) {
      characters += this.#inOrder[from - 1]?.length ?? 0
      if (characters > left[by] || characters * compared > left.comparisons) break
    }
    for (const text of this.#inOrder.slice(from)) {
      left[by] -= text.length
      left.comparisons -= text.length * compared
      const [seen, as] = [this.#texts.get(text), asIn(text)]
      if (seen !== undefined && as !== undefined) return { ...seen, as }
    }
    return undefined
  }

  /**
   * Records arguments that the cell sent with an effect. A value that was not known before counts as the cell's own
   * word from then on.
   */
  recordSent(...said: Parameters<Exposure['recordSentInSteps']>): void {
    for (const _ of this.recordSentInSteps(...said));
  }

  /** Does what `recordSent` does, in pieces of about a millisecond at most, so that others come in between. */
  *recordSentInSteps(args: Json, names: FieldTree<undefined> = WORDS): Generator<void, void> {
    const knows = (part: string) => this.knows(part)
    const said: { readonly text: string; readonly what: 'text' | 'number' | 'name' }[] = []
    visitSent(args, names, (text, what) => {
      if (!knows(text)) said.push({ text, what })
    })
    for (const text of joinedIn(args, names, knows)) said.push({ text, what: 'text' })
    for (const { text, what } of said) {
      for (const book of this.books) book.add(text, { what, knows })
      yield
    }
  }

  /** Records an answer that the cell is going to see, each field under its labels. */
  recordAnswer(...answer: Parameters<Exposure['recordAnswerInSteps']>): void {
    for (const _ of this.recordAnswerInSteps(...answer));
  }

  /**
   * Does what `recordAnswer` does, in pieces: the labels rise with the first, and each further one looks at one value
   * that the cell may come to know. None of the values is known for certain before the last piece.
   */
  *recordAnswerInSteps(
    { returns, ids, names = WORDS }: Answers,
    { ruled, others, failed }: Reading,
    where: { readonly action: ActionId; readonly tool: string },
    asked: Json = null,
  ): Generator<void, void> {
    const own = new AskedWords()
    visitSent(asked, names, (text, what) => {
      if (!this.knows(text)) own.add(text, what)
    })
    const { fields, otherwise, beside, shape } = answerLabels(returns, ruled)
    const told = new Set<string>()
    const record: Visit<readonly Label[]> = (text, labels, path) => {
      this.#recordText(text, labels, (label) => {
        const strange = label && shape(labels, label)
        return { ...where, path: path(), labels, ...(strange !== undefined && { shape: strange }) }
      })
      if (text !== '' && !labels.includes(UNTRUSTED)) told.add(text)
    }
    const raise: Gap<readonly Label[]> = (value, labels, path) => {
      for (const label of labels) {
        if (this.#labels.has(label) || (label === UNTRUSTED && typeof value !== 'boolean')) continue
        const strange = shape(labels, label)
        // Data that stands elsewhere than declared stands in what has no members, or is one.
        if (strange !== undefined && hasMembers(value)) continue
        this.#labels.set(label, { ...where, path: path(), labels, ...(strange !== undefined && { shape: strange }) })
      }
    }
    raise(undefined, failed ? beside : (returns.root ?? NOT_LABELLED), () => '$')
    if (ruled !== undefined) {
      fields.walk(ruled, otherwise, record, undefined, raise)
      ids?.walk(ruled, false, (text, isId, _, what) => {
        if (isId && what !== 'name') told.add(text)
      })
    }
    const repeated = textsIn(others.length === 0 ? undefined : ruled)
    const marks = others.length === 0 || ruled === undefined ? undefined : marksIn(ruled)
    for (const value of others) {
      const same = marks?.includes(marksIn(value)) ?? false
      const recordNew: Visit<readonly Label[]> = (text, ...of) => {
        if (!repeated.has(text)) record(text, ...of)
      }
      returns.walkAs(value, beside, recordNew, same ? undefined : raise)
    }
    yield* this.#trustValues(told, own)
  }

  /** Makes known what nobody in the cell has made, as far as the steps of one answer go. */
  *#trustValues(told: ReadonlySet<string>, asked: AskedWords): Generator<void, void> {
    const books = this.books.map((words) => ({ words, left: words.steps() }))
    let spelled = 0
    for (const text of told) {
      if (!this.#hasRoomFor(text)) continue
      if (!asked.empty || books.some(({ words }) => !words.empty)) spelled += spellingSteps(text)
      if (spelled > SPELLING_STEPS_MAX) return
      const value = new Spelled(text)
      if (!books.some(({ words, left }) => words.made(value, left)) && !asked.made(value)) {
        this.#knownCharacters += text.length
        this.#known.set(text, this.#known.size)
      }
      yield
    }
  }

  /**
   * Records what an upstream says before its answer (progress, messages): all of it under these labels, and no value
   * becomes known.
   */
  recordMessage(
    said: Json,
    labels: readonly Label[],
    where: { readonly action: ActionId; readonly tool: string },
  ): void {
    const seen = (path: string): Seen => ({ ...where, path, labels })
    for (const label of labels) if (!this.#labels.has(label)) this.#labels.set(label, seen('$'))
    WORDS.walkAs(said, undefined, (text, _, path) => this.#recordText(text, labels, () => seen(path())))
  }

  /**
   * Records a text of no known field, such as an error or a name in a list. `more`: labels that it has beside
   * `untrusted`.
   */
  recordUntrusted(
    text: string,
    where: { readonly action?: ActionId; readonly tool: string; readonly path: string },
    more: Iterable<Label> = [],
  ) {
    const labels = [...NOT_LABELLED, ...more]
    this.#recordText(text, labels, () => ({ ...where, labels }))
  }

  /** Adds labels that come from elsewhere: those of another cell come with what that cell passes on. */
  addLabels(other: Pick<ExposureView, 'labels'>): void {
    for (const [label, seen] of other.labels) if (!this.#labels.has(label)) this.#labels.set(label, seen)
  }

  #recordText(text: string, labels: readonly Label[], seen: (label?: Label) => Seen): void {
    for (const label of labels) if (!this.#labels.has(label)) this.#labels.set(label, seen(label))
    if (text === '') return
    if (this.#texts.has(text) || this.#textCharacters + text.length > LIMITS.seenCharactersMax) return
    this.#textCharacters += text.length
    this.#texts.set(text, seen())
    this.#inOrder.push(text)
  }

  /** Tells whether one more value could become known. */
  #hasRoomFor(text: string): boolean {
    if (text.length > LIMITS.knownValueCharactersMax || this.#known.has(text)) return false
    if (this.#known.size >= LIMITS.knownValuesMax || this.books.some(({ full }) => full)) return false
    return this.#knownCharacters + text.length <= LIMITS.seenCharactersMax
  }
}

/**
 * Steps for the spellings of all values of one answer, each about 5 µs: more plain values than an answer may have, and
 * 36,000 addresses of the web with escapes. What comes after them is not known.
 */
const SPELLING_STEPS_MAX = 400_000

/** Returns what the spellings of a text cost: much where it is more than ASCII, has escapes, or could be an address. */
function spellingSteps(text: string): number {
  return COSTLY.test(text) ? 8 + (text.length >> 3) : 1 + (text.length >> 6)
}

const COSTLY = /[^\0-\x7f]|[%&\\=]|^[^\s@]*[.:]/

/** The parts of a `Flow` that say what the fields of an answer are. */
interface Answers {
  readonly returns: FieldTree<readonly Label[]>
  /** Fields that hold the upstream's own names for its objects: known whole, whatever their labels. */
  readonly ids?: FieldTree<boolean>
  /** Names that its arguments have by their schema. */
  readonly names?: FieldTree<undefined>
}

const WORDS = new FieldTree<undefined>([])

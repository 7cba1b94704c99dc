import type { Seen } from '../model/decision.ts'
import type { ActionId } from '../model/ids.ts'
import { isJsonObject, type Json } from '../model/json.ts'
import { type Label, UNTRUSTED } from '../model/label.ts'
import { LIMITS } from '../model/limits.ts'
import { FieldTree } from './field-tree.ts'
import { likeness } from './likeness.ts'
import { names, type Task } from './task.ts'

/** What a decision may ask of what a cell has seen. Asking changes nothing. */
export interface ExposureView {
  readonly labels: ReadonlyMap<Label, Seen>
  /** Whether the task, or a trusted field, said exactly this value. */
  knows(value: string): boolean
  /** Where the value, or one like it, was met first. For people: it permits nothing, and may take a millisecond. */
  seen(value: string): Seen | undefined
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
  readonly #said = new Set<string>()
  readonly #texts: Met[] = []
  readonly #task: Task | undefined
  readonly #above: ExposureView | undefined
  #knownCharacters = 0
  #saidCharacters = 0
  #textCharacters = 0

  /**
   * `initial` is what the cell's files bring with them. `above` is what the cell that delegated has seen: this one carries
   * its labels from the beginning, and may name what it may name.
   */
  constructor(initial: ReadonlyMap<Label, Seen> = new Map(), task?: Task, above?: ExposureView) {
    for (const [label, seen] of initial) this.#labels.set(label, seen)
    if (above !== undefined) this.inherit(above)
    this.#task = task
    this.#above = above
  }

  get labels(): ReadonlyMap<Label, Seen> {
    return this.#labels
  }

  knows(value: string): boolean {
    if (this.#known.has(value) || (this.#task !== undefined && names(this.#task.text, value))) return true
    return this.#above?.knows(value) ?? false
  }

  seen(value: string): Seen | undefined {
    let closest: Seen | undefined
    for (const { text, seen } of this.#texts) {
      const as = likeness(value, text)
      if (as === 'the same') return seen
      if (as !== undefined) closest ??= { ...seen, as }
    }
    return closest ?? this.#above?.seen(value)
  }

  /** What the cell has sent with an effect. Said before it was known, it stays the cell's own word. */
  say(args: Json): void {
    WORDS.walk(args, undefined, (text) => {
      if (text.length > LIMITS.knownValueCharactersMax || this.#said.has(text) || this.knows(text)) return
      this.#saidCharacters += text.length
      if (!this.#deaf) this.#said.add(text)
    })
  }

  /** It has said more than can be kept: nothing becomes known any more. */
  get #deaf(): boolean {
    return this.#said.size >= LIMITS.knownValuesMax || this.#saidCharacters > LIMITS.seenCharactersMax
  }

  /** Everything of an answer that the cell is going to see, each field under its labels. */
  absorb(
    fields: FieldTree<readonly Label[]>,
    values: readonly Json[],
    where: { readonly action: ActionId; readonly tool: string },
    { ids, args }: Answered = {},
  ): void {
    const asked = new Set<string>()
    if (args !== undefined) WORDS.walk(args, undefined, (text) => asked.add(text))
    for (const value of values) {
      fields.walk(value, NOT_LABELLED, (text, labels, path) =>
        this.#meet(text, labels, { ...where, path: path() }, asked),
      )
      ids?.walk(value, false, (text, isId, _, what) => {
        if (isId && what !== 'name' && !asked.has(text)) this.#learn(text)
      })
    }
  }

  /** Text of no known field: an error, a log line, a name in a list. */
  absorbUntrusted(text: string, where: { readonly action?: ActionId; readonly tool: string; readonly path: string }) {
    this.#meet(text, NOT_LABELLED, where, NOTHING)
  }

  /** What another cell has seen, passed to this one with what it says. */
  inherit(other: ExposureView): void {
    for (const [label, seen] of other.labels) if (!this.#labels.has(label)) this.#labels.set(label, seen)
  }

  #meet(text: string, labels: readonly Label[], where: Omit<Seen, 'labels'>, asked: ReadonlySet<string>): void {
    for (const label of labels) if (!this.#labels.has(label)) this.#labels.set(label, { ...where, labels })
    if (text === '') return
    if (!labels.includes(UNTRUSTED) && !asked.has(text)) this.#learn(text)
    if (this.#textCharacters + text.length > LIMITS.seenCharactersMax) return
    this.#textCharacters += text.length
    this.#texts.push({ text, seen: { ...where, labels } })
  }

  #learn(text: string): void {
    if (text.length > LIMITS.knownValueCharactersMax || this.#known.has(text)) return
    if (this.#deaf || this.#said.has(text)) return
    if (this.#known.size >= LIMITS.knownValuesMax) return
    if (this.#knownCharacters + text.length > LIMITS.seenCharactersMax) return
    this.#knownCharacters += text.length
    this.#known.add(text)
  }
}

interface Answered {
  /** Fields that hold the upstream's own names for its objects: known whole, whatever their labels. */
  readonly ids?: FieldTree<boolean>
  /** What was asked. */
  readonly args?: Json
}

interface Met {
  readonly text: string
  readonly seen: Seen
}

const NOTHING: ReadonlySet<string> = new Set()
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

function parsedBlock(block: Json): Json {
  if (!isJsonObject(block) || block.type !== 'text' || typeof block.text !== 'string') return block
  try {
    const parsed = JSON.parse(block.text) as Json
    return typeof parsed === 'object' && parsed !== null ? parsed : block.text
  } catch {
    return block.text
  }
}

import type { PersonName } from '../../model/ids.ts'

/** An assignment that the owner gave. Its words are trusted: what they name may be a destination. */
export interface Task {
  readonly text: string
  readonly givenBy: PersonName
  /** `upstream/tool`, when the owner accepted only these. Otherwise the grants stand as they are. */
  readonly tools?: ReadonlySet<string>
}

/**
 * Tells whether the owner asked for this tool: it was accepted for the task, or every word of its name stands in the
 * task's own words ("delete the largest file" and `delete_file`). The object that it acts on has to be named as ever.
 */
export function asksFor(task: Task, id: string): boolean {
  if (task.tools !== undefined) return task.tools.has(id)
  const words = wordsOf(id.slice(id.indexOf('/') + 1))
  return words.length > 0 && words.every((word) => taskText(task).says(word))
}

const read = new WeakMap<Task, TaskText>()

/** A task's text, read once for all that its cell does: at every decision it is asked for, in every text sent looked into. */
export function taskText(task: Task): TaskText {
  const known = read.get(task) ?? new TaskText(task.text)
  read.set(task, known)
  return known
}

/**
 * The text that a person wrote for one assignment. Reading it takes a few ms at most, and asking it a few µs, except
 * for a text that repeats itself again and again, where each place is looked at.
 */
export class TaskText {
  readonly #text: string
  #words: ReadonlySet<string> | undefined
  #begins: ReadonlyMap<string, readonly number[]> | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** Tells whether the text has this word, as `wordsOf` writes them. */
  says(word: string): boolean {
    this.#words ??= new Set(wordsOf(this.#text))
    return this.#words.has(word)
  }

  /**
   * Tells whether the text names this value: its whole, exact characters, with nothing before or after it that could be
   * a part of a longer name. Text of less than three characters occurs by chance, and counts only in quotes.
   */
  names(value: string): boolean {
    if (value === '' || value.trim() !== value) return false
    this.#begins ??= beginsOf(this.#text)
    return this.#begins.get(headOf(value))?.some((at) => this.#standsAlone(value, at)) ?? false
  }

  #standsAlone(value: string, at: number): boolean {
    if (!this.#text.startsWith(value, at)) return false
    const end = at + value.length
    const quoted = QUOTES.test(this.#text.charAt(at - 1)) && CLOSING_QUOTES.test(this.#text.charAt(end))
    ENDS.lastIndex = end
    return quoted || (value.length >= 3 && ENDS.test(this.#text))
  }
}

function wordsOf(text: string): readonly string[] {
  return (
    text
      .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu) ?? []
  )
}

/**
 * Returns the places at which a name may begin, by the name's head. A character that may stand before or after a name
 * ends a head, so that a value and the text at its place have the same head, wherever in the text the value ends.
 */
function beginsOf(text: string): ReadonlyMap<string, readonly number[]> {
  const begins = new Map<string, number[]>()
  for (let at = 0; at < text.length; at++) {
    const head = headOf(text, at)
    if (at === 0 || STARTS.test(text.charAt(at - 1))) {
      const places = begins.get(head)
      if (places === undefined) begins.set(head, [at])
      else places.push(at)
    }
    at += head.length
  }
  return begins
}

/**
 * Returns the head of a name: the characters from a place to the next mark or space, none where one stands right there.
 */
function headOf(text: string, at = 0): string {
  HEAD.lastIndex = at
  return HEAD.exec(text)?.[0] ?? ''
}

/** Matches up to a character that `STARTS`, `CLOSING_QUOTES` or `ENDS` may begin with. */
const HEAD = /[^\s"'`“‘«([{<,;”’»)\]}>.:!?]*/y

const QUOTES = /["'`“‘«]/
const CLOSING_QUOTES = /["'`”’»]/
/** Characters that may stand right before a name, where the name is not at the beginning: a space, an opening mark. */
const STARTS = /[\s"'`“‘«([{<,;]/
/** Characters that may stand right after a name: none, a space, a closing mark, or the punctuation of a sentence. */
const ENDS = /(?:$|[\s"'`”’»)\]}>,;]|['’]s(?![\p{L}\p{N}])|[.:!?]+(?:$|[\s"'`”’»)\]}>]))/uy

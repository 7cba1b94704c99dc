import type { PersonName } from '../model/ids.ts'

/** An assignment that the owner gave. Its words are trusted: what they name may be a destination. */
export interface Task {
  readonly text: string
  readonly givenBy: PersonName
  /** `upstream/tool`, when the owner accepted only these. Otherwise the grants stand as they are. */
  readonly tools?: ReadonlySet<string>
}

/**
 * Whether the owner asked for this tool: it was accepted for the task, or every word of its name stands in the task's own
 * words ("delete the largest file" and `delete_file`). What it is done to has to be named as ever.
 */
export function asksFor({ text, tools }: Task, id: string): boolean {
  if (tools !== undefined) return tools.has(id)
  const words = wordsOf(id.slice(id.indexOf('/') + 1))
  if (words.length === 0) return false
  const said = new Set(wordsOf(text))
  return words.every((word) => said.has(word))
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
 * Whether a text names this value: its whole, exact characters, with nothing before or after it that could be a part of
 * a longer name. Text of less than three characters occurs by chance, and counts only in quotes.
 */
export function names(text: string, value: string): boolean {
  if (value === '' || value.trim() !== value) return false
  for (let at = text.indexOf(value); at !== -1; at = text.indexOf(value, at + 1)) {
    const before = text.slice(Math.max(0, at - 2), at)
    const after = text.slice(at + value.length, at + value.length + 3)
    const quoted = QUOTE_BEFORE.test(before) && QUOTE_AFTER.test(after)
    if (quoted || (value.length >= 3 && STARTS.test(before) && ENDS.test(after))) return true
  }
  return false
}

const QUOTE_BEFORE = /["'`“‘«]$/
const QUOTE_AFTER = /^["'`”’»]/
/** What may stand right before a name: nothing, a space, an opening mark. */
const STARTS = /(?:^|[\s"'`“‘«([{<,;])$/
/** What may stand right after it: nothing, a space, a closing mark, or the punctuation of a sentence. */
const ENDS = /^(?:$|[\s"'`”’»)\]}>,;]|['’]s(?![\p{L}\p{N}])|[.:!?]+(?:$|[\s"'`”’»)\]}>]))/u

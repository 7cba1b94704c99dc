import type { PersonName } from '../model/ids.ts'

/** An assignment that the owner gave. Its words are trusted: what they name may be a destination. */
export interface Task {
  readonly text: string
  readonly givenBy: PersonName
  /** `upstream/tool`, when the owner accepted only these. Otherwise the grants stand as they are. */
  readonly tools?: ReadonlySet<string>
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

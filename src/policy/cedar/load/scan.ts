import { no, ok, type Result } from '../../../model/result.ts'
import type { Source } from '../../../model/source.ts'

/** One policy as it stands in its file. */
export interface PolicyText {
  readonly text: string
  readonly source: Source
  /** UTF-16 offset of `text` in the file. */
  readonly start: number
}

/** Open brackets of one policy. Cedar's parser overflows its stack near 160 and is then dead for good. */
export const BRACKETS_MAX = 32

/**
 * Cuts Cedar text into its policies: a `;` outside strings and comments ends one. Cedar's own split gives no positions;
 * the caller checks that it found the same texts. Trailing text without `;` is a last slice, so that Cedar can name the fault.
 */
export function scanPolicies(
  file: string,
  text: string,
): Result<readonly PolicyText[], { at: number; problem: string }> {
  const slices: PolicyText[] = []
  let start = -1
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (/\s/.test(character)) continue
    if (text.startsWith('//', at)) {
      at = endOfLine(text, at)
      continue
    }
    if (start < 0) start = at
    if (character === '"') at = endOfString(text, at)
    else if ('([{'.includes(character)) depth++
    else if (')]}'.includes(character)) depth--
    if (depth > BRACKETS_MAX) return no({ at, problem: `more than ${BRACKETS_MAX} open brackets` })
    if (depth < 0) return no({ at, problem: `"${character}" closes nothing` })
    if (character !== ';') continue
    slices.push({ text: text.slice(start, at + 1), start, source: sourceAt(file, text, start) })
    start = -1
    depth = 0
  }
  if (start >= 0) slices.push({ text: text.slice(start).trimEnd(), start, source: sourceAt(file, text, start) })
  return ok(slices)
}

/** Returns line and column (in characters) of a UTF-16 offset. */
export function sourceAt(file: string, text: string, offset: number): Source {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { file, line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 }
}

/** Turns an offset in UTF-8 bytes, as Cedar counts them, into a UTF-16 offset. */
export function utf16Offset(text: string, utf8Offset: number): number {
  return Buffer.from(text, 'utf8').subarray(0, utf8Offset).toString('utf8').length
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

/** Returns the place of a text's closing quote, or of the last character where there is none. */
function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end++) {
    if (text.charAt(end) === '\\') end++
    else if (text.charAt(end) === '"') return end
  }
  return text.length
}

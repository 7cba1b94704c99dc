/** Docstrings of a source file, found by a regular expression: fast enough for each run of `tidy`. */

/**
 * Returns the text of each docstring, on one line, without its stars. A `/**` inside a glob or a regular expression has
 * no space behind it, and is none.
 */
export function docstringsIn(source: string): readonly string[] {
  return [...source.matchAll(/\/\*\*(?=\s)(.*?)\*\//gs)]
    .map(([, inner = '']) => inner.replaceAll(/\s*\n\s*\* ?/g, ' ').trim())
    .filter((text) => text !== '')
}

/** Tells whether a docstring opens with a pronoun or a question word, so that a reader has to know its subject already. */
export function opensUnnamed(docstring: string): boolean {
  return /^(?:What|Whatever|Whether|Who|Whoever|Whom|Whose|Where|Wherever|When|Whenever|Why|Which|How|Of|By|As|It|Its|They|Their|Them|Those|These|That|This|There|Nothing|Nobody|None)\b/.test(
    docstring,
  )
}

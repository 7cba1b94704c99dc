/** At most this many characters of a text, never half of one: what is cut stays well-formed. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text.toWellFormed()
  const splitsPair = (text.charCodeAt(characters - 1) & 0xfc00) === 0xd800
  return text.slice(0, splitsPair ? characters - 1 : characters).toWellFormed()
}

/** What would move a terminal's cursor, end our line, hide text or turn its direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu

/** Text of others with each character of it to be seen: what does not show, or moves what does, stands as its escape. */
export function visibleText(text: string): string {
  return text.replaceAll(UNSEEN, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}

/** The same as JSON, which escapes less by itself. */
export function visibleJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSEEN, (character) =>
    [...Array(character.length).keys()]
      .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
      .join(''),
  )
}

/** What would move a terminal's cursor, end our line, hide text or turn its direction. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu

/**
 * Entries, file names and messages hold what cells and upstreams wrote, and a terminal will show it: nothing may move its
 * cursor or hide, and nothing begins a line of its own.
 */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, (c) => `\\u{${codeOf(c)}}`)
}

/** The same as JSON, which escapes less by itself than a terminal understands. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSEEN, (c) =>
    [...Array(c.length).keys()].map((i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, '0')}`).join(''),
  )
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16)
}

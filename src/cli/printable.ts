import process from 'node:process'

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

/** Behind its name, in as many lines as a person's terminal needs; one line where none looks on. */
export function wrapped(name: string, text: string, columns: number | undefined = columnsOf()): readonly string[] {
  const room = Math.max(40, (columns ?? Number.POSITIVE_INFINITY) - name.length - 1)
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last === undefined || last.length + 1 + word.length > room) lines.push(word)
    else lines[lines.length - 1] = `${last} ${word}`
  }
  return lines.map((line, i) => `${i === 0 ? name : ' '.repeat(name.length)}${line}`)
}

function columnsOf(): number | undefined {
  return process.stdout.isTTY ? process.stdout.columns : undefined
}

function codeOf(character: string): string {
  return (character.codePointAt(0) ?? 0).toString(16)
}

import process from 'node:process'
import { visibleJson, visibleText } from '../../model/index.ts'

export { named, plain } from '../../model/text/text.ts'

/**
 * Entries, file names and messages hold what cells and upstreams wrote, and a terminal will show it: nothing may move its
 * cursor or hide, and nothing begins a line of its own.
 */
export const printable: (text: string) => string = visibleText

/**
 * Returns a line in as many as a person's terminal needs, all but the first set in: what others make long begins none as
 * ours begin. A character that may be two columns wide counts as two.
 */
export function folded(line: string, columns: number | undefined = columnsOf()): readonly string[] {
  const room = Math.max(40, (columns ?? Number.POSITIVE_INFINITY) - BEFORE_MAX)
  const lines: string[] = []
  let [text, width] = ['', 0]
  for (const character of line) {
    const own = character <= '~' ? 1 : 2
    if (width + own > room) {
      lines.push(text)
      text = FURTHER
      width = FURTHER.length
    }
    text += character
    width += own
  }
  return [...lines, text]
}

const FURTHER = '      '
/** Characters that stand before a line of a message. */
const BEFORE_MAX = 8

/** The same as JSON. */
export const printableJson: (value: unknown) => string = visibleJson

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

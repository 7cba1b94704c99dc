import { named, plain } from './printable.ts'

/** Text of a line for a person, in which nothing that others chose can be taken for more than it is. */
export interface SafeText {
  readonly text: string
}

/**
 * Puts a line together: the template is ours, with its columns; every text that is put into it is a name that others may
 * have chosen, and stands in quotes where it could be more (`named`). What is a sentence is put in by `sentence`.
 */
export function safeLine(ours: TemplateStringsArray, ...values: readonly (SafeText | string | number)[]): SafeText {
  return { text: ours.map((text, i) => `${text}${i < values.length ? textOf(values[i]) : ''}`).join('') }
}

/** Returns a sentence that others may have written: no run of spaces in it makes a column, or a line, of its own. */
export function sentence(text: string): SafeText {
  return { text: plain(asText(text), 1) }
}

/** Returns what is put in, in a column of at least so many characters. */
export function column(value: SafeText | string, width: number): SafeText {
  return { text: textOf(value).padEnd(width) }
}

export function joined(all: readonly (SafeText | string)[], between = ', '): SafeText {
  return { text: all.map(textOf).join(between) }
}

/** The empty text of a part that a line does not have. */
export const NONE: SafeText = { text: '' }

function textOf(value: SafeText | string | number | undefined): string {
  if (typeof value === 'number') return `${value}`
  return typeof value === 'object' && 'text' in value ? value.text : named(asText(value))
}

/** Returns a value as text: an entry that somebody forged may hold anything where a text belongs. */
function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

import { cutText, RUNGS } from '../../model/index.ts'

/**
 * A sentence of a page. What stands in it plainly is ours; what cells, upstreams and people wrote is `said`, and a renderer
 * shows it as nothing but text.
 */
export type Wording = readonly WordingPart[]
export type WordingPart = string | { readonly said: string }

type Value = Wording | number | string | undefined

/** More of it tells a reader nothing: the ledger has the whole. */
const SAID_MAX = 400

/** The template is ours, and so are numbers and other wordings in it; every text that is put into it is somebody's. */
export function w(ours: TemplateStringsArray, ...values: readonly Value[]): Wording {
  return ours.flatMap((text, i): Wording => [...(text === '' ? [] : [text]), ...wording(values[i])])
}

function wording(value: Value): Wording {
  if (value === undefined) return []
  if (typeof value === 'number') return [`${value}`]
  return typeof value === 'object' && Array.isArray(value) ? value : [said(value)]
}

/** An entry that somebody forged may hold anything where a text belongs. */
export function said(value: unknown): WordingPart {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  if (ID.test(text)) return text
  return { said: text.length <= SAID_MAX ? text : `${cutText(text, SAID_MAX)}…` }
}

/** Ids and digests: by their shape they can say nothing but what they are. */
const ID = /^(?:[acdko]_[0-9a-z]{16,20}|[0-9a-f]{64})$/

export function rungText(rung: string): Wording {
  return RUNGS.some((each) => each === rung) ? [rung] : [said(rung)]
}

/** Our own words that are not known before. */
export function ours(text: string): Wording {
  return [text]
}

export function joined(parts: readonly Wording[], between = ', '): Wording {
  return parts.flatMap((part, i) => (i === 0 ? part : [between, ...part]))
}

/** `1 action`, `12 actions`. */
export function counted(count: number, one: string, more = `${one}s`): Wording {
  return [`${count.toLocaleString('en')} ${count === 1 ? one : more}`]
}

/** UTC, to the second. */
export function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(11, 19)
}

export function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 10)
}

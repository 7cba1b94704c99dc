import type { Tone } from './incident.ts'
import type { Wording } from './wording.ts'

/** An incident in the order in which it is read. Renderers know how blocks look, and nothing of incidents. */
export interface Page {
  /** The document's name. */
  readonly title: Wording
  /** Problems of the record itself, shown before everything else. */
  readonly warnings: readonly Wording[]
  readonly headline: { readonly good: boolean; readonly lines: readonly Wording[] }
  readonly sections: readonly Section[]
}

export interface Section {
  readonly title: string
  readonly blocks: readonly Block[]
}

export type Block =
  | { readonly kind: 'text'; readonly text: Wording; readonly tone?: Tone }
  | { readonly kind: 'facts'; readonly facts: readonly (readonly [string, Wording])[] }
  | { readonly kind: 'list'; readonly items: readonly Wording[] }
  | { readonly kind: 'table'; readonly columns: readonly string[]; readonly rows: readonly Row[] }
  /** Lines that are shown as they are; `language` is for who colours them. */
  | { readonly kind: 'lines'; readonly lines: readonly string[]; readonly language: 'text' | 'diff' | 'sh' }

export interface Row {
  readonly cells: readonly Wording[]
  readonly tone: Tone
}

/** A stretch of a text that becomes another. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** One wrong edit of one file. */
export interface Mutant extends Edit {
  /** From the root of the repository. */
  readonly file: string
  /** Counted from 1; of the stretch's first character. */
  readonly line: number
  /** The line as it stands, without the space around it. */
  readonly lineText: string
  /** Where what holds the stretch begins: if that is never run, nobody can notice. */
  readonly runsAt: number
  /** `from → to`, with white space folded. */
  readonly what: string
  /** Among those of the same line text and the same `what`, in the order of the file, counted from 1. */
  readonly occurrence: number
}

export function mutate(text: string, { start, end, replacement }: Edit): string {
  return `${text.slice(0, start)}${replacement}${text.slice(end)}`
}

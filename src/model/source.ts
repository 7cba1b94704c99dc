/** The place where a rule is written, so that a refusal can point at it. Lines and columns start at 1. */
export interface Source {
  /** File name as the person gave it, relative to the configuration. */
  readonly file: string
  readonly line: number
  readonly column: number
}

export function sourceText(source: Source): string {
  return `${source.file}:${source.line}`
}

/** A fault in what a person wrote. It stops the start. */
export interface Problem {
  readonly source: Source
  readonly message: string
  /** The values that would have been accepted. */
  readonly expected?: string
}

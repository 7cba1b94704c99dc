/** survivors.json: mutants that no test can or need notice, and why. By their text, so that lines may move. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Mutant } from './mutant.ts'

export interface Explanation {
  readonly file: string
  /** The source line, without the space around it. */
  readonly line: string
  /** `from → to`. */
  readonly what: string
  /** Where the line holds `what` several times, or the file the line: which, counted from 1. All of them otherwise. */
  readonly occurrence?: number
  readonly why: string
}

export const explanations = JSON.parse(
  readFileSync(join(import.meta.dirname, 'survivors.json'), 'utf8'),
) as readonly Explanation[]

export function explanationOf(mutant: Mutant): Explanation | undefined {
  return explanations.find(
    ({ file, line, what, occurrence = mutant.occurrence }) =>
      file === mutant.file && line === mutant.lineText && what === mutant.what && occurrence === mutant.occurrence,
  )
}

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileSpec, TextSpec } from '../../spec.ts'

/** Writes files of one cell's own into `directory`, readable by every uid, and returns where each is to be shown. */
export function writeTexts(texts: readonly TextSpec[], directory: string): readonly FileSpec[] {
  if (texts.length > 0) mkdirSync(directory, { mode: 0o755 })
  return texts.map(({ text, to }, i) => {
    const from = join(directory, `${i}`)
    writeFileSync(from, text, { mode: 0o644 })
    return { from, to }
  })
}

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FileSpec } from '../../spec.ts'
import { writeTexts } from '../launch/text-files.ts'

/**
 * Files of one cell's own that nobody should open, to be shown at these places. Each looks like what its name promises,
 * and opens nothing anywhere.
 */
export function plantDecoys(paths: readonly string[], directory: string): readonly FileSpec[] {
  const text = () =>
    `[default]\nkey_id = ${randomBytes(10).toString('hex')}\nsecret = ${randomBytes(20).toString('hex')}\n`
  return writeTexts(
    paths.map((to) => ({ to, text: text() })),
    join(directory, 'decoys'),
  )
}

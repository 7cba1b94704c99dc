import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FileSpec } from '../spec.ts'

/**
 * Files of one cell's own that nobody should open, to be shown at these places. Each looks like what its name promises,
 * and opens nothing anywhere.
 */
export function plantDecoys(paths: readonly string[], directory: string): readonly FileSpec[] {
  if (paths.length === 0) return []
  const planted = join(directory, 'decoys')
  mkdirSync(planted, { mode: 0o755 })
  return paths.map((to, i) => {
    const from = join(planted, `${i}`)
    writeFileSync(
      from,
      `[default]\nkey_id = ${randomBytes(10).toString('hex')}\nsecret = ${randomBytes(20).toString('hex')}\n`,
      {
        mode: 0o644,
      },
    )
    return { from, to }
  })
}

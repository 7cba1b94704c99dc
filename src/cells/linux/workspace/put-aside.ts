/** What was thrown away of a workspace: no cell is launched on it again, and it is removed as slowly as it is large. */
import { randomBytes } from 'node:crypto'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../../../model/host/host-paths.ts'
import { removeTrees } from '../../../model/host/remove-tree.ts'
import type { Result } from '../../../model/result.ts'

const ASIDE = /^discarded-[0-9a-f]{32}-/

/**
 * Takes these names of a workspace's directory away, as far as they are there, while nobody else has it. They stay in that
 * directory: a shut one could be moved to no other by who is not root.
 */
export function putAside(changes: string, ...names: readonly string[]): void {
  for (const name of names) {
    const aside = `discarded-${randomBytes(16).toString('hex')}-${name}`
    if (existsSync(join(changes, name))) renameSync(join(changes, name), join(changes, aside))
  }
}

/** Removes what was put aside, by whomever: several may do so at a time. */
export function removeAside(changes: string): Promise<Result<void, string>> {
  const aside = namesIn(changes).filter((name) => ASIDE.test(name))
  return removeTrees(aside.map((name) => join(changes, name)))
}

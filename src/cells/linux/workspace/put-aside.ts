/** The trees of a workspace that were thrown away: none is launched on again, and they are removed as slowly as they are large. */
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { namesIn } from '../../../model/host/host-paths.ts'
import type { Result } from '../../../model/result.ts'
import { removeTrees } from './remove-tree.ts'

const ASIDE = /^discarded-[0-9a-f]{32}-(?:upper|work)$/

/**
 * Takes the names of a workspace's trees away, while nobody else has it. They stay in their directory: a shut one could be
 * moved to no other by who is not root.
 */
export function putAside(changes: string, random: Uint8Array): void {
  for (const name of ['upper', 'work']) {
    const aside = `discarded-${Buffer.from(random).toString('hex')}-${name}`
    if (existsSync(join(changes, name))) renameSync(join(changes, name), join(changes, aside))
  }
}

/** Removes what was put aside, by whomever: several may do so at a time. */
export function removeAside(changes: string): Promise<Result<void, string>> {
  const aside = namesIn(changes).filter((name) => ASIDE.test(name))
  return removeTrees(aside.map((name) => join(changes, name)))
}

import { dirname, join } from 'node:path'
import { TURN_MS, turnsEvery } from '../../model/host/turns.ts'
import type { Change, Executes } from '../workspace.ts'
import { executesOnHost } from './executes.ts'

/**
 * Returns the changes that land only on a person's yes: by their names first. A cell chooses how many there are, and how
 * long their names, and an order may come meanwhile: others have turns between them.
 */
export async function needsYes(
  changes: readonly Change[],
  turns: () => Promise<void> | undefined = turnsEvery(TURN_MS),
): Promise<readonly Executes[]> {
  // Removing a hook runs nothing, but removing .git/config or a lock file changes what the host does next: listed too.
  const made = new Set(
    changes.flatMap(({ kind, type, path }) => (kind === 'added' && type === 'directory' ? path : [])),
  )
  const [byName, others]: [Executes[], Executes[]] = [[], []]
  for (const change of changes) {
    await turns()
    const [named] = executesOnHost([change.path], (path) => made.has(path))
    if (named !== undefined) byName.push(named)
    else others.push(...otherwise(change))
  }
  return [...byName, ...others]
}

function otherwise({ path, target, leadsOut, replacesDirectory, acts }: Change): readonly Executes[] {
  if (acts !== undefined) return [{ path, why: acts }]
  const [led] = target === undefined ? [] : executesOnHost([join(dirname(path), target)])
  if (led !== undefined) return [{ path, why: `a link to ${target}: ${led.why}` }]
  if (replacesDirectory) return [{ path, why: 'it takes the place of a directory, and of all that is in it' }]
  return leadsOut ? [{ path, why: `a link that can lead out of the workspace, to ${target}` }] : []
}

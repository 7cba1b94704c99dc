import { existsSync } from 'node:fs'
import { ok, type Result } from '../result.ts'
import { runApart } from './run-apart.ts'

/**
 * Removes files and directories that cells have written, of whatever size, in however many pieces and with whatever modes.
 * Processes of their own go through them (`runApart`).
 */
export async function removeTrees(paths: readonly string[]): Promise<Result<void, string>> {
  const there = paths.filter((path) => existsSync(path))
  if (there.length === 0) return ok(undefined)
  const removed = await runApart('rm', ['-rf', '--', ...there])
  if (removed.ok) return removed
  // Its own directories may be shut, and whoever is not root opens them first.
  await runApart('chmod', ['-R', 'u+rwx', '--', ...there])
  return runApart('rm', ['-rf', '--', ...there])
}

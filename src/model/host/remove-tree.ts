import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { no, ok, type Result } from '../result.ts'

/**
 * Removes files and directories that cells have written, of whatever size, in however many pieces and with whatever modes.
 * Processes of their own go through them: a cell chooses how long that takes, and orders are followed meanwhile.
 */
export async function removeTrees(paths: readonly string[]): Promise<Result<void, string>> {
  const there = paths.filter((path) => existsSync(path))
  if (there.length === 0) return ok(undefined)
  const removed = await ran('rm', ['-rf', '--', ...there])
  if (removed.ok) return removed
  // Its own directories may be shut, and whoever is not root opens them first.
  await ran('chmod', ['-R', 'u+rwx', '--', ...there])
  return ran('rm', ['-rf', '--', ...there])
}

/** Runs a program whose words nobody needs: of each file that it cannot remove it says a line. */
function ran(program: string, args: readonly string[]): Promise<Result<void, string>> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'ignore', env: { PATH: '/usr/bin:/bin' } })
    child.on('error', (error) => resolve(no(error.message)))
    child.on('exit', (code) => resolve(code === 0 ? ok(undefined) : no(`${program} ended with ${code}`)))
  })
}

import { spawn } from 'node:child_process'
import { no, ok, type Result } from '../result.ts'

/**
 * Runs a program of the host for what takes as long as a cell chooses, while orders are followed here. Nobody needs its
 * words: the error says how it ended, or why it could not be started.
 */
export function runApart(program: string, args: readonly string[]): Promise<Result<void, string>> {
  return new Promise((resolve) => {
    try {
      const child = spawn(program, args, { stdio: 'ignore', env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
      child.on('error', (error) => resolve(no(error.message)))
      child.on('exit', (code, signal) =>
        resolve(code === 0 ? ok(undefined) : no(`${program} ended with ${code ?? signal}`)),
      )
    } catch (error) {
      resolve(no(error instanceof Error ? error.message : String(error)))
    }
  })
}

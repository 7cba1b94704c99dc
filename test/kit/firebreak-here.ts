import { runCommandLine } from '../../src/cli/command-line.ts'
import type { Ran } from './command-line.ts'

/** Runs a command in this process, as `bin/firebreak` would in one of its own, for what only reads and prints. */
export async function firebreakHere(args: readonly string[]): Promise<Ran> {
  let [stdout, stderr] = ['', '']
  const code = await runCommandLine(args, {
    line: (text) => {
      stdout += `${text}\n`
    },
    error: (text) => {
      stderr += text
    },
  })
  return { code, stdout, stderr }
}

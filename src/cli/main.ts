import process from 'node:process'
import { runCommandLine } from './command-line.ts'

/** Commands that do nothing but tell: where nobody reads on, as with `firebreak logs | head`, there is nothing left to do. */
const TELLING: ReadonlySet<string | undefined> = new Set(['logs', 'ledger', 'why', 'reach', 'incident', 'diff'])

const args = process.argv.slice(2)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (TELLING.has(args[0])) process.exit(error.code === 'EPIPE' ? 0 : 1)
  // Whatever else was asked for goes on to its end, and its exit code says how that was.
})
process.stderr.on('error', () => undefined)
process.exitCode = await runCommandLine(args, {
  line: (text) => console.log(text),
  error: (text) => process.stderr.write(text),
})

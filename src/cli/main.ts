import process from 'node:process'
import { runCommandLine } from './command-line.ts'

/** Says to `bin/begin.js` that this program was there. */
export const begun = true

const args = process.argv.slice(2)
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Only what goes on for as long as somebody reads ends here, as with `firebreak logs | head`. Whatever else was asked for
  // goes on to its end, and its exit code says how that was.
  const [command, word] = args
  if (command === 'logs' || (command === 'ledger' && word === 'export')) process.exit(error.code === 'EPIPE' ? 0 : 1)
})
process.stderr.on('error', () => undefined)
process.exitCode = await runCommandLine(args, {
  line: (text) => console.log(text),
  error: (text) => process.stderr.write(text),
})

import process from 'node:process'
import { runCommandLine } from './command-line.ts'

// Whoever reads our output may stop reading: `firebreak logs | head`.
process.stdout.on('error', () => process.exit(0))
process.exitCode = await runCommandLine(process.argv.slice(2), {
  line: (text) => console.log(text),
  error: (text) => process.stderr.write(text),
})

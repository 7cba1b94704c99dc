/**
 * npm run test:suites [-- WORD…]: all attacks on the way out of a cell to the web, suites of others included where they are
 * here (`test/kit/suites.ts`), or those of kinds whose name has a word. Prints a table of kind, cases, and what was reached.
 */
import process from 'node:process'
import { attackTable, CANNOT, webAttacks } from './run.ts'

if (CANNOT !== false) {
  process.stderr.write(`skipped: ${CANNOT}\n`)
  process.exit(0)
}
const attacks = await webAttacks(process.argv.slice(2), (line) => process.stderr.write(`${line}\n`))
process.stdout.write(`| kind | cases | reached | what stops it |\n| --- | --- | --- | --- |\n${attackTable(attacks)}\n`)
for (const { name, reached } of attacks.kinds)
  for (const each of reached) process.stdout.write(`reached: ${name}: ${each}\n`)
process.exitCode = attacks.reached > 0 || attacks.control.reached.length !== 2 ? 1 : 0

/**
 * npm run test:suites [-- WORD…]: all attacks on the way out of a cell to the web, suites of others included where they are
 * here (`test/kit/suites.ts`) and h2spec, or attacks of kinds whose name has a word. Prints a table of kind, cases, and what
 * was reached.
 */
import process from 'node:process'
import { runH2spec } from './h2spec.ts'
import { attackTable, CANNOT, webAttacks } from './run.ts'

if (CANNOT !== false) {
  process.stderr.write(`skipped: ${CANNOT}\n`)
  process.exit(0)
}
const attacks = await webAttacks(process.argv.slice(2), (line) => process.stderr.write(`${line}\n`))
process.stdout.write(`| kind | cases | reached | what stops it |\n| --- | --- | --- | --- |\n${attackTable(attacks)}\n`)
for (const { name, reached } of attacks.kinds)
  for (const each of reached) process.stdout.write(`reached: ${name}: ${each}\n`)
const h2spec = process.argv.length > 2 ? 'not asked for' : await runH2spec()
if (typeof h2spec === 'string') process.stdout.write(`h2spec: skipped: ${h2spec}\n`)
else {
  const { cases, door, bare, lost } = h2spec
  process.stdout.write(`h2spec: of ${cases} cases the door passes ${door}, node:http2 alone ${bare}\n`)
  for (const name of lost) process.stdout.write(`lost against node:http2: ${name}\n`)
}
const lost = typeof h2spec === 'string' ? 0 : h2spec.lost.length
process.exitCode = lost > 0 || attacks.reached > 0 || attacks.control.reached.length !== 2 ? 1 : 0
process.exit()

/**
 * npm run -s bench -- <name> [--json] [--seconds <n>]
 *
 * Each bench is one file that exports `bench`, and `help` where it takes more options. Progress goes to standard error; with --json the last line of standard
 * output is one JSON object, without it a person reads the same figures.
 */
import { readdirSync } from 'node:fs'
import process from 'node:process'
import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** How long the whole bench may take. */
  readonly seconds: number
  readonly say: (progress: string) => void
  /** Everything after the name that is not ours. */
  readonly args: readonly string[]
}

/** Returns the figures; `bench` holds its name. */
export type Bench = (options: BenchOptions) => Promise<{ readonly bench: string } & Record<string, unknown>>

const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { json: { type: 'boolean' }, seconds: { type: 'string', default: '45' }, help: { type: 'boolean' } },
})
const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => file.slice(0, -'.bench.ts'.length))
const [name] = positionals

const usage = `usage: npm run -s bench -- <${names.join('|')}> [--json] [--seconds 45]\n`
if (name === undefined || !names.includes(name)) {
  process.stderr.write(usage)
  process.exit(values.help ? 0 : 2)
}
const { bench, help = usage } = (await import(`./${name}.bench.ts`)) as { bench: Bench; help?: string }
if (values.help) {
  process.stderr.write(help)
  process.exit(0)
}
const figures = await bench({
  seconds: Number(values.seconds),
  say: (progress) => process.stderr.write(`${name}: ${progress}\n`),
  args: process.argv.slice(3),
})
console.log(values.json ? JSON.stringify(figures) : JSON.stringify(figures, null, 2))
// What a bench borrows from the tests has its own last words, and no part in this.
process.exit(0)

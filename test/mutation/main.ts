/**
 * npm run -s mutation -- [--file <part of a name>] [--sample <n>] [--seed <n>] [--jobs 2] [--survivors] [--json <file>]
 *
 * Mutation tests of the decision core: each small wrong edit of it must be noticed by a test. Takes an hour or more on two
 * cores; --file, --sample and --survivors (only what survivors.json explains) take less. Progress goes to standard
 * error; the survivors and one JSON line with the figures to standard output. Exits 1 below 95 %, or with a survivor
 * that nobody explained.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { Random } from '../policy/differential/random.ts'
import { campaign } from './campaign.ts'
import { CORE, mutantsOfAll } from './core.ts'
import { explanationOf, explanations } from './explained.ts'
import type { Mutant } from './mutant.ts'
import { Laboratory } from './trial.ts'

const SCORE_MIN = 0.95

const { values } = parseArgs({
  options: {
    file: { type: 'string', multiple: true },
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    survivors: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
})
const seed = Number(values.seed)
const files = CORE.filter((file) => values.file?.some((part) => file.includes(part)) ?? true)
if (files.length === 0) {
  process.stderr.write(`mutation: no file of the decision core is called so; there are\n  ${CORE.join('\n  ')}\n`)
  process.exit(2)
}
const all = mutantsOfAll(files)
const wanted = values.survivors ? all.filter((mutant) => explanationOf(mutant) !== undefined) : all
const mutants = values.sample === undefined ? wanted : sampled(wanted, Number(values.sample), new Random(seed))

const directory = mkdtempSync(join(tmpdir(), 'firebreak-mutation-'))
process.on('SIGINT', () => process.exit(130))
process.on('exit', () => rmSync(directory, { recursive: true, force: true }))

const say = (progress: string) => process.stderr.write(`mutation: ${progress}\n`)
say(`${mutants.length} mutants of ${files.length} files, seed ${seed}`)
const laboratory = new Laboratory(directory, seed)
await laboratory.askCedar()
const findings = await campaign(mutants, laboratory, Number(values.jobs), say)

const survivors = findings.filter(({ killedBy }) => killedBy === undefined).map(({ mutant }) => mutant)
const unexplained = survivors.filter((mutant) => explanationOf(mutant) === undefined)
for (const mutant of survivors) console.log(`${told(mutant)}\n    ${explanationOf(mutant)?.why ?? 'NOT EXPLAINED'}`)
const killed = new Set(findings.filter(({ killedBy }) => killedBy !== undefined).map(({ mutant }) => mutant))
const needless = explanations.filter((each) =>
  mutants.some((mutant) => explanationOf(mutant) === each && killed.has(mutant)),
)
for (const { file, line, what } of needless)
  console.log(`explained, and noticed by a test all the same: ${file}: ${what} in ${line}`)
if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(findings, undefined, 1))

const score = killed.size / Math.max(1, mutants.length)
console.log(
  JSON.stringify({
    bench: 'mutation',
    mutants: mutants.length,
    killed: killed.size,
    endless: findings.filter(({ endless }) => endless).length,
    survived: survivors.length,
    equivalent: survivors.length - unexplained.length,
    score: Math.floor(score * 10_000) / 10_000,
    seed,
  }),
)
process.exitCode = score >= SCORE_MIN && unexplained.length === 0 ? 0 : 1

function told({ file, line, what, lineText }: Mutant): string {
  return `${file}:${line}  ${what}\n    in  ${lineText}`
}

function sampled(all: readonly Mutant[], count: number, random: Random): readonly Mutant[] {
  const left = [...all]
  const chosen = new Set<Mutant | undefined>()
  while (chosen.size < Math.min(count, all.length)) chosen.add(left.splice(random.below(left.length), 1)[0])
  return all.filter((mutant) => chosen.has(mutant))
}

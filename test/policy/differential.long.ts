/**
 * node test/policy/differential.long.ts [pairs = 1000000] [seed]
 *
 * The differential test at length. Exits 1 at the first disagreement with Cedar, with the seed that finds it again.
 */
import process from 'node:process'
import { compareWithCedar } from './differential/run.ts'

const [pairs = '1000000', seed = String(Date.now() % 2 ** 32)] = process.argv.slice(2)
const report = await compareWithCedar({
  seed: Number(seed),
  pairs: Number(pairs),
  valuesPerPair: 0.2,
  say: ({ pairs, values }) => process.stderr.write(`\rseed ${seed}: ${pairs} pairs, ${values} values `),
})
process.stderr.write('\n')
const { outcomes, ...figures } = report
const oneSided = [...outcomes].filter(([, { yes, no }]) => yes === 0 || no === 0).map(([operator]) => operator)
console.log(JSON.stringify({ ...figures, oneSided }))
const convincing =
  report.allows >= 0.3 * report.pairs && report.pairsWithFaults >= 0.1 * report.pairs && oneSided.length === 0
process.exitCode = report.disagreements.length === 0 && convincing ? 0 : 1

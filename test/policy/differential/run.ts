import { makeChunk } from './chunk.ts'
import { OPERATORS, ROOTS } from './expressions.ts'
import { Oracle } from './oracle.ts'
import { Random } from './random.ts'

/** What was compared with Cedar, and how much it says. */
export interface Report {
  readonly seed: number
  /** Policy set and request. */
  pairs: number
  allows: number
  /** Pairs in which at least one policy could not be evaluated. */
  pairsWithFaults: number
  /** Expressions whose very values were compared, mutated literals among them. */
  values: number
  /** How often each operator had each of its two outcomes. */
  readonly outcomes: ReadonlyMap<string, OperatorOutcomes>
  /** The first few, with everything to run them again. */
  readonly disagreements: string[]
}

/** True and false; of an operator that is no question, a value and a fault. */
export interface OperatorOutcomes {
  yes: number
  no: number
}

const SETS_PER_CHUNK = 50
const REQUESTS_PER_SET = 50
const PAIRS_PER_INSTANCE = 50_000
const DISAGREEMENTS_MAX = 5

/** Compares until `pairs` are done, or there is nothing left to prove. `valuesPerPair` adds values of expressions. */
export async function compareWithCedar(options: {
  readonly seed: number
  readonly pairs: number
  readonly valuesPerPair: number
  readonly say?: (report: Report) => void
}): Promise<Report> {
  const random = new Random(options.seed)
  const outcomes = new Map(OPERATORS.map((name) => [name, { yes: 0, no: 0 }]))
  const report: Report = {
    seed: options.seed,
    pairs: 0,
    allows: 0,
    pairsWithFaults: 0,
    values: 0,
    outcomes,
    disagreements: [],
  }
  await using oracle = new Oracle()
  while (report.pairs < options.pairs && report.disagreements.length < DISAGREEMENTS_MAX) {
    const expressions = Math.ceil((SETS_PER_CHUNK * REQUESTS_PER_SET * options.valuesPerPair) / 3)
    const size = { sets: SETS_PER_CHUNK, requestsPerSet: REQUESTS_PER_SET, expressions }
    const { sets, values, disagreements } = await makeChunk(random, oracle, size)
    for (const answer of sets.flatMap(({ answers }) => answers)) {
      report.pairs++
      if (answer.verdict === 'allow') report.allows++
      if (Object.keys(answer.faults).length > 0) report.pairsWithFaults++
    }
    for (const { operator, expected } of values) count(outcomes.get(operator), operator, expected)
    report.values += values.length
    report.disagreements.push(...disagreements.slice(0, DISAGREEMENTS_MAX))
    options.say?.(report)
    // An instance leaks when it throws, which no case here should make it do; and a fresh one is slow for seconds.
    if (report.pairs % PAIRS_PER_INSTANCE === 0) await oracle.restart()
  }
  return report
}

function count(outcomes: OperatorOutcomes | undefined, operator: string, expected: string): void {
  if (!outcomes) return
  const isQuestion = ROOTS[operator]?.[0] === 'bool'
  if (isQuestion ? expected === 't' : !expected.startsWith('!')) outcomes.yes++
  else if (!isQuestion || expected === 'f') outcomes.no++
}

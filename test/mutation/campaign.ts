/** Every mutant against the tests that load its file, first of all the one that finds most in least time. */
import { testsOf } from './core.ts'
import type { Mutant } from './mutant.ts'
import type { RunCode } from './run-code.ts'
import { type Laboratory, OBSERVED_SECONDS_MAX } from './trial.ts'

export interface Finding {
  readonly mutant: Mutant
  /** The test that noticed it; absent of a survivor. */
  readonly killedBy?: string
  /** Noticed by going on for ever. */
  readonly endless?: boolean
}

/** A test that takes so many times what it took without a mutant goes on for ever: seconds of the processor. */
const SLOWER_MAX = 4
const LIMIT_SECONDS_MIN = 4

/** Throws where a test fails without any mutant: then it would notice everything. */
export async function campaign(
  mutants: readonly Mutant[],
  laboratory: Laboratory,
  jobs: number,
  say: (progress: string) => void,
): Promise<readonly Finding[]> {
  const baseline = await withoutMutants(mutants, laboratory, jobs, say)
  const records = new Map<string, TestRecord>()
  const findings: Finding[] = []
  await each(jobs, mutants, async (mutant) => {
    const finding = await hunt(mutant, laboratory, baseline, records)
    findings.push(finding)
    const { file, line, what } = mutant
    if (finding.killedBy === undefined) say(`survives: ${file}:${line} ${what}`)
    if (findings.length % 20 === 0) say(`${findings.length} of ${mutants.length}`)
  })
  return findings.toSorted((a, b) => mutants.indexOf(a.mutant) - mutants.indexOf(b.mutant))
}

/** By test file. */
type Baseline = ReadonlyMap<string, Observed>

interface Observed {
  readonly limitSeconds: number
  readonly ms: number
  readonly runs: RunCode
}

async function withoutMutants(
  mutants: readonly Mutant[],
  laboratory: Laboratory,
  jobs: number,
  say: (progress: string) => void,
): Promise<Baseline> {
  const tests = [...new Set(mutants.flatMap(({ file }) => testsOf(file)))]
  const baseline = new Map<string, Observed>()
  await each(jobs, tests, async (test) => {
    const runs = await laboratory.observe(test)
    const { outcome, ms } = await laboratory.try(test, OBSERVED_SECONDS_MAX)
    if (runs === undefined || outcome !== 'passed') throw new Error(`${test} fails without a mutant: mend it first`)
    const limitSeconds = Math.max(LIMIT_SECONDS_MIN, Math.ceil((SLOWER_MAX * ms) / 1_000))
    baseline.set(test, { limitSeconds, ms, runs })
    say(`without a mutant ${test} passes in ${Math.round(ms)} ms`)
  })
  return baseline
}

/** Of one test on the mutants of one file. */
interface TestRecord {
  kills: number
  ms: number
}

async function hunt(
  mutant: Mutant,
  laboratory: Laboratory,
  baseline: Baseline,
  records: Map<string, TestRecord>,
): Promise<Finding> {
  const recordOf = (test: string): TestRecord => {
    const key = `${mutant.file} ${test}`
    // Begins with a guess: what it took without a mutant, and that the test beside the file finds half of what there is.
    const beside = test === mutant.file.replace(/\.ts$/, '.test.ts')
    const ms = (baseline.get(test)?.ms ?? 0) * 2
    const record = records.get(key) ?? { kills: beside ? 1 : 0.2, ms }
    records.set(key, record)
    return record
  }
  const worth = (test: string) => recordOf(test).kills / recordOf(test).ms
  for (const test of testsOf(mutant.file).toSorted((a, b) => worth(b) - worth(a))) {
    const observed = baseline.get(test)
    if (!observed?.runs(mutant.file, mutant.runsAt)) continue
    const { outcome, ms } = await laboratory.try(test, observed.limitSeconds, mutant)
    const record = recordOf(test)
    record.ms += ms
    if (outcome === 'passed') continue
    record.kills++
    return { mutant, killedBy: test, ...(outcome === 'spent' && { endless: true }) }
  }
  return { mutant }
}

/** So many at a time. */
async function each<T>(jobs: number, items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: jobs }, async () => {
      for (const item of queue) await act(item)
    }),
  )
}

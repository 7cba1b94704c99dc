import assert from 'node:assert/strict'
import { it } from 'node:test'
import { compareWithCedar } from './run.ts'

const PAIRS = 10_000
const MORE_MAX = 5

it('the compiled policies answer as Cedar does: 10,000 random pairs, and values of random expressions', async (t) => {
  const seed = Number(process.env.FIREBREAK_SEED ?? Date.now() % 2 ** 32)
  t.diagnostic(`seed ${seed}: run again with FIREBREAK_SEED=${seed}`)
  const report = await compareWithCedar({ seed, pairs: PAIRS, valuesPerPair: 0.75 })
  assert.deepEqual(report.disagreements, [], `seed ${seed}`)
  const outcomes = new Map(report.outcomes)
  const seldom = () => [...outcomes].filter(([, { yes, no }]) => yes < 3 || no < 3)
  // Some operators are rare: where chance gave them one outcome alone, more pairs are compared.
  for (let more = 1; seldom().length > 0 && more <= MORE_MAX; more++) {
    const next = await compareWithCedar({ seed: seed + more, pairs: PAIRS, valuesPerPair: 0.75 })
    assert.deepEqual(next.disagreements, [], `seed ${seed + more}`)
    for (const [operator, { yes, no }] of next.outcomes) {
      const known = outcomes.get(operator) ?? { yes: 0, no: 0 }
      outcomes.set(operator, { yes: known.yes + yes, no: known.no + no })
    }
  }

  // Agreement says little unless what was compared had something to disagree about.
  assert.ok(report.pairs >= PAIRS)
  assert.ok(report.allows >= 0.3 * report.pairs, `${report.allows} allows`)
  assert.ok(report.pairsWithFaults >= 0.1 * report.pairs, `${report.pairsWithFaults} pairs with faults`)
  assert.deepEqual(seldom(), [])
  t.diagnostic(
    `${report.pairs} pairs, ${report.allows} allows, ${report.pairsWithFaults} with faults, ${report.values} values`,
  )
})

/**
 * Cedar answers the same to the same question: what it answered to a test without a mutant is not asked again. Starting
 * its library is most of what such a test takes. A mutant that asks something else is answered by Cedar itself.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import type { Cedar } from '../../src/policy/cedar/load/cedar.ts'
import type { CedarOutcome } from '../../src/policy/cedar/load/cedar-worker.ts'

export function remember({ prototype }: typeof Cedar): void {
  const { call } = prototype
  prototype.call = async function (this: Cedar, calls) {
    const question = createHash('sha256').update(JSON.stringify(calls)).digest('hex')
    const file = join(process.env.FIREBREAK_CEDAR_ANSWERS ?? '', `${question}.json`)
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as readonly CedarOutcome[]
    const outcomes = await call.apply(this, [calls])
    const settled = outcomes.every((outcome) => !('died' in outcome))
    if (settled && process.env.FIREBREAK_MUTANT === undefined) writeFileSync(file, JSON.stringify(outcomes))
    return outcomes
  }
}

import { grantId } from '../../../src/model/ids.ts'
import type { Json } from '../../../src/model/json.ts'
import type { BundledPolicy } from '../../../src/policy/cedar/bundle.ts'
import { compilePolicy } from '../../../src/policy/cedar/compile.ts'
import { compileExpression } from '../../../src/policy/cedar/expression.ts'
import { judge } from '../../../src/policy/cedar/judge.ts'
import { slicer } from '../../../src/policy/cedar/slices.ts'
import { Fault, type FaultKind, keyOf, type Value } from '../../../src/policy/cedar/value.ts'
import { decodeWorld, type World } from './encoding.ts'

/** One policy set and some requests, with what Cedar answered to each. Plain JSON. */
export interface SetCase {
  readonly world: World
  readonly policies: readonly PolicyText[]
  readonly answers: readonly Answer[]
}

export interface PolicyText {
  readonly id: string
  readonly text: string
  readonly json: Json
}

/** One expression, with the value that Cedar confirmed. */
export interface ValueCase {
  /** Holds one request. */
  readonly world: World
  readonly operator: string
  readonly text: string
  readonly json: Json
  /** See `outcomeKey`. */
  readonly expected: string
}

/** Cedar's own semantics: a policy that faults is skipped. */
export interface Answer {
  readonly verdict: 'allow' | 'deny'
  /** The policies that determined it, sorted. */
  readonly reasons: readonly string[]
  readonly faults: Readonly<Record<string, FaultKind>>
}

/** Of each request that we answer differently, what we answer. */
export function disagreementsOnSet({ world, policies, answers }: SetCase): string[] {
  const requests = decodeWorld(world)
  const slice = slicer(policies.map((policy, position) => compilePolicy(bundled(policy), position)))
  return requests.flatMap((request, index) => {
    const judgement = judge(slice(request.principal, request.action, request.resource, request.entities), request)
    const { permits, forbids, faults } = judgement
    const determining = forbids.length > 0 ? forbids : permits
    const ours: Answer = {
      verdict: forbids.length === 0 && permits.length > 0 ? 'allow' : 'deny',
      reasons: determining.map(({ id }) => id).sort(),
      faults: Object.fromEntries(faults.map(({ policy, fault }) => [policy.id, fault.kind])),
    }
    return canonical(ours) === canonical(answers[index]) ? [] : [canonical(ours)]
  })
}

/** Our value, if it is not the expected one. */
export function disagreementsOnValue({ world, json, expected }: ValueCase): string[] {
  const [request] = decodeWorld(world)
  if (!request) throw new TypeError('a case without a request')
  const ours = outcomeKey(compileExpression(json)(request))
  return ours === expected ? [] : [ours]
}

/** Equal for equal values, and for faults of one kind. */
export function outcomeKey(outcome: Value | Fault): string {
  return outcome instanceof Fault ? `!${outcome.kind}` : keyOf(outcome)
}

export function canonical(answer: Answer | undefined): string {
  if (!answer) return 'no answer'
  const faults = Object.entries(answer.faults).map(([id, kind]) => `${id} ${kind}`)
  return `${answer.verdict} by [${answer.reasons}], faults [${faults.sort()}]`
}

function bundled({ id, text, json }: PolicyText): BundledPolicy {
  const effect = text.startsWith('permit') ? 'permit' : 'forbid'
  const base = { id, source: { file: 'random', line: 1, column: 1 }, text, annotations: {}, json }
  return effect === 'permit' ? { ...base, effect, grant: grantId(`g_${id}`) } : { ...base, effect }
}

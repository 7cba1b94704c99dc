import { isJsonObject, type Json, type JsonObject } from '../../../src/model/json.ts'
import { decimalText } from '../../../src/model/money.ts'
import { Cedar } from '../../../src/policy/cedar/load/cedar.ts'
import type { CedarCall, CedarOutcome } from '../../../src/policy/cedar/load/cedar-worker.ts'
import { CedarSet, Decimal, Entity, type FaultKind, type Value, Withheld } from '../../../src/policy/cedar/value.ts'
import { cedarString } from '../../../src/policy/cedar/vocabulary.ts'
import type { Answer } from './cases.ts'
import type { World } from './encoding.ts'
import { entityText } from './expressions.ts'

/** A question to Cedar: policies by id, and requests. */
export interface Question {
  readonly world: World
  readonly policies: Readonly<Record<string, string>>
}

/** Cedar's own library in its worker. Restart it now and then: an instance leaks. */
export class Oracle implements AsyncDisposable {
  readonly #cedar = new Cedar({ timeoutMs: 60_000 })

  /** Policies as the compiler reads them, in order; nothing where Cedar refuses one. */
  async toJson(texts: readonly string[]): Promise<readonly (JsonObject | undefined)[]> {
    const outcomes = await this.#cedar.call(texts.map((text) => ['policyToJson', text]))
    return outcomes.map((outcome) => {
      const { json } = answer(outcome) ?? {}
      return isJsonObject(json) ? json : undefined
    })
  }

  /** An answer for each request of each question; nothing where Cedar has none. */
  async authorize(questions: readonly Question[]): Promise<readonly (readonly (Answer | undefined)[])[]> {
    const calls = questions.flatMap(({ policies, world: { entities, requests } }): CedarCall[] => [
      ['preparsePolicySet', 'set', { staticPolicies: policies }],
      ...requests.map((request): CedarCall => {
        return ['statefulIsAuthorized', { ...request, entities, preparsedPolicySetId: 'set', validateRequest: false }]
      }),
    ])
    const outcomes = await this.#cedar.call(calls)
    let at = 0
    return questions.map(({ world }) => {
      at++
      return world.requests.map(() => translated(answer(outcomes[at++])))
    })
  }

  restart(): Promise<void> {
    return this.#cedar.restart()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.restart()
  }
}

/** A Cedar literal that has this value. */
export function literalOf(value: Value | Withheld): string {
  if (value instanceof Decimal) return `decimal("${decimalText(value.units)}")`
  if (value instanceof Entity) return entityText(value)
  if (value instanceof CedarSet) return `[${value.items.map(literalOf).join(', ')}]`
  if (value instanceof Withheld) throw new TypeError('Cedar has no such value')
  if (value instanceof Map) {
    return `{${[...value].map(([name, each]) => `${cedarString(name)}: ${literalOf(each)}`).join(', ')}}`
  }
  return typeof value === 'string' ? cedarString(value) : `(${value})`
}

function answer(outcome: CedarOutcome | undefined): JsonObject | undefined {
  const found = outcome && 'answer' in outcome ? (outcome.answer as Json) : undefined // it came through Cedar's JSON API
  return isJsonObject(found) && found.type === 'success' ? found : undefined
}

function translated(answer: JsonObject | undefined): Answer | undefined {
  const response = answer?.response
  if (!isJsonObject(response) || !isJsonObject(response.diagnostics)) return undefined
  const { reason, errors } = response.diagnostics
  if (!Array.isArray(reason) || !Array.isArray(errors)) return undefined
  const faults = errors.filter(isJsonObject).map(({ policyId, error }): [string, FaultKind] => {
    return [String(policyId), faultKind(isJsonObject(error) ? String(error.message) : '')]
  })
  const verdict = response.decision === 'allow' ? 'allow' : 'deny'
  return { verdict, reasons: reason.map(String).sort(), faults: Object.fromEntries(faults) }
}

/** Cedar tells kinds of errors apart only in its messages. One we do not know disagrees with everything, as `unknown`. */
function faultKind(message: string): FaultKind {
  const text = message.replace(/^error while evaluating policy `[^`]*`: /, '')
  if (text.startsWith('type error')) return 'type'
  if (text.startsWith('integer overflow')) return 'overflow'
  if (/ does not have the attribute /.test(text)) return 'attribute'
  if (/^entity .* does not exist/s.test(text)) return 'entity'
  return text.startsWith('error while evaluating `decimal` extension function') ? 'extension' : 'unknown'
}

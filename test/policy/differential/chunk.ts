import { isJsonObject, type Json } from '../../../src/model/json.ts'
import { compileExpression } from '../../../src/policy/cedar/expression.ts'
import { Fault } from '../../../src/policy/cedar/value.ts'
import { canonical, disagreementsOnSet, outcomeKey, type SetCase, type ValueCase } from './cases.ts'
import { decodeWorld, encodeWorld, type World } from './encoding.ts'
import { type Expression, mutated, OPERATORS_WEIGHED, rooted, textOf } from './expressions.ts'
import { literalOf, type Oracle } from './oracle.ts'
import { policySet } from './policies.ts'
import type { Random } from './random.ts'
import { request, universe } from './universe.ts'

/** Some random cases, what Cedar says to each, and where we say something else. */
export interface Chunk {
  readonly sets: readonly SetCase[]
  readonly values: readonly ValueCase[]
  readonly disagreements: readonly string[]
}

export interface ChunkSize {
  readonly sets: number
  readonly requestsPerSet: number
  /** Each with one or two of its mutations. */
  readonly expressions: number
}

export async function makeChunk(random: Random, oracle: Oracle, size: ChunkSize): Promise<Chunk> {
  const { sets, disagreements } = await setCases(random, oracle, size)
  const values = await valueCases(random, oracle, size.expressions)
  return { sets, values: values.cases, disagreements: [...disagreements, ...values.disagreements] }
}

async function setCases(random: Random, oracle: Oracle, size: ChunkSize): Promise<Omit<Chunk, 'values'>> {
  const drafts = Array.from({ length: size.sets }, () => {
    const entities = universe(random)
    const requests = Array.from({ length: size.requestsPerSet }, () => request(random, entities))
    return { world: encodeWorld(entities, requests), policies: policySet(random) }
  })
  const texts = drafts.flatMap(({ policies }) => Object.values(policies))
  const jsons = (await oracle.toJson(texts)).values()
  const answers = await oracle.authorize(drafts)
  const disagreements: string[] = []
  const sets = drafts.map(({ world, policies }, index): SetCase => {
    const parsed = Object.entries(policies).map(([id, text]) => ({ id, text, json: jsons.next().value ?? null }))
    const refused = parsed.filter(({ json }) => json === null)
    disagreements.push(...refused.map(({ text }) => `Cedar refuses ${text}`))
    const found = (answers[index] ?? []).map(
      (each) => each ?? { verdict: 'deny' as const, reasons: ['no answer'], faults: {} },
    )
    const made = { world, policies: parsed, answers: found }
    if (refused.length === 0) disagreements.push(...disagreementsOnSet(made).map((ours) => described(made, ours)))
    return made
  })
  return { sets, disagreements }
}

function described({ policies, world, answers }: SetCase, ours: string): string {
  const texts = policies.map(({ id, text }) => `${id}: ${text}`)
  return [ours, 'against', ...answers.map(canonical), ...texts, JSON.stringify(world)].join('\n  ')
}

/** Cedar only answers yes or no, so it is asked whether the expression equals the value that we found. */
async function valueCases(random: Random, oracle: Oracle, count: number) {
  const drafts = Array.from({ length: count }, (_, index) =>
    draft(random, OPERATORS_WEIGHED[index % OPERATORS_WEIGHED.length] ?? '=='),
  )
  const asked = drafts.flatMap(({ world, variants }) => variants.map((expression) => ({ world, expression })))
  const jsons = await oracle.toJson(asked.map(({ expression }) => comparison(textOf(expression), 'true')))
  const cases = asked.flatMap(({ world, expression }, index) => {
    const json = left(jsons[index] ?? null)
    return json === undefined ? [] : [valueCase(world, expression, json)]
  })
  const refused = asked.filter((_, index) => jsons[index] === undefined)
  const questions = [...Map.groupBy(cases, ({ made }) => made.world)].map(([world, group]) => ({
    world,
    group,
    policies: Object.fromEntries(
      group.map(({ made, literal }, index) => [`p${index}`, comparison(made.text, literal)]),
    ),
  }))
  const answers = await oracle.authorize(questions)
  const disagreements = questions.flatMap(({ group }, index) => {
    const [answer] = answers[index] ?? []
    return group.flatMap(({ made }, position) => {
      const fault = answer?.faults[`p${position}`]
      const cedar = fault ? `!${fault}` : answer?.reasons.includes(`p${position}`) ? made.expected : 'another value'
      return cedar === made.expected
        ? []
        : [`${made.text} is ${made.expected}, to Cedar ${cedar}\n  ${JSON.stringify(made.world)}`]
    })
  })
  disagreements.push(...refused.map(({ expression }) => `Cedar refuses ${textOf(expression)}`))
  return { cases: cases.map(({ made }) => made), disagreements }
}

function draft(random: Random, operator: string): { readonly world: World; readonly variants: readonly Expression[] } {
  const entities = universe(random)
  const world = encodeWorld(entities, [request(random, entities)])
  const original = rooted(random, operator, random.below(4))
  return { world, variants: [original, mutated(random, original), mutated(random, mutated(random, original))] }
}

function valueCase(
  world: World,
  expression: Expression,
  json: Json,
): { readonly made: ValueCase; readonly literal: string } {
  const [request] = decodeWorld(world)
  if (!request) throw new TypeError('a case without a request')
  const outcome = compileExpression(json)(request)
  const made = { world, operator: expression.operator, text: textOf(expression), json, expected: outcomeKey(outcome) }
  return { made, literal: outcome instanceof Fault ? 'true' : literalOf(outcome) }
}

function comparison(text: string, literal: string): string {
  return `permit(principal, action, resource) when { (${text}) == ${literal} };`
}

/** Our expression again, out of the comparison that it was parsed in. */
function left(json: Json): Json | undefined {
  const [condition] = isJsonObject(json) && Array.isArray(json.conditions) ? json.conditions : []
  const body = isJsonObject(condition) ? condition.body : undefined
  const equals = isJsonObject(body) ? body['=='] : undefined
  return isJsonObject(equals) ? equals.left : undefined
}

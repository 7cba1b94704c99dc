import { cedarString } from '../../../src/policy/cedar/vocabulary.ts'
import { type Expression, entityText, expression, mutated, textOf } from './expressions.ts'
import type { Random } from './random.ts'
import { ACTIONS, AGENTS, ENVIRONMENTS, GROUPS, STRANGERS, TEAMS, TEXTS, UPSTREAMS } from './universe.ts'

/** Cedar policies at random, by id. Scopes are wide, so that most are about the request they meet. */
export function policySet(random: Random): Readonly<Record<string, string>> {
  const texts = Array.from({ length: 1 + random.below(7) }, () => policyText(random))
  return Object.fromEntries(texts.map((text, index) => [`p${index}`, text]))
}

function policyText(random: Random): string {
  const effect = random.chance(0.74) ? 'permit' : 'forbid'
  const clauses = Array.from({ length: random.pick([0, 1, 1, 1, 2]) }, () => clause(random, effect))
  return `${effect}(${scope(random)})${clauses.join('')};`
}

function scope(random: Random): string {
  const principal = random.pick([...AGENTS, ...AGENTS, ...TEAMS, ...STRANGERS])
  const resource = random.pick([...UPSTREAMS, ...ENVIRONMENTS])
  const actions = Array.from({ length: 1 + random.below(3) }, () => entityText(random.pick([...ACTIONS, ...GROUPS])))
  return [
    random.chance(0.6)
      ? 'principal'
      : random.pick([
          `principal == ${entityText(principal)}`,
          `principal in ${entityText(principal)}`,
          `principal is ${principal.type}`,
          `principal is Agent in ${entityText(principal)}`,
        ]),
    random.chance(0.4)
      ? 'action'
      : random.pick([`action == ${actions[0]}`, `action in ${actions[0]}`, `action in [${actions.join(', ')}]`]),
    random.chance(0.6)
      ? 'resource'
      : random.pick([
          `resource == ${entityText(resource)}`,
          `resource in ${entityText(resource)}`,
          `resource is ${resource.type}`,
          `resource is Upstream in ${entityText(resource)}`,
        ]),
  ].join(', ')
}

/** Half of them begin with a comparison that the index looks up; a forbid rather says no. */
function clause(random: Random, effect: string): string {
  const kind = random.chance(0.75) ? 'when' : 'unless'
  const body = condition(random, random.chance(0.5) ? 0 : 2)
  const before = random.chance(0.5) ? `(${guard(random)}) && ` : ''
  const after = random.chance(0.2) ? ` && (${guard(random)})` : ''
  const wide = effect === 'permit' && random.chance(0.6) ? ` || ${kind === 'when' ? 'true' : 'false'}` : ''
  return ` ${kind} { ${before}(${textOf(body)})${after}${wide} }`
}

function condition(random: Random, depth: number): Expression {
  const one = expression(random, 'bool', depth)
  return random.chance(0.3) ? mutated(random, one) : one
}

function guard(random: Random): string {
  const sides = random.chance(0.7)
    ? [
        random.pick(['context.s', 'context.t', 'principal.owner', 'context.e', 'context.n', 'context.list']),
        cedarString(random.pick(TEXTS)),
      ]
    : [
        random.pick(['context.e', 'principal', 'resource', 'action']),
        entityText(random.pick([...AGENTS, ...UPSTREAMS, ...ACTIONS])),
      ]
  return (random.chance(0.5) ? sides : sides.reverse()).join(' == ')
}

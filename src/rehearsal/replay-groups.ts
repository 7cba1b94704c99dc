import { type Reason, sourceText } from '../model/index.ts'
import type { Rejudged } from './replay.ts'

/** Actions that would have gone otherwise, alike in how and by which rule. */
export interface DecisionDifference {
  readonly was: Rejudged['was']
  readonly now: Rejudged['now']
  /** Name of the rule that refuses or holds them now; for those that are let through now, the rule that did then. */
  readonly rule: string
  readonly actions: readonly Rejudged[]
}

/** Only what differs, the strictest first, and in it the rule that meets the most; the same input gives the same order. */
export function differencesIn(actions: readonly Rejudged[]): readonly DecisionDifference[] {
  const differing = actions.filter(({ was, now }) => !same(was, now))
  const groups = Map.groupBy(differing, (each) => JSON.stringify([each.was, each.now, ruleOf(each)]))
  return [...groups.values()]
    .flatMap((own) => {
      const [first] = own
      return first === undefined ? [] : [{ was: first.was, now: first.now, rule: ruleOf(first), actions: own }]
    })
    .toSorted((a, b) => rank(a) - rank(b) || b.actions.length - a.actions.length || (a.rule < b.rule ? -1 : 1))
}

function same(was: Rejudged['was'], now: Rejudged['now']): boolean {
  return was === now || (was === 'approved' && now === 'allow')
}

const STRICT: readonly Rejudged['was'][] = ['deny', 'hold', 'approved', 'allow']

function rank({ was, now }: DecisionDifference): number {
  return STRICT.indexOf(now) * STRICT.length + STRICT.indexOf(was)
}

function ruleOf({ was, now, wasReasons, nowReasons }: Rejudged): string {
  const looser = STRICT.indexOf(now) > STRICT.indexOf(was)
  const [reason] = looser ? wasReasons : nowReasons
  return reason === undefined ? 'no reason was recorded' : ruleText(reason)
}

function ruleText(reason: Reason): string {
  switch (reason.kind) {
    case 'forbid':
    case 'unrepresentable':
      return withPlace(reason.policy, sourceText(reason.source))
    case 'grant-condition':
    case 'grant-expired':
    case 'grant-revoked':
      return `${reason.kind} of ${reason.grant}`
    case 'budget':
      return `budget of ${reason.holder}`
    case 'label':
      return `label ${reason.label}`
    case 'destination':
    case 'link':
      return `${reason.kind} ${reason.path.replaceAll(/\[\d+\]/g, '[*]')}`
    case 'no-grant':
      return `no grant for ${reason.upstream}/${reason.tool}`
    default:
      return reason.kind
  }
}

function withPlace(policy: string, place: string): string {
  return policy === place ? place : `${policy} (${place})`
}

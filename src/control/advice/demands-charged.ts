import { calledOn, isAnswerRead } from '../../config/called-on.ts'
import type { Config, GrantConfig, UpstreamConfig } from '../../config/config.ts'
import { modelPrices, priceLine } from '../../gateway/protocols/model/prices.ts'
import { type DeclaredTool, LIMITS, MODEL_CURRENCY } from '../../model/index.ts'
import { type Demand, listed, look } from './demand.ts'

/** A budget counts what an upstream was asked for; what it charged, only where the configuration says where that stands. */
export function budgetDemands(about: string, config: Config, upstream: UpstreamConfig): readonly Demand[] {
  const { tools } = upstream
  const isModel = calledOn(upstream) === 'model'
  const isOrigin = calledOn(upstream) !== 'tool'
  const areRead = (of: readonly DeclaredTool[]) => of.every(({ name }) => isAnswerRead(upstream, name))
  const grants = grantsOf(config, upstream)
  const under = (kind: string, wanted: (tool: DeclaredTool) => boolean) => {
    const counted = grants
      .filter(({ budgets }) => budgets.some((budget) => budget.kind === kind))
      .flatMap((grant) => [...grant.tools])
    return [...tools.values()].filter((tool) => counted.includes(tool.name) && wanted(tool))
  }
  const spending = [...tools.values()].filter(({ effect }) => effect === 'spend')
  const capped = under('spend', ({ effect }) => effect === 'spend')
  const granted = new Set(grants.flatMap((grant) => [...grant.tools]))
  const uncapped = spending.filter((tool) => granted.has(tool.name) && !capped.includes(tool))
  // A model is charged by what its answer says of its usage.
  const unsettled = isModel ? [] : capped.filter(({ settles }) => settles === undefined)
  const large = under('bytes', ({ maxBytes }) => maxBytes === undefined)
  return [
    ...(uncapped.length > 0
      ? [
          look(
            about,
            `${listed(uncapped)} can spend without a budget of money`,
            `budget: { spend: 100 ${isModel ? MODEL_CURRENCY : 'EUR'}/day } in the grant`,
          ),
        ]
      : []),
    ...(unsettled.length > 0
      ? [
          look(
            about,
            `budgets count what ${listed(unsettled)} was asked for; what it charged beyond is not seen`,
            areRead(unsettled)
              ? 'settles: the field of its answer that says it'
              : 'its bill: an answer that passes on is not read',
          ),
        ]
      : []),
    ...(large.length > 0
      ? [
          look(
            about,
            `each call of ${listed(large)} sets ${LIMITS.answerBytesMax} bytes of a budget aside${isOrigin ? ' for its answer, and no more of that passes' : ''}`,
            isOrigin
              ? 'no budget of bytes where more has to pass; else maxBytes: under the tool'
              : 'maxBytes: under the tool',
          ),
        ]
      : []),
  ]
}

/** Returns the demands about models that may be asked by their names and have no price: each request for one is refused. */
export function priceDemands(about: string, server: UpstreamConfig['server']): readonly Demand[] {
  if (server.kind !== 'origin' || server.model === undefined) return []
  const { models, prices } = server.model
  const unpriced = models.filter((name) => !name.endsWith('*') && !prices.has(name) && !LISTED.has(name))
  return unpriced.map((name) =>
    look(about, `no price of ${name} is known: it is not asked`, `${priceLine(name)} under model:`),
  )
}

const LISTED = modelPrices()

/** Returns the grants on an upstream, of every agent. */
export function grantsOf({ agents }: Config, { name }: UpstreamConfig): readonly GrantConfig[] {
  return [...agents.values()].flatMap(({ grants }) => grants.filter(({ upstream }) => upstream === name))
}

import { isDeepStrictEqual } from 'node:util'
import { placesElsewhere } from '../../config/places.ts'
import { secretsOf } from '../../config/secret-names.ts'
import type { DeclaredTool, EnvironmentName, UpstreamName } from '../../model/index.ts'
import { countsAlike } from '../../policy/index.ts'
import { toolsOf } from '../prepare/catalogue.ts'
import { grantsIn, type Judged } from '../prepare/setup.ts'
import { meansSame } from './meaning.ts'

/**
 * Returns why a gateway that serves an environment cannot follow a change of the configuration, in words: it was opened
 * with something that it keeps until its end. Empty where it can. Grants, conditions, policies, labels, owners, delegates,
 * decoys, and whether the environment is hardened, are followed.
 */
export function keptUntilItsEnd(before: Judged, after: Judged, name: EnvironmentName): readonly string[] {
  const [old, next] = [before.config.environments.get(name), after.config.environments.get(name)]
  if (old === undefined || next === undefined) return ['the environment itself']
  return [
    ...(old.tenant === next.tenant ? [] : ['its tenant']),
    ...(meansSame(old.egress, next.egress) ? [] : ['its egress']),
    ...(isDeepStrictEqual(placesElsewhere(before.config, name), placesElsewhere(after.config, name))
      ? []
      : ['the places of other environments']),
    ...(meansSame(before.config.containment.rules, after.config.containment.rules) ? [] : ['the rules of detectors']),
    ...changedUpstreams(before, after, name),
    ...uncountedBudgets(before, after, name),
    ...otherDrivers(before, after, name),
  ]
}

function changedUpstreams(before: Judged, after: Judged, environment: EnvironmentName): readonly string[] {
  const [old, next] = [keptOf(before, environment), keptOf(after, environment)]
  // In their order: a gateway tells of one by its number.
  const names = [...new Set([...old.keys(), ...next.keys()])].filter(
    (name) => !meansSame(old.get(name), next.get(name)),
  )
  const isMoved = names.length === 0 && !isDeepStrictEqual([...old.keys()], [...next.keys()])
  return [...names.map((name) => `upstream ${name}`), ...(isMoved ? ['the order of its upstreams'] : [])]
}

/** Returns the parts of each upstream of an environment that its gateway keeps: the way to it, and its contracts. */
function keptOf({ config, accepted }: Judged, environment: EnvironmentName): ReadonlyMap<UpstreamName, unknown> {
  const own = [...config.upstreams.values()].filter((upstream) => upstream.environment === environment)
  return new Map(
    own.map((upstream) => {
      const tools = [...toolsOf(upstream, accepted)].map(([name, { declared, pinned }]) => {
        return [name, unfollowed(declared), pinned?.digest] as const
      })
      const secrets = secretsOf(upstream.server).map((name) => [name, config.secrets.get(name)] as const)
      return [
        upstream.name,
        {
          server: upstream.server,
          relay: upstream.relay,
          tools: new Map(tools.map((tool) => [tool[0], tool])),
          secrets,
        },
      ]
    }),
  )
}

/** Returns a tool's declaration without what decisions alone ask. */
function unfollowed(declared: DeclaredTool): Partial<DeclaredTool> {
  const { accepts: _accepts, returns: _returns, anyLinks: _links, ...kept } = declared
  return kept
}

/** Returns the grants whose budgets count what was not counted before: only the ledger tells how much of them is used. */
function uncountedBudgets(before: Judged, after: Judged, environment: EnvironmentName): readonly string[] {
  const old = new Map(grantsIn(before, environment).map((grant) => [grant.id, grant.budgets]))
  const uncounted = grantsIn(after, environment).filter(
    ({ id, budgets }) => !budgets.every((budget) => old.get(id)?.some((known) => countsAlike(known, budget))),
  )
  return uncounted.map(({ id }) => `the budget of ${id}`)
}

function otherDrivers(before: Judged, after: Judged, environment: EnvironmentName): readonly string[] {
  const driversOf = ({ config }: Judged) =>
    new Set(
      [...config.agents.values()].filter((each) => each.environment === environment).map(({ cell }) => cell.driver),
    )
  return meansSame(driversOf(before), driversOf(after)) ? [] : ['the driver of its cells']
}

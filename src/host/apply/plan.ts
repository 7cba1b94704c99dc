import { isDeepStrictEqual } from 'node:util'
import type { Agent, CellConfig, Config } from '../../config/config.ts'
import type { AgentName, EnvironmentName, PersonName } from '../../model/index.ts'
import type { ReachChange } from '../../policy/index.ts'
import { type Judged, UNDO } from '../prepare/setup.ts'
import { type AgentChanges, configDiff } from '../reach/reach-diff.ts'
import { tenantOf } from '../state/tenants.ts'
import { keptUntilItsEnd } from './followed.ts'
import { meansSame } from './meaning.ts'

/** The changes of one agent, and the person who answers for it. */
export interface PlannedChanges extends AgentChanges {
  readonly environment: EnvironmentName
  /** The owner by the configuration that is in force; of an agent that is new, by the other. */
  readonly owner: PersonName
}

/** An environment whose gateway cannot follow a change: its cells end, and it opens anew. */
export interface OpenedAnew {
  readonly environment: EnvironmentName
  /** The things that changed and are kept until its end, in words. */
  readonly what: readonly string[]
}

/**
 * The differences between the configuration that is in force and another one.
 *
 * - PL1  All that the second makes possible stands in `agents`, under whoever answers for it. What is not known to be
 *        narrower counts as wider.
 * - PL2  What cannot be followed by a gateway that serves stands in `anew`.
 */
export interface ConfigurationPlan {
  /** Agents with a change; grants for undo under the name `undo`. */
  readonly agents: readonly PlannedChanges[]
  readonly anew: readonly OpenedAnew[]
  /** The reason why no host that is up can take it, in words; absent where it can. */
  readonly never?: string
}

/** Returns the plan of putting one configuration in the place of another. Pure. */
export function planOf(before: Judged, after: Judged): ConfigurationPlan {
  const of = new Map(configDiff(before, after).map(({ agent, changes }) => [agent, changes]))
  const agents = [...of].flatMap(([agent, changes]): readonly PlannedChanges[] => {
    const [old, next] = [before.config.agents.get(agent), after.config.agents.get(agent)]
    const known = old ?? next
    if (known === undefined) return []
    const more = old === undefined || next === undefined ? [] : untoldChanges(before, after, old, next)
    return planned(known.name, known.environment, known.owner, [...changes, ...more])
  })
  const environments = new Set([...before.config.environments.keys(), ...after.config.environments.keys()])
  const undos = [...environments].flatMap((name) => undoChanges(before.config, after.config, name))
  const anew = [...environments].flatMap((environment): readonly OpenedAnew[] => {
    if (!before.config.environments.has(environment)) return []
    const what = keptUntilItsEnd(before, after, environment)
    return what.length === 0 ? [] : [{ environment, what }]
  })
  const never = before.config.profile === after.config.profile ? {} : { never: 'the profile is the host’s own' }
  return { agents: [...agents, ...undos], anew, ...never }
}

function planned(
  agent: AgentName,
  environment: EnvironmentName,
  owner: PersonName,
  changes: readonly ReachChange[],
): readonly PlannedChanges[] {
  const sorted = changes.toSorted((a, b) => Number(b.widens) - Number(a.widens) || a.rank - b.rank)
  return changes.length === 0 ? [] : [{ agent, environment, owner, changes: sorted }]
}

/** Returns the changes around an agent that its reach does not tell. */
function untoldChanges(before: Judged, after: Judged, old: Agent, next: Agent): readonly ReachChange[] {
  const changes: ReachChange[] = []
  const wider = (rank: number, about: string, text: string) => void changes.push({ widens: true, rank, about, text })
  for (const name of CELL_MEMBERS)
    if (!meansSame(old.cell[name], next.cell[name])) wider(5, 'cell', `has another ${name}`)
  if (!isDeepStrictEqual(old.command, next.command)) wider(5, 'cell', 'has another command')
  if (tenantOf(before.config, old.environment) !== tenantOf(after.config, next.environment))
    wider(0, next.environment, 'is of another tenant')
  for (const { upstream: name } of next.grants) {
    const [was, is] = [before.config.upstreams.get(name), after.config.upstreams.get(name)]
    if (was === undefined || is === undefined) continue
    if (!meansSame([was.server, was.relay], [is.server, is.relay]))
      wider(2, name, 'is reached in another way than before')
  }
  changes.push(...containmentChanges(before.config, after.config))
  return changes
}

/** The members of a cell's configuration that the comparison of reach passes over. */
const CELL_MEMBERS = [
  'driver',
  'hide',
  'labelled',
  'cwd',
  'checkpoints',
  'commit',
] as const satisfies readonly (keyof CellConfig)[]

/** Returns how closely agents are watched otherwise than before. */
function containmentChanges({ containment: old }: Config, { containment: next }: Config): readonly ReachChange[] {
  const rules = new Map<string, unknown>(Object.entries(old.rules))
  const changed = Object.entries(next.rules).filter(([name, rule]) => !meansSame(rules.get(name), rule))
  const watched = changed.map(([name, { mode, rung }]): ReachChange => {
    const was = rules.get(name)
    const isStricter =
      mode === 'enforce' && meansSame(was, { ...next.rules[name as keyof typeof next.rules], mode: 'observe' })
    return { widens: !isStricter, rank: 4, about: 'containment', text: `${name} is to ${mode}, and lead to ${rung}` }
  })
  const baits = (['tools', 'files', 'credentials', 'hosts'] as const).flatMap((kind): readonly ReachChange[] => {
    const [was, is] = [new Set(old.decoys[kind].map(baitText)), new Set(next.decoys[kind].map(baitText))]
    const gone = [...was].filter((each) => !is.has(each)).length
    const added = [...is].filter((each) => !was.has(each)).length
    return [
      ...(gone > 0
        ? [{ widens: true, rank: 4, about: 'containment', text: `${gone} decoys fewer among ${kind}` }]
        : []),
      ...(added > 0
        ? [{ widens: false, rank: 4, about: 'containment', text: `${added} decoys more among ${kind}` }]
        : []),
    ]
  })
  return [...watched, ...baits]
}

function baitText(bait: unknown): string {
  return JSON.stringify(bait)
}

/** Returns what a change of the grants for undo makes possible: nobody computes its reach, so that any other grant is wider. */
function undoChanges(before: Config, after: Config, environment: EnvironmentName): readonly PlannedChanges[] {
  const [old, next] = [before.environments.get(environment)?.undo, after.environments.get(environment)?.undo]
  if (meansSame(old, next)) return []
  const owner = old?.owner ?? next?.owner
  if (owner === undefined) return []
  if (next === undefined)
    return planned(UNDO, environment, owner, [
      { widens: false, rank: 3, about: environment, text: 'grants nothing to undo any more' },
    ])
  return planned(UNDO, environment, owner, [
    { widens: true, rank: 2, about: environment, text: 'has other grants for undo' },
  ])
}

import type { Agent, UpstreamConfig } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import type { AgentName } from '../../model/index.ts'
import { type ReachChange, reachDiff } from '../../policy/index.ts'
import type { Judged } from '../prepare/setup.ts'
import { agentReach, reachInput } from './reach.ts'

export interface AgentChanges {
  readonly agent: AgentName
  readonly changes: readonly ReachChange[]
}

/**
 * Returns the differences that a change of the configuration makes, agent by agent: what each may do, and what
 * surrounds its cells. An agent that is new could do nothing before; one that is gone can do nothing any more.
 */
export function configDiff(before: Judged, after: Judged): readonly AgentChanges[] {
  const names = new Set([...before.config.agents.keys(), ...after.config.agents.keys()])
  return [...names].map((agent) => ({ agent, changes: changesOf(before, after, agent) }))
}

function changesOf(before: Judged, after: Judged, name: AgentName): readonly ReachChange[] {
  const [old, next] = [before.config.agents.get(name), after.config.agents.get(name)]
  if (next === undefined) return [{ widens: false, rank: 0, about: name, text: 'is no longer declared' }]
  const input = reachInput(after, next)
  if (old === undefined) {
    const added: ReachChange = {
      widens: true,
      rank: 0,
      about: name,
      text: `is new, in environment ${next.environment}`,
    }
    return [added, ...reachDiff({ ...input, grants: [] }, input), ...egressChanges(before, after, name)]
  }
  const policies = reachDiff(reachInput(before, old), input)
  const around = [
    ...surroundings(before, after, next),
    ...egressChanges(before, after, name),
    ...cellChanges(old, next),
    ...delegateChanges(old, next),
  ]
  return [...policies, ...around].toSorted((a, b) => Number(b.widens) - Number(a.widens) || a.rank - b.rank)
}

function surroundings(before: Judged, after: Judged, agent: Agent): readonly ReachChange[] {
  const changes: ReachChange[] = []
  if (before.config.profile !== after.config.profile)
    changes.push(
      widening(
        after.config.profile === 'user',
        0,
        'profile',
        `is ${after.config.profile}, and was ${before.config.profile}`,
      ),
    )
  const [hardened, was] = [hardenedIn(after, agent), hardenedIn(before, agent)]
  if (hardened !== was)
    changes.push(
      widening(
        was,
        0,
        agent.environment,
        hardened ? 'is hardened' : 'is no longer hardened: no second person agrees to effects',
      ),
    )
  for (const name of new Set(agent.grants.map(({ upstream }) => upstream))) {
    const [old, next] = [before.config.upstreams.get(name), after.config.upstreams.get(name)]
    if (old !== undefined && next !== undefined) changes.push(...upstreamChanges(old, next))
  }
  return changes
}

function hardenedIn({ config }: Judged, { environment }: Agent): boolean {
  return config.environments.get(environment)?.hardened ?? false
}

/** Another server under the same name may do anything else with the same calls. */
function upstreamChanges(old: UpstreamConfig, next: UpstreamConfig): readonly ReachChange[] {
  const changes: ReachChange[] = []
  if (whereText(old) !== whereText(next))
    changes.push(widening(true, 1, next.name, `is ${whereText(next)}, and was ${whereText(old)}`))
  const [secrets, was] = [new Set(secretsOf(next.server)), new Set(secretsOf(old.server))]
  for (const name of secrets)
    if (!was.has(name)) changes.push(widening(true, 2, next.name, `is given the secret "${name}"`))
  for (const name of was)
    if (!secrets.has(name)) changes.push(widening(false, 2, next.name, `is no longer given the secret "${name}"`))
  return changes
}

/** Hosts outside that the agent's relays reach on its word, and did not; and the other way round. */
function egressChanges(before: Judged, after: Judged, agent: AgentName): readonly ReachChange[] {
  const [was, is] = [egressIn(before, agent), egressIn(after, agent)]
  return [
    ...[...is].filter(([key]) => !was.has(key)).map(([, { upstream, origin }]) => ({ widens: true, upstream, origin })),
    ...[...was]
      .filter(([key]) => !is.has(key))
      .map(([, { upstream, origin }]) => ({ widens: false, upstream, origin })),
  ].map(({ widens, upstream, origin }) =>
    widening(widens, 1, upstream, `${widens ? 'reaches' : 'no longer reaches'} ${origin} on its word`),
  )
}

function egressIn(judged: Judged, agent: AgentName) {
  const upstreams = agentReach(judged, agent)?.upstreams ?? []
  return new Map(
    upstreams.flatMap(({ name, egress }) =>
      egress.map((origin) => [`${name} ${origin}`, { upstream: name, origin }] as const),
    ),
  )
}

function whereText({ server }: UpstreamConfig): string {
  if (server.kind !== 'stdio') return server.url.href
  const { root = '', workspace = '', files, env } = server.cell
  const shown = [...files].map(([at, from]) => `${at}=${from}`)
  return [JSON.stringify(server.command), server.shared ? 'shared' : '', root, workspace, ...shown, ...env.keys()]
    .filter((part) => part !== '')
    .join(' ')
}

/** A delegate gets parts of the same authority, in a cell with other files and another program. */
function delegateChanges({ delegates: old }: Agent, { delegates: next }: Agent): readonly ReachChange[] {
  return [
    ...next
      .filter((name) => !old.includes(name))
      .map((name) => widening(true, 3, name, 'may be given parts of what it may do')),
    ...old
      .filter((name) => !next.includes(name))
      .map((name) => widening(false, 3, name, 'may no longer be given parts of what it may do')),
  ]
}

function cellChanges({ cell: old }: Agent, { cell: next }: Agent): readonly ReachChange[] {
  const changes: ReachChange[] = []
  if (old.root !== next.root)
    changes.push(
      widening(
        true,
        3,
        'cell',
        `has the root ${next.root ?? 'of the host’s /usr'}, and had ${old.root ?? 'the host’s /usr'}`,
      ),
    )
  if (old.workspace !== next.workspace)
    changes.push(
      widening(
        next.workspace !== undefined,
        3,
        'cell',
        `has the workspace ${next.workspace ?? 'nowhere'}, and had ${old.workspace ?? 'none'}`,
      ),
    )
  for (const [at, from] of next.files)
    if (old.files.get(at) !== from) changes.push(widening(true, 3, 'cell', `is shown ${from} at ${at}`))
  for (const [at, from] of old.files)
    if (!next.files.has(at)) changes.push(widening(false, 3, 'cell', `is no longer shown ${from} at ${at}`))
  for (const [name, value] of next.env)
    if (old.env.get(name) !== value) changes.push(widening(true, 5, 'cell', `has another ${name} in its environment`))
  for (const name of ['cpu', 'memoryBytes', 'pids', 'ioBytesPerSecond', 'wallMs'] as const) {
    const [limit, was] = [next[name] ?? Number.POSITIVE_INFINITY, old[name] ?? Number.POSITIVE_INFINITY]
    if (limit !== was) changes.push(widening(limit > was, 5, 'cell', `may use ${limit} ${name}, and could use ${was}`))
  }
  return changes
}

function widening(widens: boolean, rank: number, about: string, text: string): ReachChange {
  return { widens, rank, about, text }
}

import type { Agent, UpstreamConfig } from '../../config/config.ts'
import { filesBesideIn } from '../../config/read/file-beside.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import { type AgentName, samePerson, sourceText } from '../../model/index.ts'
import { forbidsGone, mayMean, type ReachChange, reachDiff } from '../../policy/index.ts'
import { grantOf, type Judged } from '../prepare/setup.ts'
import { policiesOf, tenantOf } from '../state/tenants.ts'
import { type Actor, actorsIn, approversOf, givenUpstreams } from './actors.ts'
import { decoyChanges, ruleChanges } from './containment-diff.ts'
import { meansSame } from './meaning.ts'
import { approverKey, type ChangedPart, type ConfigPart, changedParts, type PartChange } from './parts.ts'
import { agentReach, reachInput } from './reach.ts'

export interface AgentChanges {
  /** An agent, or `undo`. */
  readonly agent: AgentName
  readonly changes: readonly ReachChange[]
}

/** The changes of one actor, by the one configuration, the other, or both. */
export interface ActorChanges {
  readonly before?: Actor
  readonly after?: Actor
  readonly changes: readonly PartChange[]
}

/**
 * Returns the differences that a change of the configuration makes, agent by agent: what each may do, and what
 * surrounds its cells; for undo, what it may do. An agent that is new could do nothing before; one that is gone can do
 * nothing any more. What differs, and has not been shown to be narrower, widens.
 */
export function configDiff(before: Judged, after: Judged): readonly AgentChanges[] {
  return actorChanges(before, after).flatMap(({ before: old, after: next, changes }) => {
    const agent = (old ?? next)?.name
    const told = changes.map(({ widens, rank, about, text }) => ({ widens, rank, about, text }))
    return agent === undefined ? [] : [{ agent, changes: told }]
  })
}

/** Returns the same with who acts, and who answers beside the owner. */
export function actorChanges(
  before: Judged,
  after: Judged,
  changed: readonly ChangedPart[] = changedParts(before, after),
): readonly ActorChanges[] {
  const [olds, nexts] = [actorsIn(before.config), actorsIn(after.config)]
  return [...new Set([...olds.keys(), ...nexts.keys()])].map((key): ActorChanges => {
    const [old, next] = [olds.get(key), nexts.get(key)]
    if (old === undefined)
      return next === undefined ? { changes: [] } : { after: next, changes: addedChanges(before, after, next) }
    if (next === undefined) return { before: old, changes: [goneChange(old)] }
    const told = toldChanges(before, after, old, next)
    const untold = changed.flatMap((part) => untoldChange(part, next, told) ?? [])
    return { before: old, after: next, changes: sorted([...told, ...untold]) }
  })
}

function sorted(changes: readonly PartChange[]): readonly PartChange[] {
  return changes.toSorted((a, b) => Number(b.widens) - Number(a.widens) || a.rank - b.rank)
}

/**
 * Returns what a part that differs makes possible to an actor that may act by it from now on, and that no comparison has
 * spoken of: it widens. By a part that is gone nobody acts; policies, whose end widens, are no parts of this kind.
 */
function untoldChange(
  { before, after }: ChangedPart,
  actor: Actor,
  told: readonly PartChange[],
): PartChange | undefined {
  if (after?.isFor(actor) !== true || (before === undefined && after.isTold === true)) return undefined
  const says = (change: PartChange) =>
    (change.part === after.key || (change.part === undefined && after.isReached?.(change.about) === true)) &&
    (change.widens || after.explained !== true)
  if (told.some(says)) return undefined
  const { key, about, text, rank, keepsFrom = new Set() } = after
  const widens = before?.keepsFrom?.isSubsetOf(keepsFrom) !== true
  return { widens, rank, about, text, part: key }
}

function addedChanges(before: Judged, after: Judged, { agent, name, environment }: Actor): readonly PartChange[] {
  if (agent === undefined) return [widening(true, 2, environment, 'has other grants for undo')]
  const input = reachInput(after, agent)
  return [
    widening(true, 0, name, `is new, in environment ${environment}`),
    ...reachDiff({ ...input, grants: [] }, input),
    ...egressChanges(before, after, agent),
  ]
}

function goneChange({ agent, name, environment }: Actor): PartChange {
  return agent === undefined
    ? widening(false, 3, environment, 'grants nothing to undo any more')
    : widening(false, 0, name, 'is no longer declared')
}

/** Returns what comparisons say of an actor's changes. */
function toldChanges(before: Judged, after: Judged, old: Actor, next: Actor): readonly PartChange[] {
  const [now, then] = [after.config.containment, before.config.containment]
  const around = [...surroundings(before, after, old, next), ...ruleChanges(then, now)]
  const [was, is] = [old.agent, next.agent]
  if (was === undefined || is === undefined) return [...around, ...forbidChanges(before, after, old, next)]
  const told = [
    ...reachDiff(reachInput(before, was), reachInput(after, is)),
    ...around,
    ...decoyChanges(then, now),
    ...egressChanges(before, after, is),
    ...cellChanges(was, is),
    ...delegateChanges(was, is),
    ...approverChanges(before, old, next),
    ...givenChanges(before, after, old, next),
  ]
  const widenings = told.filter(({ widens }) => widens).map(({ text }) => text)
  // A policy that the comparison of reaches has spoken of is not told twice.
  const forbids = forbidChanges(before, after, old, next).filter(
    ({ text }) => !widenings.some((each) => each.includes(text.slice(0, text.indexOf(')') + 1))),
  )
  return [...told, ...forbids]
}

/**
 * Returns the policies that are taken away and that no comparison of an actor's own operations has judged: those that may
 * mean it where it acts by what others give it, or by grants for undo.
 */
function forbidChanges(before: Judged, after: Judged, old: Actor, next: Actor): readonly PartChange[] {
  const upstreams =
    old.agent === undefined
      ? new Set([...old.grants, ...next.grants].map(({ upstream }) => upstream))
      : givenUpstreams(old).union(givenUpstreams(next))
  const [was, is] = [policiesFor(before, old), policiesFor(after, next)]
  return forbidsGone(was, is).flatMap((policy): readonly PartChange[] => {
    if (!mayMean(policy, old.name, upstreams)) return []
    const text = `${policy.id} (${sourceText(policy.source)}) no longer forbids what it did`
    return [widening(true, 1, 'policies', text)]
  })
}

function policiesFor({ config, policies }: Judged, { environment }: Actor) {
  return policiesOf(config, policies, tenantOf(config, environment))
}

/**
 * Returns what becomes possible to an agent by what others give it, and not to those who give it: its cells may carry
 * other labels than theirs.
 */
function givenChanges(before: Judged, after: Judged, old: Actor, next: Actor): readonly PartChange[] {
  const [was, is] = [old.agent, next.agent]
  if (was === undefined || is === undefined) return []
  return next.givers.flatMap((giver) => {
    const earlier = old.givers.find(({ name }) => name === giver.name)
    if (earlier === undefined) return []
    const [from, to] = [reachInput(before, earlier), reachInput(after, giver)]
    const own = new Set(reachDiff(from, to).map(changeText))
    const given = reachDiff({ ...from, labels: was.cell.labels }, { ...to, labels: is.cell.labels })
    return given.filter((change) => change.widens && change.about !== 'workspace' && !own.has(changeText(change)))
  })
}

function changeText({ about, text }: ReachChange): string {
  return `${about} ${text}`
}

function surroundings(before: Judged, after: Judged, old: Actor, next: Actor): readonly PartChange[] {
  const { environment } = next
  const [profile, other] = [after.config.profile, before.config.profile]
  const told: PartChange[] =
    profile === other ? [] : [widening(profile === 'user', 0, 'profile', `is ${profile}, and was ${other}`)]
  const [hardened, was] = [isHardened(after, next), isHardened(before, old)]
  if (hardened !== was) {
    const text = hardened ? 'is hardened' : 'is no longer hardened: no second person agrees to effects'
    const change = widening(was, 0, environment, text, `environment ${environment} hardened`)
    told.push(was ? { ...change, also: approversOf(old) } : change)
  }
  for (const name of new Set(next.grants.map(({ upstream }) => upstream))) {
    const [one, two] = [before.config.upstreams.get(name), after.config.upstreams.get(name)]
    if (one !== undefined && two !== undefined) told.push(...upstreamChanges(one, two, before, after))
  }
  return told
}

function isHardened({ config }: Judged, { environment }: Actor): boolean {
  return config.environments.get(environment)?.hardened ?? false
}

/** Another server under the same name may do anything else with the same calls, and so may another credential. */
function upstreamChanges(
  old: UpstreamConfig,
  next: UpstreamConfig,
  before: Judged,
  after: Judged,
): readonly PartChange[] {
  const changes: PartChange[] = []
  const { name: upstream } = next
  const say = (widens: boolean, rank: number, text: string, part: string) =>
    void changes.push(widening(widens, rank, upstream, text, `upstream ${upstream} ${part}`))
  if (whereText(old) !== whereText(next)) say(true, 1, `is ${whereText(next)}, and was ${whereText(old)}`, 'server')
  changes.push(...besideChanges(old, next))
  const [secrets, was] = [new Set(secretsOf(next.server)), new Set(secretsOf(old.server))]
  for (const name of secrets) {
    if (!was.has(name)) say(true, 2, `is given the secret "${name}"`, 'secrets')
    else if (!meansSame(before.config.secrets.get(name), after.config.secrets.get(name)))
      say(true, 1, `is given another secret as "${name}": it comes from elsewhere`, 'secrets')
  }
  for (const name of was) if (!secrets.has(name)) say(false, 2, `is no longer given the secret "${name}"`, 'secrets')
  return changes
}

/** Returns what differs in files that an upstream's entry names. It is not all that differs in the entry, so it is of no part. */
function besideChanges(old: UpstreamConfig, next: UpstreamConfig): readonly PartChange[] {
  const digests = ({ server }: UpstreamConfig) => new Map(filesBesideIn(server).map((file) => [file.path, file.digest]))
  const [was, is] = [digests(old), digests(next)]
  const say = (text: string) => widening(true, 2, next.name, text)
  return [
    ...[...is].flatMap(([path, digest]) => {
      if (was.get(path) === digest) return []
      return [say(was.has(path) ? `goes by ${path}, which has changed` : `goes by ${path}, and did not`)]
    }),
    ...[...was.keys()].flatMap((path) => (is.has(path) ? [] : [say(`goes by ${path} no more`)])),
  ]
}

/** Hosts outside that the agent's relays reach on its word, and did not; and the other way round. */
function egressChanges(before: Judged, after: Judged, { name, environment }: Agent): readonly PartChange[] {
  const [was, is] = [egressIn(before, name), egressIn(after, name)]
  const part = `environment ${environment} egress`
  return [
    ...[...is].filter(([key]) => !was.has(key)).map(([, of]) => ({ widens: true, ...of })),
    ...[...was].filter(([key]) => !is.has(key)).map(([, of]) => ({ widens: false, ...of })),
  ].map(({ widens, upstream, origin }) =>
    widening(widens, 1, upstream, `${widens ? 'reaches' : 'no longer reaches'} ${origin} on its word`, part),
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

/**
 * Returns the grants that somebody else than before agreed to. Where that has to be a second person, it is theirs to say
 * who stands in for them.
 */
function approverChanges(before: Judged, old: Actor, next: Actor): readonly PartChange[] {
  const olds = new Map(old.grants.map((grant, i) => [grantOf(old, grant, i).id, grant]))
  return next.grants.flatMap((grant, i): readonly PartChange[] => {
    const { id, upstream } = grantOf(next, grant, i)
    const earlier = olds.get(id)
    const [is, was] = [grant.approver, earlier?.approver]
    if (earlier === undefined || is === was) return []
    if (was === undefined)
      return [widening(false, 5, upstream, `is granted by ${id}, which ${is} approved`, approverKey(id))]
    const text = `is granted by ${id}, which ${is ?? 'nobody'} approved; it was approved by ${was}`
    const change = widening(true, 2, upstream, text, approverKey(id))
    return [isHardened(before, old) && !samePerson(was, old.owner) ? { ...change, also: [was] } : change]
  })
}

function whereText({ server }: UpstreamConfig): string {
  if (server.kind !== 'stdio')
    return urlsOf(server)
      .map(({ href }) => href)
      .join(', with files from ')
  const { root = '', workspace = '', files, env } = server.cell
  const shown = [...files].map(([at, from]) => `${at}=${from}`)
  return [JSON.stringify(server.command), server.shared ? 'shared' : '', root, workspace, ...shown, ...env.keys()]
    .filter((part) => part !== '')
    .join(' ')
}

/** A delegate gets parts of the same authority, in a cell with other files and another program. */
function delegateChanges({ name, delegates: old }: Agent, { delegates: next }: Agent): readonly PartChange[] {
  const part = `agent ${name} delegates`
  return [
    ...next
      .filter((each) => !old.includes(each))
      .map((each) => widening(true, 3, each, 'may be given parts of what it may do', part)),
    ...old
      .filter((each) => !next.includes(each))
      .map((each) => widening(false, 3, each, 'may no longer be given parts of what it may do', part)),
  ]
}

function cellChanges({ name: agent, cell: old }: Agent, { cell: next }: Agent): readonly PartChange[] {
  const changes: PartChange[] = []
  const say = (widens: boolean, rank: number, member: string, text: string) =>
    void changes.push(widening(widens, rank, 'cell', text, `cell of ${agent} ${member}`))
  if (old.root !== next.root) {
    const text = `has the root ${next.root ?? 'of the host’s /usr'}, and had ${old.root ?? 'the host’s /usr'}`
    say(true, 3, 'root', text)
  }
  if (old.workspace !== next.workspace) {
    const text = `has the workspace ${next.workspace ?? 'nowhere'}, and had ${old.workspace ?? 'none'}`
    say(next.workspace !== undefined, 3, 'workspace', text)
  }
  for (const [at, from] of next.files)
    if (old.files.get(at) !== from) say(true, 3, 'files', `is shown ${from} at ${at}`)
  for (const [at, from] of old.files)
    if (!next.files.has(at)) say(false, 3, 'files', `is no longer shown ${from} at ${at}`)
  for (const [name, value] of next.env)
    if (old.env.get(name) !== value) say(true, 5, 'env', `has another ${name} in its environment`)
  // A program may do more without a variable that held it back.
  for (const name of old.env.keys())
    if (!next.env.has(name)) say(true, 5, 'env', `has no ${name} in its environment any more`)
  for (const name of ['cpu', 'memoryBytes', 'pids', 'ioBytesPerSecond', 'wallMs'] as const) {
    const [limit, was] = [next[name] ?? Number.POSITIVE_INFINITY, old[name] ?? Number.POSITIVE_INFINITY]
    if (limit !== was) say(limit > was, 5, name, `may use ${limit} ${name}, and could use ${was}`)
  }
  return changes
}

function widening(widens: boolean, rank: number, about: string, text: string, part?: ConfigPart['key']): PartChange {
  return { widens, rank, about, text, ...(part !== undefined && { part }) }
}

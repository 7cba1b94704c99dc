import { isIP } from 'node:net'
import type { Agent, CellConfig, Config, Environment, GrantConfig, UpstreamConfig } from '../../config/config.ts'
import { placesElsewhere } from '../../config/places.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { urlsOf } from '../../config/server-urls.ts'
import { type KnownHosts, knownHosts } from '../../model/host/this-host.ts'
import {
  type Containment,
  type DeclaredTool,
  type Decoys,
  type EnvironmentName,
  isConnection,
  operationIn,
  type PersonName,
  type UpstreamName,
} from '../../model/index.ts'
import type { ReachChange } from '../../policy/index.ts'
import { egressOf, toolsOf } from '../prepare/catalogue.ts'
import { grantOf, type Judged } from '../prepare/setup.ts'
import { type Actor, actorsIn, undoKey } from './actors.ts'
import { meaningOf } from './meaning.ts'

/**
 * One part of a configuration. All parts together are the configuration: what differs between two differs in a part, and
 * who is asked, what opens anew, and what is followed are made of the parts that differ.
 *
 * - PA1  A part that differs widens what everybody for whom it is may do, unless a comparison has said what it changes.
 * - PA2  A member of a configuration that is in no table here does not compile.
 */
export interface ConfigPart {
  /** Unique in a configuration, and the same in every one that has it. */
  readonly key: string
  /** The same text where two of one key mean the same. */
  readonly meaning: string
  /** The thing that it is about, and what is said of it where no comparison says more; the worst rank is 0. */
  readonly about: string
  readonly text: string
  readonly rank: number
  /** Tells whether an actor may act by it. */
  readonly isFor: (actor: Actor) => boolean
  /** Tells whether a change of the agent's reach says what it changes. */
  readonly isReached?: (about: string) => boolean
  /** True where only a change that widens says enough: what a comparison says of it is not all. */
  readonly explained?: true
  /** The things that it keeps from: where each that was there still is, it is narrower. */
  readonly keepsFrom?: ReadonlySet<string>
  /** True where another part says what it means that it is there at all. */
  readonly isTold?: true
  /** Environments whose gateway keeps it until its end, and what it is there. */
  readonly kept?: { readonly environments: readonly EnvironmentName[]; readonly what: string }
}

/** One change, and the part of the configuration that it is of. */
export interface PartChange extends ReachChange {
  /** Absent for a change of the agent's reach, which many parts make. */
  readonly part?: string
  /** People beside the owner who answer for it. */
  readonly also?: readonly PersonName[]
}

/** A member that has parts of its own, is compared under another name, or means nothing: a name, a place in the file. */
type Apart = 'parts' | 'elsewhere' | 'nothing'

type Members<T, Rule> = { readonly [K in keyof Required<T>]: Rule | Apart }

interface MemberRule extends Pick<ConfigPart, 'about' | 'text' | 'rank' | 'isReached'> {}

const CONFIG: Members<Config, never> = {
  file: 'nothing',
  text: 'nothing',
  directory: 'nothing',
  profile: 'elsewhere',
  tenants: 'elsewhere',
  environments: 'parts',
  upstreams: 'parts',
  agents: 'parts',
  policies: 'elsewhere',
  containment: 'parts',
  secrets: 'elsewhere',
}

const ENVIRONMENT: Members<Environment, Pick<ConfigPart, 'text' | 'rank'> & { readonly kept?: string }> = {
  name: 'nothing',
  tenant: { text: 'is of another tenant', rank: 0, kept: 'its tenant' },
  hardened: { text: 'is hardened otherwise', rank: 0 },
  observe: { text: 'may be observed otherwise', rank: 1 },
  egress: 'parts',
  undo: 'parts',
}

const UPSTREAM: Members<UpstreamConfig, Pick<ConfigPart, 'text' | 'explained'>> = {
  name: 'nothing',
  environment: { text: 'is of another environment' },
  server: { text: 'is reached in another way than before', explained: true },
  relay: { text: 'is a relay, or none any more' },
  tools: 'parts',
  source: 'nothing',
}

/** The members of a tool's declaration that a gateway keeps until its end; decisions alone ask for the others. */
const TOOL: Members<DeclaredTool, 'kept' | 'followed'> = {
  name: 'nothing',
  effect: 'kept',
  amount: 'kept',
  currency: 'kept',
  rows: 'kept',
  maxRows: 'kept',
  timeoutMs: 'kept',
  maxBytes: 'kept',
  settles: 'kept',
  settlesDown: 'kept',
  returns: 'followed',
  ids: 'kept',
  accepts: 'followed',
  acceptsOneOf: 'kept',
  destinations: 'kept',
  content: 'kept',
  anyLinks: 'followed',
  mask: 'kept',
  undo: 'kept',
  check: 'kept',
}

const inCell = (text: string, rank = 5): MemberRule => ({ about: 'cell', text, rank })

const AGENT: Members<Agent, MemberRule> = {
  name: 'nothing',
  owner: 'elsewhere',
  environment: 'elsewhere',
  command: inCell('has another command'),
  cell: 'parts',
  grants: 'parts',
  delegates: { about: 'delegates', text: 'are others', rank: 3 },
  observed: inCell('is observed'),
  source: 'nothing',
}

const CELL: Members<CellConfig, MemberRule> = {
  driver: inCell('has another driver'),
  root: inCell('has another root', 3),
  workspace: inCell('has another workspace', 3),
  hide: inCell('has another hide'),
  labels: { ...inCell('has other labels', 3), isReached: (about) => about === 'workspace' },
  labelled: inCell('has another labelled'),
  files: inCell('is shown other files', 3),
  home: inCell('has another home'),
  cwd: inCell('has another cwd'),
  env: inCell('has other variables'),
  cpu: inCell('has another cpu'),
  memoryBytes: inCell('has another memoryBytes'),
  pids: inCell('has another pids'),
  ioBytesPerSecond: inCell('has another ioBytesPerSecond'),
  wallMs: inCell('has another wallMs'),
  checkpoints: inCell('has another checkpoints'),
  commit: inCell('has another commit'),
}

const GRANT: Members<GrantConfig, 'itself' | 'approver'> = {
  upstream: 'itself',
  tools: 'itself',
  when: 'elsewhere',
  budgets: 'itself',
  expiresMs: 'itself',
  approver: 'approver',
  observed: 'itself',
  source: 'nothing',
}

const CONTAINMENT: Members<Containment, never> = { rules: 'parts', decoys: 'parts' }

const DECOYS: Members<Decoys, 'each'> = { tools: 'each', files: 'each', credentials: 'each', hosts: 'each' }

/** All tables, by the names of what they list: for the test that changes every member. */
export const PART_TABLES = { CONFIG, ENVIRONMENT, UPSTREAM, TOOL, AGENT, CELL, GRANT, CONTAINMENT, DECOYS }

/** A part that one of two configurations lacks, or that means something else in them. */
export interface ChangedPart {
  readonly before?: ConfigPart
  readonly after?: ConfigPart
}

/** Returns the parts that differ between two configurations. */
export function changedParts(before: Judged, after: Judged): readonly ChangedPart[] {
  const hosts = knownHosts()
  const [old, next] = [partsOf(before, hosts), partsOf(after, hosts)]
  return [...new Set([...old.keys(), ...next.keys()])].flatMap((key): readonly ChangedPart[] => {
    const [was, is] = [old.get(key), next.get(key)]
    return was?.meaning === is?.meaning ? [] : [{ ...(was && { before: was }), ...(is && { after: is }) }]
  })
}

/** Returns the parts of a configuration by their keys. */
function partsOf(judged: Judged, hosts: KnownHosts): ReadonlyMap<string, ConfigPart> {
  const parts = [
    ...[...judged.config.environments.values()].flatMap((environment) => environmentParts(judged, environment, hosts)),
    ...containmentParts(judged),
    ...[...judged.config.upstreams.values()].flatMap((upstream) => upstreamParts(judged, upstream)),
    ...[...actorsIn(judged.config).values()].flatMap((actor) => actorParts(judged, actor)),
  ]
  return new Map(parts.map((part) => [part.key, part]))
}

function environmentParts({ config }: Judged, environment: Environment, hosts: KnownHosts): readonly ConfigPart[] {
  const { name, egress } = environment
  const isFor = (actor: Actor) => actor.environment === name
  const relays = new Set(
    [...config.upstreams.values()].flatMap((each) =>
      each.environment === name && each.relay && each.server.kind === 'stdio' ? [each.name] : [],
    ),
  )
  const drivers = [...config.agents.values()].flatMap((each) => (each.environment === name ? [each.cell.driver] : []))
  const elsewhere = new Set(placesElsewhere(config, name, hosts))
  const own = { about: name, isFor } as const
  return [
    ...membersOf(environment, ENVIRONMENT).map(([member, value, { text, rank, kept }]): ConfigPart => {
      return { ...own, ...partOf(`environment ${name} ${member}`, value), text, rank, ...keptIn(name, kept) }
    }),
    {
      ...partOf(
        `environment ${name} egress`,
        new Set([...egressOf(config, name), ...egress.map(({ value }) => value.href)]),
      ),
      about: name,
      text: 'lets relays reach other origins',
      rank: 1,
      isFor: (actor) => isFor(actor) && actor.grants.some(({ upstream }) => relays.has(upstream)),
      isReached: isOfConnection,
      ...keptIn(name, 'its egress'),
    },
    {
      ...own,
      ...partOf(`environment ${name} elsewhere`, elsewhere),
      keepsFrom: elsewhere,
      text: 'keeps from other places of other environments than before',
      rank: 4,
      isFor: (actor) => isFor(actor) && actor.grants.some(({ upstream }) => isByName(config, upstream)),
      ...keptIn(name, 'the places of other environments'),
    },
    {
      ...own,
      ...partOf(`environment ${name} drivers`, new Set(drivers)),
      text: 'has other drivers',
      rank: 5,
      isFor: () => false,
      ...keptIn(name, 'the driver of its cells'),
    },
  ]
}

/** Tells whether an upstream goes where names lead: by its own address, or as a relay. */
function isByName({ upstreams }: Config, name: UpstreamName): boolean {
  const { server, relay = false } = upstreams.get(name) ?? {}
  const urls = server === undefined ? [] : urlsOf(server)
  return relay || urls.some(({ hostname }) => isIP(hostname.replace(/^\[|\]$/g, '')) === 0)
}

function isOfConnection(about: string): boolean {
  return isConnection(operationIn(about.slice(about.indexOf('/') + 1)).operation)
}

function containmentParts({ config: { containment, environments } }: Judged): readonly ConfigPart[] {
  const own = { about: 'containment', rank: 4, isFor: () => true } as const
  return [
    ...Object.entries(containment.rules).map(([name, rule]): ConfigPart => {
      const part = { ...own, ...partOf(`containment rules ${name}`, rule), text: `has another rule for ${name}` }
      return { ...part, kept: { environments: [...environments.keys()], what: 'the rules of detectors' } }
    }),
    ...membersOf(containment.decoys, DECOYS).map(([kind, baits]): ConfigPart => {
      const part = { ...own, ...partOf(`containment decoys ${kind}`, baits), text: `has other decoys among ${kind}` }
      // No program of undo's is shown any.
      return { ...part, isFor: ({ agent }) => agent !== undefined }
    }),
  ]
}

function upstreamParts({ config, accepted }: Judged, upstream: UpstreamConfig): readonly ConfigPart[] {
  const { name, environment, server } = upstream
  const kept = keptIn(environment, `upstream ${name}`)
  const own = { about: name, rank: 2, isFor: grantedBy(name), ...kept } as const
  const secrets = secretsOf(server).map((secret) => [secret, config.secrets.get(secret)] as const)
  return [
    ...membersOf(upstream, UPSTREAM).map(([member, value, rule]): ConfigPart => {
      return { ...own, ...partOf(`upstream ${name} ${member}`, value), ...rule }
    }),
    { ...own, ...partOf(`upstream ${name} secrets`, new Map(secrets)), text: 'is given other secrets' },
    ...[...toolsOf(upstream, accepted)].flatMap(([tool, { declared, pinned }]): readonly ConfigPart[] => {
      const id = `${name}/${tool}`
      const members = membersOf(declared, TOOL)
      const of = (wanted: 'kept' | 'followed') =>
        members.flatMap(([member, value, when]) => (when === wanted ? [[member, value]] : []))
      const part = {
        about: id,
        text: 'is declared otherwise',
        rank: 2,
        isReached: (about: string) => about === id,
      }
      return [
        // How a tool is undone and checked stands in its own declaration, and undo is granted the tools that do it.
        {
          ...part,
          ...kept,
          ...partOf(`tool ${id}`, [of('kept'), pinned?.digest]),
          isFor: (actor) => grantedBy(name, actor.agent && tool)(actor),
        },
        { ...part, ...partOf(`tool ${id} as decisions ask of it`, of('followed')), isFor: grantedBy(name, tool) },
      ]
    }),
  ]
}

/** Returns whether an actor is granted an upstream, or a tool of it. */
function grantedBy(upstream: UpstreamName, tool?: DeclaredTool['name']): ConfigPart['isFor'] {
  return ({ grants }) =>
    grants.some((grant) => grant.upstream === upstream && (tool === undefined || grant.tools.has(tool)))
}

function actorParts(judged: Judged, actor: Actor): readonly ConfigPart[] {
  const { agent, key, environment } = actor
  const isFor = (other: Actor) => other.key === key
  if (agent === undefined) {
    // Nobody computes what they come to: they are compared as they are written.
    const grants = actor.grants.map((grant) => [membersOf(grant, GRANT), grant.when?.value])
    const undo = partOf(undoKey(environment), [actor.owner, grants])
    return [{ ...undo, about: environment, text: 'has other grants for undo', rank: 2, isFor }]
  }
  const memberParts = <T extends object>(value: T, table: Members<T, MemberRule>, of: string) =>
    membersOf(value, table).map(
      ([member, own, rule]): ConfigPart => ({ ...partOf(`${of} ${member}`, own), ...rule, isFor }),
    )
  return [
    ...memberParts(agent, AGENT, `agent ${key}`),
    ...memberParts(agent.cell, CELL, `cell of ${key}`),
    ...actor.grants.flatMap((grant, i) => grantParts(judged, actor, grant, i)),
  ]
}

function grantParts({ policies }: Judged, actor: Actor, grant: GrantConfig, index: number): readonly ConfigPart[] {
  const { id, upstream } = grantOf(actor, grant, index)
  const isFor = (other: Actor) => other.key === actor.key
  const conditions = policies.policies.flatMap((each) => (each.grant === id ? [each.json] : []))
  const members = membersOf(grant, GRANT)
  const itself = members.flatMap(([member, value, rule]) => (rule === 'itself' ? [[member, value]] : []))
  return [
    {
      ...partOf(`grant ${id}`, [itself, conditions.length > 0 ? conditions : grant.when?.value]),
      about: upstream,
      text: `is granted otherwise by ${id}`,
      rank: 3,
      isFor,
      isReached: (about) => about === upstream || about.startsWith(`${upstream}/`),
    },
    {
      ...partOf(approverKey(id), grant.approver),
      about: upstream,
      text: `is granted by ${id}, which somebody else approved`,
      rank: 2,
      isFor,
      isTold: true,
    },
  ]
}

/** Returns the key of the part that says who approved a grant. */
export function approverKey(grant: string): string {
  return `grant ${grant} approver`
}

function partOf(key: string, value: unknown): Pick<ConfigPart, 'key' | 'meaning'> {
  return { key, meaning: meaningOf(value) }
}

function keptIn(environment: EnvironmentName, what: string | undefined): Pick<ConfigPart, 'kept'> {
  return what === undefined ? {} : { kept: { environments: [environment], what } }
}

/** Returns the members that a table has a rule for, with their values and their rules. */
function membersOf<T extends object, Rule>(
  value: T,
  table: Members<T, Rule>,
): readonly (readonly [member: string, value: unknown, rule: Exclude<Rule, Apart>])[] {
  const values = new Map<string, unknown>(Object.entries(value))
  return Object.entries<Rule | Apart>(table).flatMap(([member, rule]) =>
    isRule(rule) ? [[member, values.get(member), rule] as const] : [],
  )
}

function isRule<Rule>(rule: Rule | Apart): rule is Exclude<Rule, Apart> {
  return rule !== 'parts' && rule !== 'elsewhere' && rule !== 'nothing'
}

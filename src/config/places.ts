import { isIP } from 'node:net'
import { type KnownHosts, knownHosts, placesOfUrl, THIS_HOST } from '../model/host/this-host.ts'
import { type EnvironmentName, grantedName, MODEL_WAYS_THAT_KEEP, type Problem } from '../model/index.ts'
import type { Agent, Config, UpstreamConfig } from './config.ts'
import { foundAt, isPublicRegistry, urlsOf } from './server-urls.ts'

type Placed = Pick<Config, 'upstreams' | 'environments' | 'agents'>

/**
 * S6: every place that something of an environment reaches belongs to that environment alone, whoever reaches it: an
 * upstream through the gateway, or a relay by its environment's egress. And no relay reaches an upstream past the gateway.
 * Providers of models may be asked from several environments, for what nothing is kept of; so may public registries.
 */
export function placeProblems(config: Placed, hosts: KnownHosts = knownHosts()): Problem[] {
  const { upstreams, environments } = config
  const problems: Problem[] = []
  const homes = new Map<string, Home[]>()
  /** Takes a URL in, and returns a home of one of its places that stands in its way. */
  const settle = (url: URL, home: Home, stands: (other: Home) => boolean): Home | undefined => {
    const known = [...placesOfUrl(url, hosts)].map((place) => {
      const all = homes.get(place) ?? []
      homes.set(place, [...all, home])
      return all
    })
    return known.flat().find(stands)
  }
  for (const upstream of upstreams.values()) {
    const { name, server, environment, source } = upstream
    const home: Home = {
      environment,
      whose: `upstream "${name}"`,
      isUpstream: true,
      sharing: sharingOf(server),
      keeps: waysThatKeep(config, upstream),
    }
    for (const url of urlsOf(server)) {
      const other = settle(url, home, (each) => each.environment !== environment && !mayShare(home, each))
      if (other === undefined) continue
      const what = url === urlsOf(server)[0] ? 'origin' : 'files of'
      const message = `${what} ${url.origin} of "${name}" belongs to environment "${other.environment}" already (${other.whose})`
      const isKept = home.sharing !== undefined && home.sharing === other.sharing
      problems.push(
        isKept
          ? {
              source,
              message: `${message}: both are granted what is kept there (${keptBy(home, other)})`,
              expected: KEPT_ONCE,
            }
          : { source, message, expected: ONE_HOME },
      )
      break
    }
  }
  for (const { name: environment, egress } of environments.values()) {
    for (const { value: url, source } of egress) {
      const home: Home = { environment, whose: 'its egress', isUpstream: false, keeps: [] }
      const other = settle(url, home, (each) => each.isUpstream || each.environment !== environment)
      if (other === undefined) continue
      const owned = `egress ${url.origin} of environment "${environment}" belongs to`
      if (other.environment === environment) {
        const message = `${owned} ${other.whose}: a relay would reach it past the gateway`
        problems.push({ source, message, expected: 'an origin that is no upstream’s' })
      } else {
        const message = `${owned} environment "${other.environment}" already (${other.whose})`
        problems.push({ source, message, expected: ONE_HOME })
      }
    }
  }
  return [...problems, ...[...config.agents.values()].flatMap((agent) => foundTwice(agent, upstreams))]
}

const ONE_HOME = 'an origin in one environment only'
const KEPT_ONCE = 'what a provider keeps granted in one environment only: another could read it there'

interface Home {
  readonly environment: EnvironmentName
  readonly whose: string
  readonly isUpstream: boolean
  /** The kind of server that several environments may have at one place; absent: none but this. */
  readonly sharing?: Sharing | undefined
  /** Ways out of a provider of models that keep something there, as far as they are granted. */
  readonly keeps: readonly string[]
}

type Sharing = 'model' | 'public registry'

/** Returns the kind of a server that several environments may ask, where each has its own key or none is needed. */
function sharingOf(server: UpstreamConfig['server']): Sharing | undefined {
  if (server.kind !== 'origin') return undefined
  if (server.model !== undefined) return 'model'
  return isPublicRegistry(server) ? 'public registry' : undefined
}

/** Tells whether two environments may have one place: as the same kind, of which only one is granted what is kept there. */
function mayShare(one: Home, other: Home): boolean {
  if (one.sharing === undefined || one.sharing !== other.sharing) return false
  return one.keeps.length === 0 || other.keeps.length === 0
}

function keptBy(one: Home, other: Home): string {
  return [...new Set([...other.keeps, ...one.keeps])].join(', ')
}

function waysThatKeep({ agents, environments }: Placed, { name, environment, server }: UpstreamConfig): string[] {
  if (sharingOf(server) !== 'model') return []
  const undo = environments.get(environment)?.undo?.grants ?? []
  const grants = [...[...agents.values()].flatMap((agent) => agent.grants), ...undo]
  const granted = new Set<string>(grants.flatMap((grant) => (grant.upstream === name ? [...grant.tools] : [])))
  return MODEL_WAYS_THAT_KEEP.filter((way) => granted.has(grantedName('model', way)))
}

/** Returns the upstreams of an agent that its programs find at one place: the first alone would ever be asked. */
function foundTwice({ name, grants, source }: Agent, upstreams: Config['upstreams']): readonly Problem[] {
  const problems: Problem[] = []
  const known = new Map<string, string>()
  for (const upstream of new Set(grants.map((grant) => grant.upstream))) {
    const server = upstreams.get(upstream)?.server
    if (server?.kind !== 'origin') continue
    const place = foundAt(server).find((each) => known.has(each))
    if (place !== undefined) {
      const message = `programs of agent "${name}" find both "${known.get(place)}" and "${upstream}" at ${place}`
      problems.push({ source, message, expected: 'one upstream for each place that an agent is granted' })
    }
    for (const each of foundAt(server)) known.set(each, upstream)
  }
  return problems
}

/**
 * Returns what of other environments can be told by its address alone: this host's ports, and addresses that are written
 * down, in the configuration or in the hosts file. A name of this environment that leads there is theirs, whatever it is
 * called.
 */
export function placesElsewhere(
  { upstreams, environments }: Pick<Config, 'upstreams' | 'environments'>,
  environment: EnvironmentName,
  hosts: KnownHosts = knownHosts(),
): readonly string[] {
  const all = [...upstreams.values()].flatMap(({ server, environment: home }) =>
    urlsOf(server)
      .flatMap((url) => [...placesOfUrl(url, hosts)])
      .map((place) => ({ place, home, sharing: sharingOf(server) })),
  )
  const own = all.filter(({ home }) => home === environment)
  const isShared = ({ place, sharing }: (typeof all)[number]) =>
    sharing !== undefined && own.some((each) => each.place === place && each.sharing === sharing)
  const theirs = all.filter((each) => each.home !== environment && !isShared(each)).map(({ place }) => place)
  const egress = [...environments.values()].flatMap(({ name, egress: urls }) =>
    name === environment ? [] : urls.flatMap(({ value }) => [...placesOfUrl(value, hosts)]),
  )
  return [...theirs, ...egress].filter(isAddressed)
}

function isAddressed(place: string): boolean {
  const host = place.slice(0, place.lastIndexOf(':'))
  return host === THIS_HOST || isIP(host) !== 0
}

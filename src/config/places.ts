import { isIP } from 'node:net'
import { type KnownHosts, knownHosts, placesOfUrl, THIS_HOST } from '../model/host/this-host.ts'
import type { EnvironmentName, Problem } from '../model/index.ts'
import type { Config, OriginServer, UpstreamConfig } from './config.ts'

/**
 * S6: every place that something of an environment reaches belongs to that environment alone, whoever reaches it: an
 * upstream through the gateway, or a relay by its environment's egress. And no relay reaches an upstream past the gateway.
 */
export function placeProblems(
  { upstreams, environments }: Pick<Config, 'upstreams' | 'environments'>,
  hosts: KnownHosts = knownHosts(),
): Problem[] {
  const problems: Problem[] = []
  const homes = new Map<string, Home>()
  /** Takes a URL in, unless one of its places has a home that stands in its way, which is returned. */
  const settle = (url: URL, home: Home, stands: (other: Home) => boolean): Home | undefined => {
    const places = [...placesOfUrl(url, hosts)]
    const other = places.flatMap((place) => homes.get(place) ?? []).find(stands)
    if (other === undefined) for (const place of places) homes.set(place, home)
    return other
  }
  for (const { name, server, environment, source } of upstreams.values()) {
    if (server.kind === 'stdio') continue
    const isModel = isProvider(server)
    const home = { environment, whose: `upstream "${name}"`, isUpstream: true, isModel }
    // What they keep of one environment no other can read: each has a key of its own there, or none.
    const other = settle(server.url, home, (each) => each.environment !== environment && !(isModel && each.isModel))
    if (other === undefined) continue
    const message = `origin ${server.url.origin} of "${name}" belongs to environment "${other.environment}" already (${other.whose})`
    problems.push({ source, message, expected: ONE_HOME })
  }
  for (const { name: environment, egress } of environments.values()) {
    for (const { value: url, source } of egress) {
      const home = { environment, whose: 'its egress', isUpstream: false, isModel: false }
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
  return problems
}

const ONE_HOME = 'an origin in one environment only'

interface Home {
  readonly environment: EnvironmentName
  readonly whose: string
  readonly isUpstream: boolean
  readonly isModel: boolean
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
  const own = [...upstreams.values()].flatMap(({ server, environment: home }) =>
    home === environment && isProvider(server) ? [server.url.href] : [],
  )
  const urls = [
    ...[...upstreams.values()].flatMap(({ server, environment: home }) =>
      server.kind !== 'stdio' && home !== environment && !(isProvider(server) && own.includes(server.url.href))
        ? [server.url]
        : [],
    ),
    ...[...environments.values()].flatMap(({ name, egress }) =>
      name === environment ? [] : egress.map(({ value }) => value),
    ),
  ]
  return urls.flatMap((url) => [...placesOfUrl(url, hosts)]).filter(isAddressed)
}

/** Tells whether a server is a provider of models or a registry of packages, which several environments may ask. */
function isProvider(server: UpstreamConfig['server']): server is OriginServer {
  return server.kind === 'origin' && (server.model !== undefined || server.packages !== undefined)
}

function isAddressed(place: string): boolean {
  const host = place.slice(0, place.lastIndexOf(':'))
  return host === THIS_HOST || isIP(host) !== 0
}

import { isIP } from 'node:net'
import type { EnvironmentName, Problem } from '../model/index.ts'
import { bareAddress, knownHosts, placeOfUrl, THIS_HOST } from '../model/this-host.ts'
import type { Config } from './config.ts'

/**
 * S6: every place that something of an environment reaches belongs to that environment alone, whoever reaches it: an
 * upstream through the gateway, or a relay by its environment's egress. And no relay reaches an upstream past the gateway.
 */
export function placeProblems({ upstreams, environments }: Pick<Config, 'upstreams' | 'environments'>): Problem[] {
  const problems: Problem[] = []
  const homes = new Map<string, Home>()
  const hosts = knownHosts()
  const placeOf = (url: URL) => placeOfUrl(url, hosts)
  for (const { name, mcp, environment, source } of upstreams.values()) {
    if (mcp.kind !== 'http') continue
    const other = homes.get(placeOf(mcp.url))
    if (other !== undefined && other.environment !== environment) {
      const message = `origin ${mcp.url.origin} of "${name}" belongs to environment "${other.environment}" already (${other.whose})`
      problems.push({ source, message, expected: ONE_HOME })
    } else homes.set(placeOf(mcp.url), { environment, whose: `upstream "${name}"`, isUpstream: true })
  }
  for (const { name: environment, egress } of environments.values()) {
    for (const { value: url, source } of egress) {
      const other = homes.get(placeOf(url))
      const owned = `egress ${url.origin} of environment "${environment}" belongs to`
      if (other?.isUpstream === true && other.environment === environment) {
        const message = `${owned} ${other.whose}: a relay would reach it past the gateway`
        problems.push({ source, message, expected: 'an origin that is no upstream’s' })
      } else if (other !== undefined && other.environment !== environment) {
        const message = `${owned} environment "${other.environment}" already (${other.whose})`
        problems.push({ source, message, expected: ONE_HOME })
      } else homes.set(placeOf(url), { environment, whose: 'its egress', isUpstream: false })
    }
  }
  return problems
}

const ONE_HOME = 'an origin in one environment only'

interface Home {
  readonly environment: EnvironmentName
  readonly whose: string
  readonly isUpstream: boolean
}

/**
 * Returns what of other environments can be told by its address alone: this host's ports, and addresses that are written
 * down. A name of this environment that leads there is theirs, whatever it is called.
 */
export function placesElsewhere(
  { upstreams, environments }: Pick<Config, 'upstreams' | 'environments'>,
  environment: EnvironmentName,
): readonly string[] {
  const hosts = knownHosts()
  const urls = [
    ...[...upstreams.values()].flatMap(({ mcp, environment: home }) =>
      mcp.kind === 'http' && home !== environment ? [mcp.url] : [],
    ),
    ...[...environments.values()].flatMap(({ name, egress }) =>
      name === environment ? [] : egress.map(({ value }) => value),
    ),
  ]
  const places = urls.map((url) => [url, placeOfUrl(url, hosts)] as const)
  return places.flatMap(([url, place]) =>
    place.startsWith(`${THIS_HOST}:`) || isIP(bareAddress(url.hostname)) !== 0 ? [place] : [],
  )
}

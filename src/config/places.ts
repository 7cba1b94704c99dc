import type { EnvironmentName, Problem } from '../model/index.ts'
import type { Config } from './config.ts'

/**
 * S6: every place that something of an environment reaches belongs to that environment alone, whoever reaches it: an
 * upstream through the gateway, or a relay by its environment's egress. And no relay reaches an upstream past the gateway.
 */
export function placeProblems({ upstreams, environments }: Pick<Config, 'upstreams' | 'environments'>): Problem[] {
  const problems: Problem[] = []
  const homes = new Map<string, Home>()
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

/** Host and port: what one TCP connection reaches. All names and addresses of this very machine are one host. */
function placeOf({ hostname, port, protocol }: URL): string {
  const host = hostname.replace(/\.$/, '')
  return `${isThisHost(host) ? 'this host' : host}:${port === '' ? (protocol === 'https:' ? 443 : 80) : port}`
}

/** As the URL parser writes them. Linux connects whoever asks for the unspecified address to itself. */
function isThisHost(host: string): boolean {
  return /^(?:127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\]|\[::ffff:(?:7f[0-9a-f]{2}:[0-9a-f]+|0:0)\]|(?:.+\.)?localhost)$/.test(
    host,
  )
}

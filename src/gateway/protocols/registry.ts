import type { ProtocolName } from '../../model/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { GIT } from './git/index.ts'
import { HTTP } from './http/index.ts'
import { MCP } from './mcp/index.ts'
import { MODEL } from './model/index.ts'
import { PACKAGE } from './package/index.ts'
import type { Dialler, DialOptions, Door, Protocol } from './protocol.ts'
import { RELAY } from './relay/index.ts'
import { TUNNEL } from './tunnel/index.ts'
import { CellWeb } from './web-door.ts'

/** Every protocol of the gateway, by the name that intents record. */
export const PROTOCOLS: ReadonlyMap<ProtocolName, Protocol> = new Map(
  [MCP, RELAY, HTTP, MODEL, PACKAGE, GIT, TUNNEL].map((protocol) => [protocol.name, protocol]),
)

/** Makes what opens a gateway's lines to upstreams, by the way in which each is reached; a relay's connections need no line of their own. */
export function dialler(options: DialOptions): Dialler {
  const [mcp, http, tunnel] = [MCP.dialler(options), HTTP.dialler(options), TUNNEL.dialler(options)]
  const [model, packages, git] = [MODEL.dialler(options), PACKAGE.dialler(options), GIT.dialler(options)]
  return (setup, line) => {
    const { server } = setup
    if (server.kind !== 'origin') return mcp(setup, line)
    if (server.packages !== undefined) return packages(setup, line)
    if (server.git !== undefined) return git(setup, line)
    if (server.tunnel === true) return tunnel(setup, line)
    return server.model === undefined ? http(setup, line) : model(setup, line)
  }
}

/** Opens the door of a cell to the gateway itself, where it speaks MCP. */
export function openDoor(gate: EnvironmentContext, cell: ServedCell): Door {
  return MCP.openDoor(gate, cell)
}

/** Opens the door of a cell to the web, whichever protocol each origin speaks. */
export function openWeb(gate: EnvironmentContext, cell: ServedCell): CellWeb {
  const { issuer } = cell
  if (issuer === undefined) throw new Error(`cell ${cell.id} has a way to the web and no issuer`)
  return new CellWeb({ gate, cell, leaf: (host) => issuer.leaf(host) })
}

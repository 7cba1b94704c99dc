import type { ProtocolName } from '../../model/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { MCP } from './mcp/index.ts'
import type { Dialler, DialOptions, Door, Protocol } from './protocol.ts'
import { RELAY } from './relay/index.ts'

/** Every protocol of the gateway, by the name that intents record. */
export const PROTOCOLS: ReadonlyMap<ProtocolName, Protocol> = new Map(
  [MCP, RELAY].map((protocol) => [protocol.name, protocol]),
)

/** Makes what opens a gateway's lines to upstreams, whichever protocol each speaks. Today the configuration knows one, and a relay's connections need no line of their own. */
export function dialler(options: DialOptions): Dialler {
  return MCP.dialler(options)
}

/** Opens the door of a cell. Today cells speak one protocol. */
export function openDoor(gate: EnvironmentContext, cell: ServedCell): Door {
  return MCP.openDoor(gate, cell)
}

import type { ProtocolName } from '../../model/index.ts'
import { MCP } from './mcp/index.ts'
import type { Protocol } from './protocol.ts'

/** Every protocol of the gateway, by the name that intents record. */
export const PROTOCOLS: ReadonlyMap<ProtocolName, Protocol> = new Map(
  [MCP].map((protocol) => [protocol.name, protocol]),
)

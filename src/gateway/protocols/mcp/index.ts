import { protocolName } from '../../../model/index.ts'
import type { SpokenProtocol } from '../protocol.ts'
import { performCall, performOnce } from './call.ts'
import { mcpPayloads } from './contract/payload.ts'
import { McpUpstream } from './contract/upstream.ts'
import { McpDoor } from './door/door.ts'
import { Connector } from './server/connector.ts'

/** The Model Context Protocol, in each revision that `revision.ts` names, over Streamable HTTP and over pipes. */
export const MCP: SpokenProtocol = {
  name: protocolName('mcp'),
  payloads: mcpPayloads,
  dialler(dial) {
    const connector = new Connector(dial)
    return (setup, { number, ...options }) =>
      new McpUpstream({
        ...options,
        name: setup.name,
        tools: new Map(setup.tools),
        connect: (signal) => connector.connect(setup, number, signal),
      })
  },
  openDoor: (gate, cell) => new McpDoor(gate, cell),
  performOwn(gate, cell, line, { operation, target, args, signal, about }) {
    if (!(line instanceof McpUpstream)) throw new Error(`${line.name} does not speak MCP`)
    const performing = 'checks' in about ? performCall : performOnce
    return performing(gate, cell, line, { operation, target, args, signal, about })
  },
}

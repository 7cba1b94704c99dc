import { protocolName } from '../../../model/index.ts'
import type { Protocol } from '../protocol.ts'
import { performCall, performOnce } from './call.ts'
import { mcpPayloads } from './payload.ts'
import { McpUpstream } from './upstream.ts'

/** The Model Context Protocol, in each revision that `revision.ts` names, over Streamable HTTP and over pipes. */
export const MCP: Protocol = {
  name: protocolName('mcp'),
  payloads: mcpPayloads,
  performOwn(gate, cell, line, { operation, target, args, signal, about }) {
    if (!(line instanceof McpUpstream)) throw new Error(`${line.name} does not speak MCP`)
    const performing = 'checks' in about ? performCall : performOnce
    const params = { name: target, arguments: args }
    return performing(gate, cell, line, { operation, target, args, method: 'tools/call', params, signal, about })
  },
}

import { type ProtocolName, protocolName } from '../../model/index.ts'
import { httpPayloads, originPayloads } from './http/payload.ts'
import { mcpPayloads } from './mcp/contract/payload.ts'
import type { PayloadReader } from './protocol.ts'
import { relayPayloads } from './relay/payload.ts'

const READERS: ReadonlyMap<ProtocolName, PayloadReader> = new Map([
  [protocolName('mcp'), mcpPayloads],
  [protocolName('relay'), relayPayloads],
  [protocolName('http'), httpPayloads],
])

/** Entries written before intents named their protocol are of this one. */
const FIRST = protocolName('mcp')

/** Returns the reader of what a protocol sent and received; of one that has none, and of one that no version of ours had, it reads nothing. */
export function payloadsOf(protocol: ProtocolName = FIRST): PayloadReader {
  return READERS.get(protocol) ?? originPayloads
}

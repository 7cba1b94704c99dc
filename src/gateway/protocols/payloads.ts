import { type ProtocolName, protocolName } from '../../model/index.ts'
import { gitPayloads } from './git/payload.ts'
import { httpPayloads } from './http/payload.ts'
import { mcpPayloads } from './mcp/contract/payload.ts'
import { modelPayloads } from './model/payload.ts'
import { packagePayloads } from './package/payload.ts'
import type { PayloadReader } from './protocol.ts'
import { relayPayloads } from './relay/payload.ts'

const READERS: ReadonlyMap<ProtocolName, PayloadReader> = new Map([
  [protocolName('mcp'), mcpPayloads],
  [protocolName('relay'), relayPayloads],
  [protocolName('http'), httpPayloads],
  [protocolName('model'), modelPayloads],
  [protocolName('package'), packagePayloads],
  [protocolName('git'), gitPayloads],
])

/** Entries written before intents named their protocol are of this one. */
const FIRST = protocolName('mcp')

/** Returns the reader of what a protocol sent and received; one that no version of ours had reads nothing. */
export function payloadsOf(protocol: ProtocolName = FIRST): PayloadReader {
  return READERS.get(protocol) ?? NONE
}

const NONE: PayloadReader = { argumentsIn: () => undefined, answerIn: () => undefined }

import type { Protocol } from '../protocol.ts'
import { RELAY_NAME } from './line.ts'
import { relayPayloads } from './payload.ts'

/** The connections by which relays get out of their upstream cells: HTTP through a proxy, and tunnels. */
export const RELAY: Protocol = { name: RELAY_NAME, payloads: relayPayloads }

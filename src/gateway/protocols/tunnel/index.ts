import { originOptions } from '../http/origin-line.ts'
import { originPayloads } from '../http/payload.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { TUNNEL_NAME, TunnelLine } from './line.ts'

/** Connections to origins that speak TLS with the programs of a cell themselves. */
export const TUNNEL: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: TUNNEL_NAME,
  payloads: originPayloads,
  dialler: (dial) => (setup, line) => new TunnelLine(originOptions(setup, line, dial)),
}

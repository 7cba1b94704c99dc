import { protocolName } from '../../../model/index.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'

export const TUNNEL_NAME = protocolName('tunnel')

/** One origin whose TLS is between it and the programs of a cell: its connections are opened and counted, and not read. */
export class TunnelLine extends OriginLine {
  readonly elsewhere: readonly string[]
  /** The sentence with which the last connection was not made, for a program that speaks TLS with the gate instead. */
  lastRefusal: { readonly sentence: string; readonly reference?: string } | undefined

  constructor(options: OriginLineOptions) {
    super(options, { protocol: TUNNEL_NAME, key: 'tunnel', most: { connections: 1 } })
    this.elsewhere = options.elsewhere
  }
}

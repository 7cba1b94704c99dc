import type { CellSpec } from './spec.ts'

/** A socket of a cell that its gateway accepts or receives on: the cell is known by it. */
export interface CellSocket {
  readonly transport: 'tcp' | 'udp'
  /** Addresses at which it answers: the cell's own 127.0.0.1, or every IPv4 address. */
  readonly at: 'loopback' | 'anywhere'
  readonly port: number
}

/** Returns the sockets that a cell is asked to have, in the order of its listeners. */
export function socketsOf({ ports, anywhere = [] }: Pick<CellSpec, 'ports' | 'anywhere'>): readonly CellSocket[] {
  return [
    ...ports.map((port) => ({ transport: 'tcp', at: 'loopback', port }) as const),
    ...anywhere.map(({ transport, port }) => ({ transport, at: 'anywhere', port }) as const),
  ]
}

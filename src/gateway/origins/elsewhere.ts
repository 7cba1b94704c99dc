import { isIP } from 'node:net'
import { knownHosts, placeOfAddress } from '../../model/host/this-host.ts'

/**
 * Returns why nothing of this environment goes to an address and port; undefined where it is no other environment's. S6 at
 * the moment of a connection: a name that leads to a place of another environment is not followed.
 */
export function belongsElsewhere(host: string, port: number, elsewhere: readonly string[]): string | undefined {
  if (elsewhere.length === 0 || isIP(host.replace(/^\[|\]$/g, '')) === 0) return undefined
  const place = placeOfAddress(host, port, knownHosts())
  return elsewhere.includes(place) ? `it leads to ${place}, which belongs to another environment` : undefined
}

import { lookup } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { knownHosts, placeOfAddress } from '../../../model/host/this-host.ts'

/**
 * S6 at the moment of a connection: a name of this environment that leads to a place of another one is not followed. Asked
 * for each connection anew, with the address that is then used.
 */
export function lookupOutside(elsewhere: readonly string[], port: number): LookupFunction {
  return (host, options, done) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error !== null) return done(error, '')
      const belongs = found
        .map(({ address }) => belongsElsewhere(address, port, elsewhere))
        .find((why) => why !== undefined)
      const [first] = found
      if (belongs !== undefined || first === undefined)
        return done(new Error(`${host}: ${belongs ?? 'no address'}`), '')
      if (options.all === true) done(null, found)
      else done(null, first.address, first.family)
    })
  }
}

/** Returns why nothing of this environment goes to an address and port; undefined where it is no other environment's. */
export function belongsElsewhere(host: string, port: number, elsewhere: readonly string[]): string | undefined {
  if (elsewhere.length === 0 || isIP(host.replace(/^\[|\]$/g, '')) === 0) return undefined
  const place = placeOfAddress(host, port, knownHosts())
  return elsewhere.includes(place) ? `it leads to ${place}, which belongs to another environment` : undefined
}

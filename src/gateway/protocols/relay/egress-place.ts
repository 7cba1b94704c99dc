import { isIP } from 'node:net'

/** An origin that a person declared. */
export interface Place {
  /** Host and port, in the form that every way of asking is brought to. */
  readonly name: string
  readonly hostname: string
  readonly port: number
  /** Host and port in the form of the `Host` header. */
  readonly host: string
  /** Address, where the host is one itself. */
  readonly address?: string
}

/** Returns the place that a declared origin is: `https://host`, `http://127.0.0.1:8080`. */
export function placeIn(origin: string): Place {
  const url = new URL(origin)
  const { hostname, host } = url
  const bare = hostname.replace(/^\[|\]$/g, '')
  return { name: placeName(url), hostname, port: portOf(url), host, ...(isIP(bare) !== 0 && { address: bare }) }
}

/** Returns host and port of a URL, as `Place` has them. */
export function placeName(url: URL): string {
  return `${url.hostname}:${portOf(url)}`
}

/** Returns a URL's port; where that is the usual one of its scheme, the parser has left it out. */
function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)
}

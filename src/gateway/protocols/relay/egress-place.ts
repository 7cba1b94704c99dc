import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'
import { knownHosts } from '../../../model/host/this-host.ts'

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

export async function addressesOf(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address)
}

/** Tells whether an address is of the open internet, and none of this host's own. */
export function isPublic(address: string): boolean {
  if (knownHosts().isOwn(address)) return false
  if (isIP(address) === 4) return !RESERVED.check(address, 'ipv4')
  return isIP(address) === 6 && GLOBAL_UNICAST.check(address, 'ipv6') && !RESERVED.check(address, 'ipv6')
}

type Ranges = Readonly<Record<'ipv4' | 'ipv6', readonly (readonly [net: string, prefix: number])[]>>

/**
 * IANA's registries of special-purpose addresses: what is not of the open internet, and what holds another address. And
 * 168.63.129.16, where hosts of Azure speak to their machines.
 */
const RESERVED = reserved({
  ipv4: [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['168.63.129.16', 32],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.88.99.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 3],
  ],
  ipv6: [
    ['2001::', 23],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['3fff::', 20],
  ],
})
const GLOBAL_UNICAST = reserved({ ipv4: [], ipv6: [['2000::', 3]] })

function reserved({ ipv4, ipv6 }: Ranges): BlockList {
  const list = new BlockList()
  for (const [net, prefix] of ipv4) list.addSubnet(net, prefix, 'ipv4')
  for (const [net, prefix] of ipv6) list.addSubnet(net, prefix, 'ipv6')
  return list
}

import { readFileSync } from 'node:fs'
import { BlockList, isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { withoutEnd } from '../text/text.ts'

/** The names and addresses that this machine knows of itself and of others, without asking anybody on a network. */
export interface KnownHosts {
  /** Tells whether an address leads to this very machine: its interfaces', loopback, the unspecified one. */
  isOwn(address: string): boolean
  /** The addresses that the hosts file has for a name; none where it does not name it. */
  addressesOf(name: string): readonly string[]
  /** Tells whether a name is this machine's own, whatever the hosts file has for it. */
  isOwnName(name: string): boolean
}

/** Reads interfaces, hosts file and host name anew: addresses come and go. */
export function knownHosts(hostsFile: string = '/etc/hosts'): KnownHosts {
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8, 'ipv4')
  own.addSubnet('0.0.0.0', 8, 'ipv4')
  for (const address of ['::', '::1']) own.addAddress(address, 'ipv6')
  for (const each of Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []))
    addTo(own, bareAddress(each.address))
  const named = readHosts(hostsFile)
  const isOwn = (address: string): boolean => {
    const plain = bareAddress(address)
    return isIP(plain) !== 0 && own.check(plain, isIP(plain) === 6 ? 'ipv6' : 'ipv4')
  }
  return {
    isOwn,
    addressesOf: (name) => named.get(bareName(name)) ?? [],
    isOwnName(name) {
      const bare = bareName(name)
      return bare === 'localhost' || bare.endsWith('.localhost') || bare === bareName(hostname())
    },
  }
}

function addTo(list: BlockList, address: string): void {
  list.addAddress(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * Returns an address as one text: without brackets and zone, and IPv4 out of the IPv6 addresses that hold it (mapped,
 * compatible, translated by NAT64's prefix or a local one, 6to4).
 */
export function bareAddress(address: string): string {
  const [plain = ''] = address.replace(/^\[|\]$/g, '').split('%', 1)
  if (isIP(plain) !== 6) return plain
  const full = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  const held = heldIn(groupsOf(full))
  return held === undefined ? full : [held[0] >> 8, held[0] & 255, held[1] >> 8, held[1] & 255].join('.')
}

/** Returns the eight numbers of an IPv6 address that a URL has brought to its shortest form. */
function groupsOf(address: string): readonly number[] {
  const [before = [], after = []] = address
    .split('::')
    .map((half) => half.split(':').flatMap((part) => (part === '' ? [] : [Number.parseInt(part, 16)])))
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

/** Returns both halves of the IPv4 address that an IPv6 address holds; none where it holds none. */
function heldIn(groups: readonly number[]): readonly [high: number, low: number] | undefined {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, high = 0, low = 0] = groups
  if (a === 0x2002) return [b, c]
  if (a === 0x64 && b === 0xff9b) {
    // A local prefix (RFC 8215) of 48 bits has the address on both sides of its ninth byte, a longer one at the end.
    if (c === 1) return high === 0 && low === 0 ? [d, ((e & 255) << 8) | (f >> 8)] : [high, low]
    return c === 0 && d === 0 && e === 0 && f === 0 ? [high, low] : undefined
  }
  if (a !== 0 || b !== 0 || c !== 0 || d !== 0) return undefined
  const mapped = (e === 0 && f === 0xffff) || (e === 0xffff && f === 0)
  // The unspecified address and loopback hold none.
  return mapped || (e === 0 && f === 0 && high !== 0) ? [high, low] : undefined
}

function bareName(name: string): string {
  return withoutEnd(name.toLowerCase(), '.')
}

function readHosts(file: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const line of textOf(file).split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/)
    if (isIP(bareAddress(address)) === 0) continue
    for (const name of names.map(bareName)) found.set(name, [...(found.get(name) ?? []), bareAddress(address)])
  }
  return found
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Returns host and port of an address as one place, whatever notation it is in. */
export function placeOfAddress(address: string, port: number | string, hosts: KnownHosts): string {
  return `${hosts.isOwn(address) ? THIS_HOST : bareAddress(address)}:${port}`
}

/**
 * Returns every place that host and port are: of a name in the hosts file one for each of its addresses, and what nobody
 * knows is itself.
 */
export function placesOf(host: string, port: number | string, hosts: KnownHosts): ReadonlySet<string> {
  const bare = bareName(bareAddress(host))
  const places = hosts.addressesOf(bare).map((address) => placeOfAddress(address, port, hosts))
  if (hosts.isOwnName(bare)) places.push(`${THIS_HOST}:${port}`)
  return new Set(places.length > 0 ? places : [placeOfAddress(bare, port, hosts)])
}

export const THIS_HOST = 'this host'

/** Returns every place that a URL is. Of one of its own scheme, the parser has left out the usual port. */
export function placesOfUrl({ hostname: host, port, protocol }: URL, hosts: KnownHosts): ReadonlySet<string> {
  return placesOf(host, port === '' ? (protocol === 'https:' ? 443 : 80) : port, hosts)
}

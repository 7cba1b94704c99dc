import { domainToUnicode } from 'node:url'
import { readUrl } from '../model/text/web-address.ts'

/**
 * Returns where the addresses in a text lead as every client reads them: host, host with port, and path of each, with
 * spaces between; numbers of hosts in their usual form, and letters of hosts in both of theirs. Undone are other dots and
 * letters, tabs and line ends within an address, and other notations of IP addresses.
 *
 * @param budget how many addresses are still parsed, of this text and of others that share it
 */
export function parsedPlaces(text: string, budget: { left: number } = { left: ADDRESSES_MAX }): string {
  if (!MAY_LEAD.test(text)) return ''
  const addresses = [...new Set(addressesIn(text))].slice(0, budget.left)
  budget.left -= addresses.length
  return addresses.flatMap(placesOf).join(' ')
}

function addressesIn(text: string): readonly string[] {
  const whole = text.length <= ADDRESS_CHARACTERS_MAX ? [text.trim()] : []
  const tokens: string[] = []
  for (const [token] of text.matchAll(/[^\s"'<>]+/g)) {
    if (tokens.length >= ADDRESSES_MAX) break
    if (token.length <= ADDRESS_CHARACTERS_MAX && WORTH_A_LOOK.test(token)) tokens.push(token)
  }
  return [...whole.filter((each) => WORTH_A_LOOK.test(each)), ...tokens]
}

/** Texts without any of this have no token that is worth a look: most of what passes. */
const MAY_LEAD = /[:%[]|[^ -~]|(?:^|[\s"'<>])[\da-fx.]+(?:[:/?#\s"'<>]|$)/i
/** Matches tokens that a parser may read otherwise than they are written; of others, their letters say where they lead. */
const WORTH_A_LOOK = /^\[|^[\da-fx.]+(?:[:/?#]|$)|[a-z]:|[^!-~]|%/i
const ADDRESS_CHARACTERS_MAX = 4_096
/** Addresses that are parsed of one text, at some µs each. */
const ADDRESSES_MAX = 256
/** Addresses that are parsed of one attempt: a frame has room for a hundred thousand short ones. */
export const ADDRESSES_OF_ATTEMPT_MAX = 4_096

function placesOf(address: string): readonly string[] {
  const url = urlOf(address)
  if (url === undefined) return []
  const host = dotted(url.hostname)
  const port = url.port || USUAL_PORTS.get(url.protocol) || ''
  const hosts = [...new Set([host, domainToUnicode(host) || host])]
  return [...hosts, ...(port === '' ? [] : hosts.map((each) => `${each}:${port}`)), pathOf(url)]
}

function urlOf(address: string): URL | undefined {
  const scheme = /^\s*[a-z][a-z0-9+.-]{1,20}:(?!\d)/i.test(address)
  const url = readUrl(scheme ? address : `http://${address}`)
  return url?.hostname === '' && url.protocol !== 'file:' ? undefined : url
}

function pathOf({ pathname }: URL): string {
  try {
    return decodeURIComponent(pathname)
  } catch {
    return pathname
  }
}

/** An IPv4 address within an IPv6 one, as IPv4. */
function dotted(host: string): string {
  const [, high, low] = /^\[::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(host) ?? []
  if (high === undefined || low === undefined) return host
  return [high, low]
    .map((part) => Number.parseInt(part, 16))
    .flatMap((part) => [part >> 8, part & 255])
    .join('.')
}

const USUAL_PORTS: ReadonlyMap<string, string> = new Map([
  ['http:', '80'],
  ['https:', '443'],
  ['ws:', '80'],
  ['wss:', '443'],
])

import { randomInt } from 'node:crypto'
import { LIMITS } from '../../model/index.ts'
import { DNS_TYPES, type DnsCode, type DnsQuestion } from './dns-message.ts'

/**
 * The names that one cell has asked for, each with an address of its own. The addresses are of a network that leads
 * nowhere (RFC 2544: 198.18.0.0/15); a connection to one is a connection to its name.
 *
 * - NM1  Nobody outside is asked: what a cell looks up leaves nothing behind, wherever it leads.
 * - NM2  An address is one name's, and never another's. Past the limit further names have none.
 * - NM3  The first address is drawn: what a program has kept of the gateway before is most likely nobody's, and the name
 *        inside TLS or the request has to agree with it in any case.
 */
export class CellNames {
  readonly #addresses = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #first: number
  #skipped = 0

  constructor(first: number = randomInt(ADDRESSES)) {
    this.#first = first
  }

  /** Returns the code and the addresses by which a question is answered. */
  answer({ name, type }: DnsQuestion): { readonly code: DnsCode; readonly addresses: readonly string[] } {
    if (name === undefined || NOWHERE.some((end) => name === end || name.endsWith(`.${end}`)))
      return { code: 'no-such-name', addresses: [] }
    // There are no IPv6 addresses here, and no other records: a program that asks for them goes on with the address.
    if (type !== DNS_TYPES.A && type !== DNS_TYPES.ANY) return { code: 'done', addresses: [] }
    const address = this.addressOf(name)
    return address === undefined ? { code: 'failed', addresses: [] } : { code: 'done', addresses: [address] }
  }

  /** Returns the address of a name in lower case; undefined where the cell has asked for too many. */
  addressOf(name: string): string | undefined {
    // RFC 6761, 6.3.
    if (name === 'localhost' || name.endsWith('.localhost')) return '127.0.0.1'
    const known = this.#addresses.get(name)
    if (known !== undefined) return known
    if (this.#addresses.size >= LIMITS.cellNamesMax) return undefined
    const address = addressAt(this.#first + this.#addresses.size + this.#skipped)
    if (address === OWN) {
      this.#skipped++
      return this.addressOf(name)
    }
    this.#addresses.set(name, address)
    this.#names.set(address, name)
    return address
  }

  /** Returns the name that an address was given to. */
  nameOf(address: string): string | undefined {
    return this.#names.get(address)
  }
}

/** Addresses of 198.18.0.0/15. */
const ADDRESSES = 131_072
/** The address that a cell's own loopback has. */
const OWN = '198.18.0.1'

function addressAt(place: number): string {
  const number = place % ADDRESSES
  return `198.${18 + (number >> 16)}.${(number >> 8) & 0xff}.${number & 0xff}`
}

/**
 * CellNames that are nobody's: of addresses, of networks that no resolver serves, and the one by which a browser finds out
 * that it is to ask its network's own resolver.
 */
const NOWHERE = ['in-addr.arpa', 'ip6.arpa', 'invalid', 'onion', 'use-application-dns.net']

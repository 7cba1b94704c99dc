import { isIP } from 'node:net'
import { bareAddress, type KnownHosts } from '../../model/host/this-host.ts'

/** A kind of address, by where it leads. */
export type AddressKind = (typeof KINDS)[number]

const KINDS = [
  ...['public', 'own', 'loopback', 'unspecified', 'private', 'shared', 'unique-local', 'site-local', 'link-local'],
  ...['metadata', 'multicast', 'documentation', 'benchmark', 'reserved', 'mapped', 'compatible', 'nat64', '6to4'],
  'teredo',
] as const

/**
 * Returns where an address leads: by IANA's registries of special-purpose addresses, by what clouds answer their machines
 * at, and by what this machine's interfaces have. `zone` ids count for nothing; a text that is no address is `reserved`.
 *
 * - A1  An address that holds another (mapped, compatible, NAT64, 6to4, Teredo) is of that kind, whatever the other is.
 * - A2  `public` is what is left of IPv4, and of IPv6 only 2000::/3: what nobody has given out is not public.
 */
export function kindOfAddress(address: string, hosts: Pick<KnownHosts, 'isOwn'>): AddressKind {
  const words = wordsOf(address)
  if (words === undefined) return 'reserved'
  const listed = RANGES.find(({ net, bits }) => net.length === words.length && isWithin(words, net, bits))?.kind
  if (listed !== undefined && listed !== 'public') return listed
  if (hosts.isOwn(address)) return 'own'
  return listed ?? 'reserved'
}

/** Tells whether an address is of the open internet, and none of this host's own. */
export function isPublic(address: string, hosts: Pick<KnownHosts, 'isOwn'>): boolean {
  return kindOfAddress(address, hosts) === 'public'
}

/** Tells whether an address holds no other one. */
export function isPlain(address: string): boolean {
  return !HOLDS_ANOTHER.has(kindOfAddress(address, { isOwn: () => false }))
}

/** Returns an address in its shortest form, without its zone; what is none as it is. */
export function plainAddress(address: string): string {
  const [plain = ''] = address.split('%', 1)
  return isIP(plain) === 6 ? new URL(`http://[${plain}]`).hostname.slice(1, -1) : plain
}

/**
 * Returns the kind of what an address leads to in the end: where it holds another, the kind of that one. Of what Teredo
 * holds, which is a server and a client behind it, it stays Teredo.
 */
export function innerKind(address: string, hosts: Pick<KnownHosts, 'isOwn'>): AddressKind {
  const kind = kindOfAddress(address, hosts)
  return HOLDS_ANOTHER.has(kind) && kind !== 'teredo' ? kindOfAddress(bareAddress(address), hosts) : kind
}

/** Returns an address and its kind, in words for a person. */
export function describeAddress(address: string, kind: AddressKind): string {
  return `${address} (${WORDS[kind]})`
}

const WORDS: Readonly<Record<AddressKind, string>> = {
  public: 'of the open internet',
  own: 'this machine itself',
  loopback: 'this machine itself',
  unspecified: 'no machine, which systems take for this one',
  private: 'a private network',
  shared: 'a network shared by a provider’s customers',
  'unique-local': 'a private network',
  'site-local': 'a private network',
  'link-local': 'the link that this machine is on',
  metadata: 'what a cloud tells its machines, credentials included',
  multicast: 'a group, or all, of a network',
  documentation: 'for examples only',
  benchmark: 'for benchmarks only',
  reserved: 'not given out',
  mapped: 'an IPv4 address in IPv6',
  compatible: 'an IPv4 address in IPv6',
  nat64: 'an IPv4 address behind a translator',
  '6to4': 'an IPv4 address behind a tunnel',
  teredo: 'an IPv4 address behind a tunnel',
}

const HOLDS_ANOTHER: ReadonlySet<AddressKind> = new Set<AddressKind>([
  'mapped',
  'compatible',
  'nat64',
  '6to4',
  'teredo',
])

/** Networks, the first that holds an address being the one that counts. RFC 6890, RFC 8190, and the vendors' pages. */
const RANGES = Object.entries({
  // Most clouds, and containers of Amazon; Tencent, Scaleway; Alibaba; Oracle Classic; Azure's host; those of IPv6.
  metadata: [
    ...[
      '169.254.169.0/24',
      '169.254.170.0/24',
      '169.254.0.23/32',
      '169.254.42.42/32',
      '100.100.100.200/32',
      '192.0.0.192/32',
    ],
    ...[
      '168.63.129.16/32',
      'fd00:ec2::254/128',
      'fd00:ec2::23/128',
      'fd20:ce::254/128',
      'fd00:42::42/128',
      'fd00:c1::a9fe:a9fe/128',
    ],
  ],
  loopback: ['127.0.0.0/8', '::1/128'],
  unspecified: ['0.0.0.0/8', '::/128'],
  private: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'],
  shared: ['100.64.0.0/10'],
  'link-local': ['169.254.0.0/16', 'fe80::/10'],
  'site-local': ['fec0::/10'],
  'unique-local': ['fc00::/7'],
  documentation: ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  benchmark: ['198.18.0.0/15', '2001:2::/48'],
  multicast: ['224.0.0.0/4', 'ff00::/8'],
  nat64: ['64:ff9b::/96', '64:ff9b:1::/48'],
  '6to4': ['2002::/16', '192.88.99.0/24'],
  teredo: ['2001::/32'],
  mapped: ['::ffff:0:0/96', '::ffff:0:0:0/96'],
  compatible: ['::/96'],
  reserved: ['192.0.0.0/24', '240.0.0.0/4', '2001::/23', '100::/64'],
  public: ['0.0.0.0/0', '2000::/3'],
} satisfies Partial<Record<AddressKind, readonly string[]>>).flatMap(([kind, nets]) =>
  nets.map((text) => {
    const [net = '', bits] = text.split('/')
    return { kind: kind as AddressKind, net: wordsOf(net) ?? [], bits: Number(bits) }
  }),
)

/** Returns the 16-bit numbers of an address: two of IPv4, eight of IPv6; undefined of what is none. */
function wordsOf(address: string): readonly number[] | undefined {
  const plain = plainAddress(address)
  if (isIP(plain) === 4) {
    const [a = 0, b = 0, c = 0, d = 0] = plain.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  }
  if (isIP(plain) !== 6) return undefined
  const [before = [], after = []] = plain
    .split('::')
    .map((half) => half.split(':').flatMap((part) => (part === '' ? [] : [Number.parseInt(part, 16)])))
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

function isWithin(words: readonly number[], net: readonly number[], bits: number): boolean {
  return words.every((word, i) => {
    const left = Math.min(Math.max(bits - 16 * i, 0), 16)
    return word >> (16 - left) === (net[i] ?? 0) >> (16 - left)
  })
}

import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Addresses of IPv4 that no name may lead to: this machine, private networks, what clouds tell, groups. */
export const INNER_V4: readonly string[] = [
  ...[
    '127.0.0.1',
    '127.0.0.2',
    '127.255.255.254',
    '0.0.0.0',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
  ],
  ...[
    '169.254.169.254',
    '169.254.170.2',
    '169.254.1.1',
    '100.64.0.1',
    '100.100.100.200',
    '168.63.129.16',
    '192.0.0.192',
  ],
  ...['198.18.0.1', '198.51.100.7', '203.0.113.7', '192.0.2.7', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
  ...interfaces(4),
]

/** Addresses of IPv6 that no name may lead to, besides those that hold one of IPv4. */
export const INNER_V6: readonly string[] = [
  ...['::', '::1', '0:0:0:0:0:0:0:1', 'fd00::1', 'fd00:ec2::254', 'fd00:ec2::23', 'fd20:ce::254', 'fe80::1', 'febf::1'],
  ...[
    'fec0::1',
    'ff02::1',
    'ff05::1:3',
    '2001:db8::1',
    '3fff::1',
    '2001:2::1',
    '100::1',
    '5f00::1',
    '4000::1',
    'fe80::1%lo',
  ],
  ...['2001::1', '2001:0:808:808::1', '::1%lo', 'fd00::1%1'],
  ...interfaces(6),
]

function interfaces(version: 4 | 6): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.map(({ address }) => address).filter((address) => isIP(address) === version)
}

/** Returns the addresses of IPv6 that lead to one of IPv4: mapped, translated, compatible, NAT64, 6to4, Teredo. */
export function holding(address: string): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  const hex = (...bytes: readonly number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('')
  const [high, low] = [hex(a, b), hex(c, d)]
  const inverted = `${hex(255 - a, 255 - b)}:${hex(255 - c, 255 - d)}`
  return [
    ...[`::ffff:${address}`, `::ffff:${high}:${low}`, `0:0:0:0:0:ffff:${high}:${low}`, `::FFFF:${address}`],
    ...[`::ffff:0:${high}:${low}`, `::${high}:${low}`, `::${address}`],
    ...[`64:ff9b::${high}:${low}`, `64:ff9b::${address}`, `64:ff9b:1::${high}:${low}`],
    ...[`64:ff9b:1:${high}:${hex(0, c)}:${hex(d, 0)}::`, `64:ff9b:1:abcd::${high}:${low}`],
    ...[`2002:${high}:${low}::`, `2002:${high}:${low}::1`, `2002:${high}:${low}:1:2:3:4:5`],
    ...[`2001:0:${high}:${low}:0:0:${inverted}`, `2001::${inverted}`],
    ...[`::ffff:${address}%lo`, `64:ff9b::${high}:${low}%1`],
  ]
}

/** Returns texts that some parser of addresses takes for one of IPv4, and that are not how it is written. */
export function spellingsOf(address: string): readonly string[] {
  const bytes = address.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const last2 = c * 256 + d
  const last3 = b * 65_536 + last2
  // One place after the other, in each base.
  const mixes = inEachBase(a).flatMap((w) =>
    inEachBase(b).flatMap((x) => inEachBase(c).flatMap((y) => inEachBase(d).map((z) => `${w}.${x}.${y}.${z}`))),
  )
  const short = [
    ...inEachBase(whole),
    ...inEachBase(a).flatMap((w) => inEachBase(last3).map((x) => `${w}.${x}`)),
    ...inEachBase(a).flatMap((w) => inEachBase(b).flatMap((x) => inEachBase(last2).map((y) => `${w}.${x}.${y}`))),
  ]
  return [...new Set([...mixes, ...short])].filter((text) => text !== address)
}

/** Returns a number in decimal, octal and hexadecimal, as `inet_aton` reads them. */
function inEachBase(value: number): readonly string[] {
  return [`${value}`, `0${value.toString(8)}`, `0x${value.toString(16)}`]
}

/** Returns texts that a parser of URLs, or one of another client, repairs to an address. */
export function repairedTo(address: string): readonly string[] {
  const wide = [...address]
    .map((each) => (each === '.' ? '．' : String.fromCodePoint(each.charCodeAt(0) - 48 + 0xff10)))
    .join('')
  const encoded = [...address].map((each) => `%${each.charCodeAt(0).toString(16)}`).join('')
  const [first = '', ...rest] = address.split('.')
  const tail = rest.join('.')
  return [
    ...[
      `${address}.`,
      `${address}..`,
      `.${address}`,
      ` ${address}`,
      `${address} `,
      `${first}.\t${tail}`,
      `${first}.\n${tail}`,
    ],
    ...[`\t${address}`, `${first}.\r${tail}`, `${first}.\0${tail}`, `${first}.\u00ad${tail}`, `${first}.\u200b${tail}`],
    ...[
      wide,
      address.replaceAll('.', '。'),
      address.replaceAll('.', '｡'),
      `${first}。${tail}`,
      encoded,
      `%${first}.${tail}`,
    ],
    ...[
      address.replace('1', '①'),
      address.replace('1', '¹'),
      address.replace('1', '𝟏'),
      `${first}%2e${tail}`,
      `${first}%E3%80%82${tail}`,
    ],
    ...[
      `a@${address}`,
      `a:b@${address}`,
      `@${address}`,
      `api.example@${address}`,
      `api.example%40${address}`,
      `${address}@api.example`,
    ],
    ...[
      `${address}\\@api.example`,
      `api.example\\@${address}`,
      `${address}\\.api.example`,
      `\\${address}`,
      `/${address}`,
      `//${address}`,
    ],
    ...[
      `${address}#@api.example`,
      `${address}?@api.example`,
      `${address}/`,
      `${address}/.`,
      `[${address}]`,
      `[::ffff:${address}]`,
    ],
    ...[
      `[${address}`,
      `${address}]`,
      `"${address}"`,
      `<${address}>`,
      `${address}%00.api.example`,
      `${address}%0d%0a`,
      `${address},api.example`,
    ],
    ...[`+${address}`, `-${address}`, `${address}:`, `:${address}`],
  ].filter((text) => text !== address)
}

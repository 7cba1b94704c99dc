import assert from 'node:assert/strict'
import { BlockList, isIP } from 'node:net'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  type AddressKind,
  describeAddress,
  innerKind,
  isPlain,
  isPublic,
  kindOfAddress,
  plainAddress,
} from './address.ts'

const NONE = { isOwn: () => false }

describe('where an address leads', () => {
  it('is told for each kind, at the first and the last of its network', () => {
    const kinds: Partial<Record<AddressKind, string>> = {
      public:
        '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2000:: 2606:4700::1111 2001:200:: 2003:: 3ffe:ffff::',
      loopback: '127.0.0.0 127.255.255.255 ::1',
      unspecified: '0.0.0.0 0.255.255.255 ::',
      private: '10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255',
      shared: '100.64.0.0 100.127.255.255',
      'link-local': '169.254.0.0 169.254.255.255 fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff fe80::1%eth0',
      'site-local': 'fec0:: feff::1',
      'unique-local': 'fc00:: fdff:ffff::1',
      metadata:
        '169.254.169.254 169.254.170.2 169.254.170.23 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 fd00:42::42 fd00:c1::a9fe:a9fe 169.254.169.0 169.254.170.255 169.254.0.23 169.254.42.42',
      multicast: '224.0.0.0 239.255.255.255 ff00:: ffff::1',
      documentation: '192.0.2.0 198.51.100.255 203.0.113.1 2001:db8:: 3fff:fff::1',
      benchmark: '198.18.0.0 198.19.255.255 2001:2::1',
      reserved:
        '192.0.0.0 240.0.0.0 255.255.255.255 2001:20::1 2001:1ff::1 100::1 4000:: 5f00::1 x 1.2.3 64:ff9b:2::1 1::',
      mapped: '::ffff:8.8.8.8 ::ffff:0:0 ::ffff:0:808:808',
      compatible: '::8.8.8.8 ::2',
      nat64: '64:ff9b::808:808 64:ff9b:1:ffff::1',
      '6to4': '2002:: 2002:808:808::1 192.88.99.1',
      teredo: '2001:: 2001:0:ffff::',
    }
    for (const [kind, addresses] of Object.entries(kinds))
      for (const address of addresses.split(' ')) assert.equal(kindOfAddress(address, NONE), kind, address)
  })

  it('an interface of this machine is its own, in every notation of it', () => {
    const hosts = { isOwn: (address: string) => ['8.8.8.8', '2606:4700::1111'].includes(plainAddress(address)) }
    assert.equal(kindOfAddress('8.8.8.8', hosts), 'own')
    assert.equal(kindOfAddress('2606:4700:0::1111', hosts), 'own')
    assert.equal(innerKind('::ffff:808:808', hosts), 'own')
    assert.equal(innerKind('64:ff9b::808:808', NONE), 'public')
    assert.equal(innerKind('64:ff9b::a9fe:a9fe', NONE), 'metadata')
    assert.equal(innerKind('2001:0:1::', NONE), 'teredo')
    assert.ok(isPlain('8.8.8.8') && isPlain('fd00::1') && !isPlain('::ffff:8.8.8.8') && !isPlain('2002::1'))
    assert.equal(describeAddress('10.0.0.1', 'private'), '10.0.0.1 (a private network)')
  })

  it('S6: public is what no registry has set apart, by an oracle that is written otherwise (property)', () => {
    const apart = new BlockList()
    for (const net of '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 168.63.129.16/32 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3'.split(
      ' ',
    )) {
      const [address = '', bits] = net.split('/')
      apart.addSubnet(address, Number(bits), 'ipv4')
    }
    for (const net of '2001::/23 2001:db8::/32 2002::/16 3fff::/20'.split(' ')) {
      const [address = '', bits] = net.split('/')
      apart.addSubnet(address, Number(bits), 'ipv6')
    }
    const global = new BlockList()
    global.addSubnet('2000::', 3, 'ipv6')
    const isOpen = (address: string) =>
      isIP(address) === 4
        ? !apart.check(address, 'ipv4')
        : global.check(address, 'ipv6') && !apart.check(address, 'ipv6')
    const near = fc.constantFrom(0, 9, 10, 63, 64, 100, 127, 128, 168, 169, 172, 192, 198, 203, 224, 255)
    const byte = fc.oneof(near, fc.nat(255))
    const v4 = fc.tuple(byte, byte, byte, byte).map((bytes) => bytes.join('.'))
    const word = fc.oneof(
      fc.constantFrom(0, 0x64, 0xff9b, 0x2001, 0x2002, 0xdb8, 0x3fff, 0xfd00, 0xfe80, 0xffff),
      fc.nat(0xffff),
    )
    const v6 = fc
      .array(word, { minLength: 8, maxLength: 8 })
      .map((words) => words.map((each) => each.toString(16)).join(':'))
    fc.assert(
      fc.property(fc.oneof(v4, v6), (address) => {
        assert.equal(isPublic(address, NONE), isOpen(address), address)
      }),
      { numRuns: 5_000 },
    )
  })
})

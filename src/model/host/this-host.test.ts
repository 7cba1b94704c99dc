import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, it } from 'node:test'
import { bareAddress, knownHosts, placesOfUrl } from './this-host.ts'

const directory = mkdtempSync(join(tmpdir(), 'firebreak-hosts-'))
after(() => rmSync(directory, { recursive: true }))
const file = join(directory, 'hosts')
writeFileSync(
  file,
  '127.0.0.1 localhost me.example\n10.9.8.7 Far.example far # 127.0.0.1 no\n::ffff:10.9.8.7 mapped\n10.9.8.6 two\nfd00:5::5 two\n127.0.0.9 two\nx y\n',
)
const hosts = knownHosts(file)
const place = (url: string) => [...placesOfUrl(new URL(url), hosts)].join(' and ')

it('S6: every name and address of this host is one place', () => {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  for (const host of [
    ...['127.0.0.1', '127.8.8.8', '2130706433', '0x7f000001', '0177.0.0.1', '127.1', '0', '0.0.0.0', '[::]', '[::1]'],
    ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::127.0.0.1]', '[64:ff9b::7f00:1]', '[::ffff:0:7f00:1]'],
    ...[
      '[64:ff9b:1::7f00:1]',
      '[64:ff9b:1:7f00:0:100::]',
      '[64:ff9b:1:abc::7f00:1]',
      '[2002:7f00:1::]',
      '[2002:7f08:808::1]',
    ],
    ...['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'b.a.localhost.', 'me.example', 'Me.Example.'],
    ...[
      hostname(),
      ...own.map(({ address, family }) => (family === 'IPv6' ? `[${address.replace(/%.*/, '')}]` : address)),
    ],
  ])
    assert.equal(place(`http://${host}:8801/mcp`), 'this host:8801', host)
})

it('S6: names in the hosts file are the place that they lead to; what nobody knows is itself', () => {
  for (const host of ['far', 'far.example', 'FAR.example.', '10.9.8.7', '[::ffff:10.9.8.7]', 'mapped', '168364039'])
    assert.equal(place(`http://${host}`), '10.9.8.7:80', host)
  assert.equal(place('http://two'), '10.9.8.6:80 and fd00:5::5:80 and this host:80')
  assert.equal(place('https://api.example.'), 'api.example:443')
  assert.equal(place('https://[2001:db8:0:0::1]'), '2001:db8::1:443')
  assert.equal(bareAddress('fe80::1%eth0'), 'fe80::1')
  for (const each of ['2002:a09:807::5', '64:ff9b:1::a09:807', '64:ff9b:1:a09:8:700::', '::a09:807'])
    assert.equal(bareAddress(each), '10.9.8.7', each)
  for (const each of ['64:ff9b:2::a09:807', '64:ff9b:0:1::1', '2001:db8::7f00:1', '::1', '::', '1:2:3:4:5:6:7:8'])
    assert.equal(bareAddress(each), each)
  assert.deepEqual(knownHosts(join(directory, 'none')).addressesOf('far'), [])
})

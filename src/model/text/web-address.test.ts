import assert from 'node:assert/strict'
import { it } from 'node:test'
import { readUrl } from './web-address.ts'

const READ = [
  'http://a.example/x?y#z',
  ' https://Bücher.example:8443/é',
  'http://user:é@host.example/',
  `http://${'é'.repeat(80)}@host.example/`,
  `http://${'é'.repeat(50)}.example/`,
  `http://host.example/${'漢'.repeat(4_000)}`,
  `http://${'a'.repeat(300)}.example/`,
  'ht\ntp://a\t.example',
  'file:///etc/passwd',
]

it('reads what the platform reads', () => {
  for (const text of READ) assert.equal(readUrl(text)?.href, new URL(text).href, text)
  assert.equal(readUrl('no address'), undefined)
})

it('S17: a host of letters beyond ASCII that no name can have is none, in whatever spelling of its dots and slashes', () => {
  for (const text of [
    `http://${'漢'.repeat(4_000)}.example/`,
    `http:/\\${'漢'.repeat(64)}\u3002example`,
    `\x01http:${'漢\n'.repeat(64)}`,
    `http://user@${'\ufdfa'.repeat(4)}.example`,
    `http://x.${'é'.repeat(64)}:80/`,
  ])
    assert.equal(readUrl(text), undefined, text)
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { isPrivateUseName, readAuthority, readOrigin } from './origin.ts'

function reasonOf(text: string): string {
  const read = readOrigin(text)
  return read.ok ? `read as ${read.value.text}` : read.reason
}

describe('a declared origin', () => {
  it('has one form, whatever the port that it is written with', () => {
    const texts = [
      ['https://api.example', 'https://api.example', 443],
      ['https://api.example:443', 'https://api.example', 443],
      ['http://api.example:443', 'http://api.example:443', 443],
      ['http://127.0.0.1:8080', 'http://127.0.0.1:8080', 8_080],
      ['http://[::1]:8080', 'http://[::1]:8080', 8_080],
      ['http://localhost', 'http://localhost', 80],
      ['https://r3---sn-4g5e.example', 'https://r3---sn-4g5e.example', 443],
      ['http://my_service:8080', 'http://my_service:8080', 8_080],
      ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example', 443],
      ['https://xn--fsqu00a.xn--0zwm56d', 'https://xn--fsqu00a.xn--0zwm56d', 443],
      ['https://xn--smrrebrd-64aj.example', 'https://xn--smrrebrd-64aj.example', 443],
    ] as const
    for (const [text, canonical, port] of texts) {
      const read = readOrigin(text)
      assert.ok(read.ok, `${text}: ${reasonOf(text)}`)
      assert.deepEqual([read.value.text, read.value.port], [canonical, port])
      assert.equal(new URL(canonical).origin, canonical)
      assert.deepEqual(readOrigin(canonical), read)
    }
  })

  it('S11: that a parser of URLs would repair is refused, and told what is wrong with it', () => {
    const texts: readonly (readonly [text: string, why: RegExp])[] = [
      ['', /begins with https/],
      ['api.example', /begins with https/],
      ['HTTPS://api.example', /begins with https/],
      ['ftp://api.example', /begins with https/],
      ['https:/api.example', /begins with https/],
      ['https:api.example', /begins with https/],
      ['https:///api.example', /no slash/],
      ['https://api.example/', /no path, no slash/],
      ['https://api.example?', /no query/],
      ['https://api.example#', /no path/],
      ['https:\\\\api.example', /backslash/],
      ['https://api.example\\@evil.example', /backslash/],
      ['https://api.example\t', /tab/],
      ['https://api\n.example', /line feed/],
      [' https://api.example', /space/],
      ['https://api%2eexample', /percent/],
      ['https://[fe80::1%25eth0]', /zone/],
      ['https://user@api.example', /no user/],
      ['https://api.example@evil.example', /no user/],
      ['https://:@api.example', /no user/],
      ['https://API.example', /lower case: api.example/],
      ['https://api.example.', /dot/],
      ['https://api..example', /no part of a name/],
      ['https://.example', /no part of a name/],
      ['https://-api.example', /no part of a name/],
      ['https://a*b.example', /no part of a name/],
      [`https://${'a'.repeat(64)}.example`, /no part of a name/],
      [`https://${'a.'.repeat(140)}`, /dot|at most/],
      [`https://${'a.'.repeat(127)}aa`, /at most 253/],
      [`https://${'a'.repeat(400)}`, /at most 300/],
      ['https://', /no host/],
      ['https://:443', /no host/],
      ['https://api.example:', /a port is/],
      ['https://api.example:0', /a port is/],
      ['https://api.example:0443', /a port is/],
      ['https://api.example:65536', /a port is/],
      ['https://api.example:443:443', /a port is/],
      ['https://api.example:+1', /a port is/],
      ['https://127.1', /four decimal/],
      ['https://0127.0.0.1', /four decimal/],
      ['https://127.0.0.01', /four decimal/],
      ['https://0x7f000001', /four decimal/],
      ['https://2130706433', /four decimal/],
      ['https://api.0x7f', /four decimal/],
      ['https://1.2.3.4.5', /four decimal/],
      ['https://256.0.0.1', /four decimal/],
      ['https://[127.0.0.1]', /no address of IPv6/],
      ['https://[::1', /host|name/],
      ['https://::1', /port|host/],
      ['https://[0:0:0:0:0:0:0:1]', /shortest form: ::1/],
      ['https://[2001:DB8::1]', /shortest form: 2001:db8::1/],
      ['https://[::ffff:127.0.0.1]', /holds another/],
      ['https://[64:ff9b::7f00:1]', /holds another/],
      ['https://[2002:7f00:1::]', /holds another/],
      ['https://[::7f00:1]', /holds another/],
    ]
    for (const [text, why] of texts) assert.match(reasonOf(text), why, text)
  })

  it('S11: whose letters are not ASCII is told how it is written, or why no registry has it', () => {
    const texts: readonly (readonly [text: string, why: RegExp])[] = [
      ['https://bücher.example', /U\+00FC is not ASCII: a name of other letters is written as xn--bcher-kva\.example/],
      ['https://ａpi.example', /U\+FF41 is not ASCII/],
      ['https://api。example', /U\+3002 is not ASCII/],
      ['https://pаypal.example', /U\+0430 is not ASCII: .* mixes letters of several scripts \(Latin, Cyrillic\)/],
      ['https://xn--pypal-4ve.example', /mixes letters of several scripts/],
      // All of it is Cyrillic, and reads as ASCII.
      ['https://xn--80ak6aa92e.example', /looks like "appl?[el]e?" and is another name/],
      ['https://xn--a.example', /stands for no letters/],
      ['https://xn--api.example', /stands for no letters/],
      ['https://xn--.example', /no part of a name|stands for no letters/],
    ]
    for (const [text, why] of texts) assert.match(reasonOf(text), why, text)
  })

  it('S11: what is read is what every other parser reads (property)', () => {
    const part = fc.constantFrom(
      'a',
      'z9',
      'api',
      '-',
      '.',
      '..',
      ':',
      '80',
      '443',
      '[',
      ']',
      '::1',
      '127.0.0.1',
      '0x7f',
      '@',
      '%41',
      '/',
      'A',
      '_',
      'é',
      '\\',
      ' ',
      'xn--',
    )
    const text = fc.array(part, { maxLength: 6 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.constantFrom('http', 'https'), text, (scheme, rest) => {
        const read = readOrigin(`${scheme}://${rest}`)
        if (!read.ok) return
        const url = new URL(`${scheme}://${rest}`)
        const { text, host, port, authority } = read.value
        assert.equal(url.origin, text)
        assert.equal(url.host, authority)
        assert.equal(url.hostname.replace(/^\[|\]$/g, ''), host)
        assert.equal(url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port), port)
        assert.deepEqual([url.username, url.password, url.pathname, url.search, url.hash], ['', '', '/', '', ''])
      }),
      { numRuns: 5_000 },
    )
  })
})

it('a name that nobody can register is told from one that is given out', () => {
  for (const host of ['localhost', 'gitlab', 'a.internal', 'a.b.home.arpa', 'printer.local', 'git.corp'])
    assert.ok(isPrivateUseName(host), host)
  for (const host of ['a.example', 'internal.example', 'local.com', 'a.xinternal'])
    assert.ok(!isPrivateUseName(host), host)
})

describe('an authority', () => {
  it('has the usual port of its scheme, or its own', () => {
    const read = readAuthority('api.example:443', 'https')
    assert.deepEqual(read.ok && [read.value.authority, read.value.port], ['api.example', 443])
    const other = readAuthority('[::1]:443', 'http')
    assert.deepEqual(other.ok && [other.value.authority, other.value.host], ['[::1]:443', '::1'])
    for (const text of ['api.example:443/', 'a@b:1', 'a:b', '[::1]x', '', ':1', 'a:1#'])
      assert.ok(!readAuthority(text, 'https').ok, text)
  })

  it('that a cell can ask for by name can be declared, and no other (property)', () => {
    const part = fc.constantFrom('a', 'b9', '-', '_', '.', '1', '0x', 'A', 'api', '127', 'z'.repeat(40))
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), (parts) => {
        const text = parts.join('')
        const read = readAuthority(text, 'https')
        // What stands for other letters is judged besides, and an address is none of the names.
        if (/(?:^|\.)xn--/.test(text) || (read.ok && read.value.isAddress)) return
        assert.equal(read.ok, isPlainName(text), text)
      }),
      { numRuns: 5_000 },
    )
  })
})

/** Tells whether a text is labels of letters, digits and hyphens, of which the last is no number (RFC 1035, 2.3.1). */
function isPlainName(text: string): boolean {
  const labels = text.split('.')
  const isLabel = (label: string) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label)
  return text.length <= 253 && labels.every(isLabel) && !/^(?:[0-9]+|0x[0-9a-f]*)$/.test(labels.at(-1) ?? '')
}

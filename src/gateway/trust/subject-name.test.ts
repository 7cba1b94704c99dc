import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { subjectName } from './subject-name.ts'

const LABEL_63 = 'a'.repeat(63)
const NAME_253 = `${LABEL_63}.${LABEL_63}.${LABEL_63}.${'a'.repeat(61)}`

describe('a name in a certificate', () => {
  for (const name of ['example.com', 'localhost', 'a_b.s3.example', '1.example', 'xn--bcher-kva.example', NAME_253])
    it(`may be ${name.slice(0, 40)}`, () => {
      assert.deepEqual(subjectName(name), { ok: true, value: { kind: 'dns', text: name } })
    })

  it('is in lower case, since case says nothing in it', () => {
    const read = subjectName('API.Example.COM')
    assert.ok(read.ok && read.value.text === 'api.example.com')
  })

  it('may be an IPv4 address in its usual form', () => {
    const read = subjectName('198.18.0.255')
    assert.ok(read.ok && read.value.kind === 'address')
    assert.deepEqual([...read.value.bytes], [198, 18, 0, 255])
  })

  const refused = [
    ...[
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      '*',
      '*.example.com',
      'a.*.b',
      'f*.example',
      '-a.b',
      'a-.b',
      'a b',
      'a\0.b',
      'a\n.b',
    ],
    ...[
      'a/b',
      'a:443',
      'user@a',
      'a,DNS:b',
      'bücher.example',
      'ａ.example',
      'a%2eb',
      '\u212aelvin.example',
      '[::1]',
      '::1',
      'fe80::1%lo',
    ],
    ...['1.2.3', '10.1', '2130706433', '0x7f.1', '0x7f000001', '0x', '127.0.0.01', '256.1.1.1', 'a.1', 'a.0X7F'],
    ...[`${LABEL_63}a.example`, `${NAME_253}a`],
  ]
  for (const name of refused)
    it(`is never ${JSON.stringify(name.slice(0, 40))}`, () => {
      assert.equal(subjectName(name).ok, false)
    })

  it('holds nothing but letters, digits, - and _ between dots, whatever was asked for', () => {
    const letters = fc.constantFrom(...'aZ0-_.*\0 \n:/@%xé')
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: letters, maxLength: 12 })), (asked) => {
        const read = subjectName(asked)
        if (!read.ok) return
        assert.match(read.value.text, /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/)
        assert.equal(read.value.text, asked.toLowerCase())
      }),
      { numRuns: 2_000 },
    )
  })
})

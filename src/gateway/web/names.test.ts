import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { LIMITS } from '../../model/index.ts'
import { isHostName } from '../origins/origin.ts'
import { dnsAnswer, dnsFaultAnswer, readDnsQuestion } from './dns-message.ts'
import { CellNames } from './names.ts'

/** Returns a question for a name as a resolver writes it. */
function question(name: string, type = 1, flags = 0x0100, id = 0x1234): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label, 'latin1')]))
  const head = Buffer.from([id >> 8, id & 0xff, flags >> 8, flags & 0xff, 0, 1, 0, 0, 0, 0, 0, 0])
  return Buffer.concat([head, ...labels, Buffer.from([0, type >> 8, type & 0xff, 0, 1])])
}

/** Returns the answer to a question, as bytes; undefined where there is none. */
function answered(names: CellNames, message: Uint8Array): Buffer | undefined {
  const read = readDnsQuestion(message)
  if (!read.ok) return read.reason && Buffer.from(dnsFaultAnswer(read.reason))
  const { code, addresses } = names.answer(read.value)
  return Buffer.from(dnsAnswer(read.value, code, addresses))
}

/** The code and the addresses of an answer. */
function told(answer: Buffer | undefined): readonly [number, ...string[]] {
  if (answer === undefined) throw new Error('there was no answer')
  const count = answer.readUInt16BE(6)
  const addresses = Array.from({ length: count }, (_, i) =>
    [...answer.subarray(answer.length - 16 * (count - i) + 12)].slice(0, 4).join('.'),
  )
  return [answer.readUInt16BE(2) & 0xf, ...addresses]
}

describe('names in a cell', () => {
  it('each has an address of its own, the same each time, whatever its letters’ case', () => {
    const names = new CellNames(7)
    assert.deepEqual(told(answered(names, question('api.example'))), [0, '198.18.0.7'])
    assert.deepEqual(told(answered(names, question('other.example'))), [0, '198.18.0.8'])
    const mixed = question('Api.EXAMPLE')
    const answer = answered(names, mixed)
    assert.deepEqual(told(answer), [0, '198.18.0.7'])
    // What was asked comes back as it was written: some resolvers look for that.
    assert.deepEqual(answer?.subarray(12, mixed.length), mixed.subarray(12))
    assert.equal(answer?.readUInt16BE(0), 0x1234)
    assert.equal(answer?.readUInt16BE(2), 0x8180)
    assert.equal(names.nameOf('198.18.0.7'), 'api.example')
    assert.equal(names.nameOf('198.18.0.9'), undefined)
  })

  it('an address is never another name’s; past the limit there are no more, and those that were given stay', () => {
    const names = new CellNames(131_070)
    const given = new Set<string>()
    for (let i = 0; i < LIMITS.cellNamesMax; i++) {
      const [code, address = ''] = told(answered(names, question(`n${i}.example`)))
      assert.equal(code, 0)
      assert.match(address, /^198\.(18|19)\.\d{1,3}\.\d{1,3}$/)
      given.add(address)
    }
    assert.equal(given.size, LIMITS.cellNamesMax)
    assert.ok(!given.has('198.18.0.1'), 'the cell has that itself')
    assert.deepEqual(told(answered(names, question('one-more.example'))), [2])
    assert.deepEqual(told(answered(names, question('n0.example'))), [0, '198.19.255.254'])
  })

  it('there is no other address than that, and none of what is nobody’s', () => {
    const names = new CellNames(0)
    for (const type of [28, 65, 16, 15]) assert.deepEqual(told(answered(names, question('api.example', type))), [0])
    assert.deepEqual(told(answered(names, question('localhost'))), [0, '127.0.0.1'])
    for (const name of [
      '7.0.18.198.in-addr.arpa',
      'a.onion',
      'use-application-dns.net',
      'a b.example',
      'a/b',
      '1.2.3.4',
      'x.0x7f',
    ])
      assert.deepEqual(told(answered(names, question(name))), [3], name)
  })

  it('what is no question is refused, or gets no answer', () => {
    const names = new CellNames(0)
    const whole = question('api.example')
    assert.equal(answered(names, whole.subarray(0, 11)), undefined)
    assert.equal(answered(names, question('api.example', 1, 0x8100)), undefined)
    assert.deepEqual(told(answered(names, question('api.example', 1, 0x2800))), [4])
    for (let end = 12; end < whole.length; end++) assert.deepEqual(told(answered(names, whole.subarray(0, end))), [1])
    const pointer = Buffer.concat([whole.subarray(0, 12), Buffer.from([0xc0, 12, 0, 1, 0, 1])])
    assert.deepEqual(told(answered(names, pointer)), [1])
    const two = Buffer.from(whole)
    two[5] = 2
    assert.deepEqual(told(answered(names, two)), [1])
  })

  it('never throws, and answers with no more than it was asked, whatever comes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const answer = answered(new CellNames(0), bytes)
        assert.ok(answer === undefined || answer.length <= bytes.length + 16)
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the name of a host', () => {
  it('is letters, digits and hyphens between dots, and no address', () => {
    for (const name of [
      'a',
      'api.example',
      'xn--bcher-kva.example',
      '_dmarc.example',
      'a-b.c1',
      '1a.example',
      '0x7g.x1',
    ])
      assert.ok(isHostName(name), name)
    for (const name of [
      '',
      '.',
      'a.',
      '.a',
      'a..b',
      '-a',
      'a-',
      'A',
      'a b',
      'bücher.example',
      '127.1',
      '0x7f',
      'a.0x',
      '1',
      `${'a'.repeat(64)}.b`,
      `${'a.'.repeat(127)}b`,
    ])
      assert.ok(!isHostName(name), name)
  })
})

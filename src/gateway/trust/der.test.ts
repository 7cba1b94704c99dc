import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bits, integer, objectId, octets, sequence, tagged, time } from './der.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('DER', () => {
  it('a length is in as few bytes as it can be', () => {
    const lengths = [0, 1, 127, 128, 255, 256, 65_535, 65_536].map((bytes) => {
      const encoded = octets(Buffer.alloc(bytes))
      return hex(encoded.subarray(1, encoded.length - bytes))
    })
    assert.deepEqual(lengths, ['00', '01', '7f', '8180', '81ff', '820100', '82ffff', '83010000'])
  })

  it('an integer is positive and has no zeros in front but the one that keeps it so', () => {
    const encoded = [[0], [0, 0], [1], [0, 127], [128], [255, 1]].map((bytes) => hex(integer(Buffer.from(bytes))))
    assert.deepEqual(encoded, ['020100', '020100', '020101', '02017f', '02020080', '020300ff01'])
  })

  it('object identifiers are those that certificates have', () => {
    assert.equal(hex(objectId('1.2.840.10045.4.3.2')), '06082a8648ce3d040302')
    assert.equal(hex(objectId('2.5.29.15')), '0603551d0f')
    assert.equal(hex(objectId('1.3.6.1.5.5.7.3.1')), '06082b06010505070301')
  })

  it('times are UTCTime before 2050 and GeneralizedTime from then on, to the second', () => {
    assert.equal(time(Date.UTC(2049, 11, 31, 23, 59, 59, 999)).toString('latin1'), '\x17\x0d491231235959Z')
    assert.equal(time(Date.UTC(2050, 0, 1)).toString('latin1'), '\x18\x0f20500101000000Z')
  })

  it('parts stand in their sequence one after the other', () => {
    assert.equal(
      hex(sequence(tagged(0xa0, integer(Buffer.from([2]))), bits(Buffer.from([4]), 2))),
      '3009a00302010203020204',
    )
  })
})

import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { cpuMs } from '../../../test/kit/cpu.ts'
import { leafHash } from '../seal/merkle.ts'
import { leafBytes, readRecord, record } from './record.ts'
import { blankFrom, nextRecord } from './scan.ts'

const body = fc.uint8Array({ minLength: 1, maxLength: 60 })

describe('records', () => {
  it('come back as they were, and their leaf is the body under RFC 6962', () => {
    fc.assert(
      fc.property(body, fc.integer({ min: 0, max: 2 ** 48 - 1 }), fc.nat(), (body, batch, seq) => {
        const bytes = Buffer.concat([Buffer.alloc(8), record('entry', batch, seq, body), Buffer.alloc(32)])
        const read = readRecord(bytes, 8)
        assert.ok(read)
        assert.deepEqual([read.kind, read.batch, read.seq, [...read.body]], ['entry', batch, seq, [...body]])
        assert.deepEqual(hash('sha256', leafBytes(bytes, 8, body.length), 'buffer'), leafHash(body))
      }),
    )
  })

  it('S12: no single flipped bit goes unnoticed', () => {
    const bytes = record('payload', 7, 9, Buffer.from('twenty-one characters'))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.concat([bytes, Buffer.alloc(64)])
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      assert.equal(readRecord(changed, 0), undefined, `bit ${bit}`)
    }
  })

  it('S12: the bytes that are always zero must be, even under a right CRC', () => {
    const bytes = record('entry', 1, 1, Buffer.from('x'))
    for (const at of [21, 22, 23]) {
      const changed = Buffer.from(bytes)
      changed[at] = 1
      changed.writeUInt32BE(crc32(changed.subarray(8, 25), 1), 4)
      assert.equal(readRecord(changed, 0), undefined)
    }
  })

  it('the blank rest and the next record after damage are found wherever they begin', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(300), (before, gap) => {
        const place = Math.ceil((before + 8) / 8) * 8
        const bytes = Buffer.concat([
          Buffer.alloc(place, 1),
          record('commit', 5, 2, Buffer.alloc(8)),
          Buffer.alloc(gap),
        ])
        const next = nextRecord(bytes, 0, ({ batch }) => batch > 4)
        assert.equal(next !== 'unclear' && next?.at, place)
        assert.equal(
          nextRecord(bytes, 0, ({ batch }) => batch > 5),
          undefined,
        )
        const end = blankFrom(bytes, 0)
        assert.ok(bytes.subarray(end).every((byte) => byte === 0) && bytes[end - 1] !== 0)
      }),
    )
  })

  it('S17: bytes that all look like the beginning of a record are given up, and soon', () => {
    const bytes = Buffer.alloc(1_048_576)
    for (let at = 0; at + 16 <= bytes.length; at += 16) {
      bytes.writeUInt32BE(Math.max(1, bytes.length - at - 64), at)
      bytes[at + 4] = 1
      bytes[at + 8] = 3
    }
    const began = cpuMs()
    assert.equal(
      nextRecord(bytes, -8, () => true),
      'unclear',
    )
    assert.ok(cpuMs() - began < 1_000)
  })
})

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { Room } from '../../../fairness/room.ts'
import { applyDelta } from './pack-delta.ts'
import {
  COMMIT_PARENTS_MAX,
  descent,
  PACK_HELD_BYTES_MAX,
  PACK_OBJECT_BYTES_MAX,
  PACK_OBJECTS_MAX,
  PACK_UNPACKED_BYTES_MAX,
  PackWalk,
} from './pack-walk.ts'

const commit = (...parents: readonly string[]) =>
  Buffer.from(`tree ${'1'.repeat(40)}\n${parents.map((each) => `parent ${each}\n`).join('')}author a\n\nx`)
const nameOf = (bytes: Uint8Array) => createHash('sha1').update(`commit ${bytes.length}\0`).update(bytes).digest('hex')

/** Writes an object of a pack: its head, what it is based on, its data. */
function object(kind: number, data: Uint8Array, base: Uint8Array = Buffer.alloc(0), length = data.length): Buffer {
  const head = [(kind << 4) | (length % 16)]
  for (let left = Math.floor(length / 16); left > 0; left = Math.floor(left / 128)) {
    head[head.length - 1] = (head.at(-1) ?? 0) | 128
    head.push(left % 128)
  }
  return Buffer.concat([Buffer.from(head), base, deflateSync(data)])
}

function packOf(count: number, ...objects: readonly Uint8Array[]): Buffer {
  const head = Buffer.from('PACK\0\0\0\x02\0\0\0\0', 'latin1')
  head.writeUInt32BE(count, 8)
  return Buffer.concat([head, ...objects, Buffer.alloc(20)])
}

function walked(pack: Uint8Array): PackWalk {
  const walk = new PackWalk('sha1')
  walk.push(pack)
  walk.end()
  while (walk.step());
  assert.equal(walk.isOver, true)
  return walk
}

const found = (...objects: readonly Uint8Array[]) => walked(packOf(objects.length, ...objects)).parents.size

describe('a walk over a pack', () => {
  it('claims nothing of what is no pack, and keeps what it found before', () => {
    const one = object(1, commit())
    assert.equal(found(one), 1)
    assert.equal(walked(Buffer.from('PACK\0\0\0\x04\0\0\0\x01', 'latin1')).parents.size, 0)
    assert.equal(walked(Buffer.from('PACX')).parents.size, 0)
    assert.equal(found(one, object(5, commit('2'.repeat(40))), object(1, commit('3'.repeat(40)))), 1)
    // A size that is not its own, also one that is smaller.
    assert.equal(found(object(1, commit(), undefined, commit().length - 1)), 0)
    assert.equal(found(object(1, commit(), undefined, commit().length + 1)), 0)
    assert.equal(found(object(1, Buffer.from('no commit'))), 0)
    assert.equal(found(object(3, commit())), 0)
    // More objects than it says are none of it.
    assert.equal(walked(packOf(1, one, object(1, commit('2'.repeat(40))))).parents.size, 1)
  })

  it('reads commits as deltas of commits before them, and of nothing else', () => {
    const [base, made] = [commit(), commit('2'.repeat(40))]
    const delta = Buffer.concat([Buffer.from([base.length, made.length, made.length]), made])
    assert.ok(base.length < 128 && made.length < 128)
    const first = object(1, base)
    const back = (place: number) => Buffer.from(place < 128 ? [place] : [127 + (place >> 7), place & 127])
    assert.equal(found(first, object(7, delta, Buffer.from(nameOf(base), 'hex'))), 2)
    assert.equal(found(first, object(6, delta, back(first.length))), 2)
    assert.equal(found(first, object(6, delta, back(first.length - 1))), 1)
    assert.equal(found(first, object(6, delta, Buffer.from([0]))), 1)
    assert.equal(found(first, object(6, delta, Buffer.from([0xff, 0x7f]))), 1)
    assert.equal(found(first, object(7, delta, Buffer.alloc(20))), 1)
    const other = Uint8Array.of(base.length + 1, ...delta.subarray(1))
    assert.equal(found(first, object(7, other, Buffer.from(nameOf(base), 'hex'))), 1)
    const ends = object(7, delta.subarray(0, 9), Buffer.from(nameOf(base), 'hex'))
    assert.equal(found(first, ends), 1)
  })

  it('S17: unpacks so much, of so many objects, and holds so much', () => {
    const one = object(1, commit())
    const large = object(3, Buffer.alloc(PACK_OBJECT_BYTES_MAX))
    assert.equal(found(large, one), 1)
    assert.equal(found(object(3, Buffer.alloc(PACK_OBJECT_BYTES_MAX + 1)), one), 0)
    const larges = PACK_UNPACKED_BYTES_MAX / PACK_OBJECT_BYTES_MAX
    assert.equal(found(...Array(larges - 1).fill(large), one), 1)
    assert.equal(found(...Array(larges).fill(large), one), 0)
    const small = object(3, Buffer.alloc(0))
    const behind = (count: number) => packOf(count + 1, Buffer.concat(Array(count).fill(small)), one)
    assert.equal(walked(behind(PACK_OBJECTS_MAX - 1)).parents.size, 1)
    assert.equal(walked(behind(PACK_OBJECTS_MAX)).parents.size, 0)
    assert.equal(found(object(1, commit(...Array(COMMIT_PARENTS_MAX).fill('2'.repeat(40))))), 1)
    assert.equal(found(object(1, commit(...Array(COMMIT_PARENTS_MAX + 1).fill('2'.repeat(40))))), 0)
    const walk = new PackWalk('sha1')
    assert.equal(walk.push(packOf(9, one)), true)
    assert.equal(walk.push(Buffer.alloc(PACK_HELD_BYTES_MAX)), false)
    while (walk.step());
    assert.deepEqual([walk.isOver, walk.parents.size, walk.heldBytes], [true, 1, packOf(9, one).length])
  })

  it('PW3: S17: holds no more, also unpacked, than there is room for', () => {
    const message = Buffer.concat([commit(), Buffer.alloc(500_000, 'x')])
    const of = (i: number) => object(1, Buffer.concat([message, Buffer.from(String(i))]))
    const pack = packOf(20, ...Array.from({ length: 20 }, (_, i) => of(i)))
    assert.ok(pack.length < 100_000)
    const room = new Room(4_000_000)
    const walk = new PackWalk('sha1', room)
    assert.equal(walk.push(pack), true)
    while (walk.step());
    assert.deepEqual([walk.isOver, walk.parents.size], [true, 7])
    // Of one that is over, commits are not needed any more; what it holds back is still to be sent.
    assert.equal(room.take(4_000_000 - 2 * pack.length), true)
    room.give(4_000_000 - 2 * pack.length)
    assert.deepEqual(walk.take(), pack)
    walk.leave()
    assert.equal(room.take(4_000_000), true)
    const full = new PackWalk('sha1', room)
    assert.equal(full.push(pack), false)
    while (full.step());
    assert.deepEqual([full.isOver, full.heldBytes], [true, 0])
  })

  it('never throws, whatever bytes are another than they were', () => {
    const [base, made] = [commit(), commit(nameOf(commit()))]
    const delta = Buffer.concat([Buffer.from([base.length, made.length, made.length]), made])
    const pack = packOf(
      3,
      object(1, base),
      object(7, delta, Buffer.from(nameOf(base), 'hex')),
      object(1, commit('4'.repeat(40))),
    )
    const known = walked(pack).parents
    assert.equal(known.size, 3)
    const change = fc.tuple(fc.nat(pack.length - 1), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.integer({ min: 1, max: 90 }), (changes, size) => {
        const bytes = Buffer.from(pack)
        for (const [at, value] of changes) bytes[at] = value
        const walk = new PackWalk('sha1')
        for (let at = 0; at < bytes.length; at += size) {
          walk.push(bytes.subarray(at, at + size))
          while (walk.step());
        }
        walk.end()
        while (walk.step());
        assert.deepEqual(walk.take(), bytes)
        // The zlib stream has a checksum, so that what is found was there.
        for (const [name, parents] of walk.parents) assert.deepEqual(parents, known.get(name) ?? parents)
      }),
      { numRuns: 2_000 },
    )
  })

  it('applies no delta past its base, nor past what it says that it makes', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 20 }),
        fc.nat(40),
        (base, code, length) => {
          const made = applyDelta(base, Uint8Array.of(base.length, length, ...code), 30)
          if (made !== undefined) assert.ok(made.length === length && length <= 30)
        },
      ),
      { numRuns: 2_000 },
    )
  })
})

describe('the history between two commits', () => {
  it('is proven from parent to parent, or ends where nothing is known', () => {
    const parents = new Map([
      ['d', ['b', 'c']],
      ['c', ['a']],
      ['b', ['x']],
      ['loop', ['loop']],
    ])
    assert.deepEqual(descent(parents, 'd', 'a'), { isProven: true, unknown: [] })
    assert.deepEqual(descent(parents, 'd', 'y'), { isProven: false, unknown: ['x', 'a'] })
    assert.deepEqual(descent(parents, 'a', 'd'), { isProven: false, unknown: ['a'] })
    assert.deepEqual(descent(parents, 'loop', 'a'), { isProven: false, unknown: [] })
    // A commit that a push calls shallow may be meant, and nothing behind it.
    assert.deepEqual(descent(parents, 'd', 'c', { ends: new Set(['c']) }), { isProven: true, unknown: [] })
    assert.deepEqual(descent(parents, 'd', 'a', { ends: new Set(['c']) }), { isProven: false, unknown: ['x'] })
  })
})

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { Room } from '../../fairness/room.ts'
import {
  type ContentCoding,
  contentCoding,
  DECODED_BYTES_MAX,
  DECODED_RATIO_MAX,
  decodeBody as decode,
} from './decode.ts'

const CODINGS = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync } as const
const names = ['gzip', 'br', 'zstd'] as const

/** Text that a client would send: it repeats itself, but not without end. */
const TEXT = Buffer.from(
  Array.from({ length: 20_000 }, (_, i) => `{"line":${i},"said":"${(i * 7919) % 1_000}"}`).join(','),
)

const ROOM = 2 * DECODED_BYTES_MAX

/** Decodes in a room of its own, of which nothing but what is returned may stay taken. */
async function decodeBody(body: Uint8Array, coding: ContentCoding, bytesMax?: number) {
  const room = new Room(ROOM)
  const read = await decode(body, { coding, room, ...(bytesMax !== undefined && { bytesMax }) })
  if (read.ok) room.give(read.value.length)
  assert.ok(room.take(ROOM) && !room.take(1), 'the room is as it was')
  return read
}

describe('decodeBody', () => {
  for (const coding of names) {
    it(`${coding} is read back`, async () => {
      const read = await decodeBody(CODINGS[coding](TEXT), coding)
      assert.ok(read.ok && Buffer.compare(read.value, TEXT) === 0)
    })

    it(`${coding} that is cut or followed by more is refused`, async () => {
      const whole = CODINGS[coding](TEXT)
      assert.equal((await decodeBody(whole.subarray(0, -3), coding)).ok, false)
      assert.equal((await decodeBody(Buffer.concat([whole, Buffer.from('more')]), coding)).ok, false)
      assert.equal((await decodeBody(new Uint8Array(0), coding)).ok, false)
    })

    it(`${coding} is at most ${DECODED_BYTES_MAX} bytes when it is decoded, and at most ${DECODED_RATIO_MAX} times larger`, async () => {
      const bomb = CODINGS[coding](Buffer.alloc(8_388_608))
      assert.match(JSON.stringify(await decodeBody(bomb, coding)), /grows more than 100 times/)
      const large = CODINGS[coding](randomBytes(100_000))
      assert.match(JSON.stringify(await decodeBody(large, coding, 99_999)), /more than 99999 bytes/)
      assert.equal((await decodeBody(large, coding, 100_000)).ok, true)
    })
  }

  it('takes of the room as it goes, and ends where there is no more of it', async () => {
    const room = new Room(1_000_000)
    const read = await decode(gzipSync(randomBytes(2_000_000)), { coding: 'gzip', room })
    assert.deepEqual(read, { ok: false, reason: 'too much is being read of its cell at once' })
    assert.ok(room.take(1_000_000), 'what it took is given back')
    room.give(1_000_000)
    const small = await decode(gzipSync(randomBytes(300_000)), { coding: 'gzip', room })
    assert.ok(small.ok && room.take(700_000) && !room.take(1), 'what it returns stays taken')
  })

  it('any bytes end in a result', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 64 }),
        fc.constantFrom(...names),
        fc.boolean(),
        async (bytes, coding, real) => {
          const input = real ? CODINGS[coding](bytes) : bytes
          const read = await decodeBody(input, coding)
          if (real) assert.deepEqual(read.ok && [...read.value], [...bytes])
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('zstd that asks for a large window is refused', async () => {
    // A frame of a window of 1 GiB: magic, no checksum or size, window descriptor, an empty last block.
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00)
    assert.equal((await decodeBody(frame, 'zstd')).ok, false)
    assert.equal((await decodeBody(frame.with(5, 0x50), 'zstd')).ok, true)
  })
})

describe('contentCoding', () => {
  it('reads one coding', () => {
    assert.deepEqual(contentCoding([]), { ok: true, value: undefined })
    assert.deepEqual(contentCoding(['identity']), { ok: true, value: undefined })
    assert.deepEqual(contentCoding(['GZIP']), { ok: true, value: 'gzip' })
    for (const values of [['gzip, br'], ['gzip', 'br'], ['deflate'], ['constructor'], ['compress']])
      assert.equal(contentCoding(values).ok, false)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Json } from '../../../../model/index.ts'
import { LFS_PLACE_CHARACTERS_MAX, type LfsPlace, readLfsAnswer } from './lfs-batch.ts'
import { LFS_PLACES_MAX, LfsPlaces } from './lfs-places.ts'

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)]
const BATCH = { operation: 'download', ref: undefined, objects: [{ oid: A, size: 7 }] } as const
const download = (href: string, header: Json = {}, oid = A): Json => ({
  oid,
  size: 7,
  actions: { download: { href, header } },
})
const read = (...objects: readonly Json[]) => readLfsAnswer({ objects }, BATCH)

describe('the answer to a batch of LFS', () => {
  it('S11: is none with files that were not asked for, or places that have two readings', () => {
    const place = 'https://store.example/a?signed=1'
    assert.ok(read(download(place, { Authorization: 'Token x' })).ok)
    for (const each of [
      [download(place, {}, B)],
      [download(place), download(place)],
      [download('file:///etc/passwd')],
      [download('https://who@store.example/a')],
      [download('/a')],
      [download(`https://store.example/${'a'.repeat(LFS_PLACE_CHARACTERS_MAX)}`)],
      [download(place, { 'a b': 'x' })],
      [download(place, { a: 'x\r\nhost: y' })],
      [download(place, { a: 1 })],
      [download(place, Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`a${i}`, 'x'])))],
      ['x'],
    ])
      assert.equal(read(...each).ok, false, JSON.stringify(each).slice(0, 200))
    assert.equal(readLfsAnswer({ objects: [], transfer: 'tus' }, BATCH).ok, false)
    assert.equal(readLfsAnswer(null, BATCH).ok, false)
  })

  it('keeps what signs a place, and not what frames a request', () => {
    const answer = read(
      download('https://store.example/a?b=c#d', { Authorization: 'Token x', Host: 'y', 'Content-Length': '1' }),
    )
    const place = answer.ok ? answer.value[0]?.places.get('download') : undefined
    const headers = new Map([['authorization', 'Token x']])
    assert.deepEqual(place, { origin: 'https://store.example', path: '/a?b=c', headers, size: 7 })
    const sent = readLfsAnswer({ objects: [download('https://store.example/a')] }, { ...BATCH, operation: 'upload' })
    assert.deepEqual(sent.ok && sent.value[0]?.places.size, 0, 'nothing is had where something was to be sent')
    const error = read({ oid: A, size: 7, error: { code: 404, message: 'not there' } })
    assert.deepEqual(error.ok && error.value[0]?.error, { code: 404, message: 'not there' })
  })
})

it('S17: so many places of files are remembered, the newest ones', () => {
  const places = new LfsPlaces()
  const place: LfsPlace = { origin: 'https://store.example', path: '/', headers: new Map(), size: 0 }
  for (let i = 0; i <= LFS_PLACES_MAX; i++) places.add('a', String(i), 'download', place)
  assert.deepEqual(
    [0, 1].map((i) => places.of('a', String(i), 'download')),
    [undefined, place],
  )
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { NewestMap } from './recent.ts'

describe('a map that keeps its newest keys', () => {
  it('lets the key go that was set first, whatever was set again or deleted meanwhile', () => {
    const map = new NewestMap<string, number>(3)
    for (const [i, key] of ['a', 'b', 'c', 'a', 'd'].entries()) map.set(key, i)
    assert.deepEqual([...map.keys()], ['b', 'c', 'd'], 'set again, a key stays in its place')
    map.delete('c')
    for (const [i, key] of ['c', 'e', 'f'].entries()) map.set(key, i)
    assert.deepEqual([...map.keys()], ['c', 'e', 'f'], 'deleted and set, it is new')
  })

  it('goes on after it was emptied', () => {
    const map = new NewestMap<number, number>(2)
    for (let i = 0; i < 5; i++) map.set(i, i)
    map.clear()
    for (let i = 10; i < 15; i++) map.set(i, i)
    assert.deepEqual([...map.keys()], [13, 14])
  })

  it('keeps what a plain map would keep that was told to forget its first key', () => {
    const [map, plain] = [new NewestMap<number, number>(20), new Map<number, number>()]
    for (let i = 0; i < 5_000; i++) {
      const key = Math.imul(i, 48_271) % 97
      map.set(key, i)
      plain.set(key, i)
      const [first] = plain.keys()
      if (plain.size > 20 && first !== undefined) plain.delete(first)
      if (i % 7 === 0) for (const each of [map, plain]) each.delete((key * 3) % 97)
      assert.deepEqual([...map], [...plain])
    }
  })
})

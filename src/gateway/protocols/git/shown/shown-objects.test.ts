import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SHOWN_REPOSITORIES_MAX, ShownObjects } from './shown-objects.ts'

const name = (i: number) => i.toString(16).padStart(40, '0')
const names = (from: number, count: number) => Array.from({ length: count }, (_, i) => name(from + i))

describe('objects that lists have shown', () => {
  it('SO1: count for nothing under other patterns than those that have shown them', () => {
    const shown = new ShownObjects()
    shown.add('shop/desk', 'main and agent', [name(1)])
    assert.equal(shown.of('shop/desk', 'main and agent').has(name(1)), true)
    assert.equal(shown.of('shop/desk', 'main').has(name(1)), false)
    assert.equal(shown.of('shop/other', 'main and agent').has(name(1)), false)
    shown.add('shop/desk', 'main', [name(2)])
    assert.deepEqual(
      [1, 2].map((i) => shown.of('shop/desk', 'main').has(name(i))),
      [false, true],
    )
    shown.add('shop/desk', 'main', [name(3)])
    assert.deepEqual(
      [2, 3].map((i) => shown.of('shop/desk', 'main').has(name(i))),
      [true, true],
    )
  })

  it('SO2: S17: are so many of all repositories together, and of so many repositories', () => {
    const shown = new ShownObjects(10)
    for (const [i, repository] of ['a', 'b', 'c'].entries()) shown.add(repository, '', names(i * 5, 5))
    assert.equal(shown.size, 10)
    const holds = (repository: string, i: number) => shown.of(repository, '').has(name(i))
    assert.deepEqual([holds('a', 0), holds('b', 5), holds('c', 10)], [false, true, true])
    shown.add('d', '', names(0, 11))
    assert.deepEqual([shown.size, holds('d', 0), holds('d', 10), holds('c', 10)], [10, true, false, false])
    const many = new ShownObjects()
    for (let i = 0; i <= SHOWN_REPOSITORIES_MAX; i++) many.add(`r${i}`, '', [name(i)])
    assert.deepEqual([many.size, many.of('r0', '').has(name(0))], [SHOWN_REPOSITORIES_MAX, false])
  })
})

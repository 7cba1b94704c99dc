import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SHOWN_REPOSITORIES_MAX, ShownObjects } from './shown-objects.ts'

const name = (i: number) => i.toString(16).padStart(40, '0')
const names = (from: number, count: number, by = 'main') =>
  new Map(Array.from({ length: count }, (_, i) => [name(from + i), by] as const))

describe('objects that lists have shown', () => {
  it('SO1: count as shown by the patterns that have shown them', () => {
    const shown = new ShownObjects()
    shown.add('shop/desk', names(1, 1, 'main'))
    assert.equal(shown.by('shop/desk', name(1)), 'main')
    assert.equal(shown.by('shop/desk', name(2)), '')
    assert.equal(shown.by('shop/other', name(1)), '')
    // A list by another pattern takes nothing from the first, and adds its own.
    shown.add('shop/desk', names(1, 2, 'agent'))
    assert.deepEqual(
      [1, 2].map((i) => shown.by('shop/desk', name(i))),
      ['main\nagent', 'agent'],
    )
    shown.add('shop/desk', names(1, 2, 'agent\nmain'))
    assert.deepEqual(
      [1, 2].map((i) => shown.by('shop/desk', name(i)).split('\n').sort()),
      [
        ['agent', 'main'],
        ['agent', 'main'],
      ],
    )
    assert.equal(shown.size, 2)
  })

  it('SO2: S17: are so many of all repositories together, and of so many repositories', () => {
    const shown = new ShownObjects(10)
    for (const [i, repository] of ['a', 'b', 'c'].entries()) shown.add(repository, names(i * 5, 5))
    assert.equal(shown.size, 10)
    const holds = (repository: string, i: number) => shown.by(repository, name(i)) !== ''
    assert.deepEqual([holds('a', 0), holds('b', 5), holds('c', 10)], [false, true, true])
    shown.add('d', names(0, 11))
    assert.deepEqual([shown.size, holds('d', 0), holds('d', 10), holds('c', 10)], [10, true, false, false])
    const many = new ShownObjects()
    for (let i = 0; i <= SHOWN_REPOSITORIES_MAX; i++) many.add(`r${i}`, names(i, 1))
    assert.deepEqual([many.size, many.by('r0', name(0))], [SHOWN_REPOSITORIES_MAX, ''])
  })
})

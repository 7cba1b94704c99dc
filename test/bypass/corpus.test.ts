/** Every class of attack has its cases or its tests elsewhere, and README.md says which. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ATTACKS, type Elsewhere } from './attacks.ts'
import { REPOSITORY, readmeTable } from './corpus.ts'

const NAMES = new Map<string, readonly Elsewhere[]>(Object.entries(ATTACKS))

describe('the bypass corpus', () => {
  it('the tests that it names elsewhere are there', () => {
    const missing = [...NAMES.values()]
      .flat()
      .filter(([file, part]) => !titlesOf(file).some((title) => title.includes(part)))
    assert.deepEqual(missing, [])
  })

  it('README.md has a line for every class, and for nothing else', () => {
    const told = new Set(readmeTable().map(([attack]) => attack))
    assert.deepEqual([...told].sort(), [...NAMES.keys()].sort())
  })

  it('a class that has no cases here has tests elsewhere, and README.md counts them', () => {
    const elsewhere = readmeTable().filter(([, room]) => room === 'elsewhere')
    for (const [attack = '', , count] of elsewhere) assert.equal(String(NAMES.get(attack)?.length), count, attack)
  })

  it('every room that README.md names is there', () => {
    const rooms = readmeTable().flatMap(([, room = '']) => (room === 'elsewhere' ? [] : [room]))
    assert.deepEqual(
      rooms.filter((room) => !existsSync(join(import.meta.dirname, room))),
      [],
    )
  })
})

/** Titles as they stand in the code: one that is made of parts is found by its constant ones. */
function titlesOf(file: string): readonly string[] {
  if (!existsSync(join(REPOSITORY, file))) return []
  const text = readFileSync(join(REPOSITORY, file), 'utf8')
  return [...text.matchAll(/\b(?:it|describe)\(\s*(['"`])(.*?)\1/g)].map(([, , title = '']) => title)
}

import assert from 'node:assert/strict'
import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import type { Problem } from '../model/index.ts'
import { list, text } from './shape.ts'
import { readYaml } from './yaml.ts'

const words = list(
  'words',
  text('a word in lower case', (t) => (/^[a-z]+$/.test(t) ? t : undefined)),
)

function read(bytes: string | Uint8Array | undefined) {
  const file = join(temporaryDirectory(), 'words.yaml')
  if (bytes !== undefined) writeFileSync(file, bytes)
  const problems: Problem[] = []
  const value = readYaml(file, words, problems)
  return { value, problems: problems.map(({ source, message }) => [source.file, source.line, message] as const) }
}

describe('a file that a person wrote', () => {
  it('of many thousand keys is read in the time of its length, and nested without end it is no YAML', () => {
    const keys = Array.from({ length: 20_000 }, (_, i) => `k${i}`)
    assert.match(read(`{${keys.join(',')}}`).problems[0]?.[2] ?? '', /^found/)
    assert.match(read(`{${[...keys, 'k7'].join(',')}}`).problems[0]?.[2] ?? '', /has the key k7 twice/)
    assert.equal(read('['.repeat(20_000)).value, undefined)
  })

  it('is read by root only up to a bound where it is another user’s', { skip: process.getuid?.() !== 0 }, () => {
    const file = join(temporaryDirectory(), 'words.yaml')
    writeFileSync(file, `- one # ${'x'.repeat(200_000)}`)
    const problems: Problem[] = []
    assert.deepEqual(readYaml(file, words, problems), ['one'], 'control')
    chownSync(file, 1_900_000_009, 0)
    assert.equal(readYaml(file, words, problems), undefined)
    assert.match(problems[0]?.message ?? '', /at most 131072 are read by root of another user’s/)
  })

  it('is read by its shape', () => assert.deepEqual(read('- one\n- two'), { value: ['one', 'two'], problems: [] }))

  const wrong: readonly (readonly [string, string | Uint8Array | undefined, line: number, RegExp])[] = [
    ['that is not there', undefined, 1, /cannot be read: ENOENT/],
    ['that is not UTF-8', Uint8Array.of(0x2d, 0x20, 0xff), 1, /cannot be read: .*encoded/],
    ['that is larger than 1 MiB', '#'.repeat(1_048_577), 1, /it has 1048577 bytes; at most 1048576 are read/],
    ['that is not YAML', '- one\n- "two', 2, /closing "quote/],
    ['that says a key twice', '- one\n- a: 1\n  a: 2', 3, /unique/],
    ['of another shape', '- one\n- TWO', 2, /TWO/],
  ]
  for (const [what, bytes, line, message] of wrong) {
    it(`${what} is a problem with its line, and without its directory`, () => {
      const { value, problems } = read(bytes)
      assert.equal(value, undefined)
      assert.deepEqual([problems[0]?.[0], problems[0]?.[1]], ['words.yaml', line])
      assert.match(problems[0]?.[2] ?? '', message)
    })
  }
})

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
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

import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { groupsOf, testFilesUnder, writeGroups } from '../../bin/test-groups.js'
import { repository } from './command-line.ts'
import { temporaryDirectory } from './temporary.ts'

it('test files of the sources share processes, each in one group, but for those that change or measure a whole process', () => {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'a'))
  const plain = "it('does', () => {\n  before()\n})\n"
  const texts = {
    'a/1': plain,
    'a/2': `beforeEach(() => {})\n${plain}`,
    b: `// In a process of its own: why\n${plain}`,
    c: plain,
  }
  for (const [name, text] of Object.entries(texts)) writeFileSync(join(directory, `${name}.test.ts`), text)
  writeFileSync(join(directory, 'a/kit.ts'), plain)
  const at = (name: string) => join(directory, `${name}.test.ts`)
  const found = testFilesUnder(directory)
  assert.deepEqual(found, ['a/1', 'a/2', 'b', 'c'].map(at))
  assert.deepEqual(groupsOf(found, 2), { alone: ['a/2', 'b'].map(at), groups: [[at('a/1')], [at('c')]] })
})

it('no test file of the sources is lost by being put into groups', () => {
  const found = testFilesUnder(join(repository, 'src'))
  const { alone, groups } = groupsOf(found, 12)
  const written = writeGroups(groups, join(temporaryDirectory(), 'groups'), repository)
  const loaded = written.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/file:\/\/(.*)"/g)].map(([, path]) => path),
  )
  assert.deepEqual([...alone, ...loaded].toSorted(), found.toSorted())
  assert.ok(groups.length === 12 && alone.length < found.length / 4, `${groups.length}, ${alone.length}`)
})

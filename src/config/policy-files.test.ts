import assert from 'node:assert/strict'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../test/kit/temporary.ts'
import { policyFiles } from './policy-files.ts'

function made(...names: readonly string[]): string {
  const directory = temporaryDirectory()
  for (const name of names) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), '')
  }
  return directory
}

describe('the files that a pattern of policies means', () => {
  it('are those of plain names, of *, ? and **, above the configuration and by an absolute path, too', () => {
    const base = made('work/p/a.cedar', 'work/p/b.cedar', 'work/p/.c.cedar', 'work/p/deep/er/d.cedar', 'shared/e.cedar')
    const work = join(base, 'work')
    symlinkSync('p', join(work, 'link'))
    const files = (pattern: string) => {
      const found = policyFiles(pattern, work)
      return found.ok ? found.value : found.reason
    }
    assert.deepEqual(files('p/a.cedar'), ['p/a.cedar'])
    assert.deepEqual(files('./p/?.cedar'), ['p/a.cedar', 'p/b.cedar'])
    assert.deepEqual(files('p/*.cedar'), ['p/.c.cedar', 'p/a.cedar', 'p/b.cedar'])
    assert.deepEqual(files('**/d.cedar'), ['p/deep/er/d.cedar'])
    assert.deepEqual(files('p/**'), ['p/.c.cedar', 'p/a.cedar', 'p/b.cedar', 'p/deep/er/d.cedar'])
    assert.deepEqual(files('link/a.*'), ['link/a.cedar'], 'a link that the pattern names is followed')
    assert.deepEqual(files('**/a.cedar'), ['p/a.cedar'], 'and none that ** meets')
    assert.deepEqual(files('../shared/*'), ['../shared/e.cedar'])
    assert.deepEqual(files(join(work, 'p/a.*')), [join(work, 'p/a.cedar')])
    for (const none of ['p/x.cedar', 'q/*', 'p/a.cedar/*']) assert.deepEqual(files(none), [], none)
    for (const other of ['p/{a,b}.cedar', 'p/[ab].cedar', '!(p)/*']) assert.match(String(files(other)), /no meaning/)
    assert.match(String(files('p/a**')), /no pattern/)
  })

  it('are looked for within bounds, whatever the pattern is', () => {
    const directory = made(...Array.from({ length: 60 }, (_, i) => `${'d/'.repeat(i)}f${i}`))
    const left = { left: 2_000 }
    const found = policyFiles(`${'**/'.repeat(300)}nothing`, directory, left)
    assert.match(found.ok ? 'found' : found.reason, /more than 100000 files/)
    assert.ok(!policyFiles('d/f1', directory, left).ok, 'one budget for all patterns')
    assert.match(JSON.stringify(policyFiles('{a,b}'.repeat(28), directory)), /no meaning/)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { matchesPath, type PathPattern, pathPattern } from '../../model/text/pattern.ts'
import type { Change } from '../workspace.ts'
import { executesOnHost } from './executes.ts'
import { byRule } from './rule.ts'

const of = (...texts: readonly string[]): readonly PathPattern[] => texts.map((text) => pathPattern(text) ?? [])

function change(path: string, more: Partial<Change> = {}): Change {
  return { kind: 'added', path, type: 'file', mode: 0o644, bytes: 1, inode: '0', ...more }
}

function ruled(
  changes: readonly Change[],
  allow: readonly PathPattern[],
  never: readonly PathPattern[],
  confirmed: readonly string[] = [],
) {
  const executes = executesOnHost(changes.map(({ path }) => path))
  return byRule({ changes, executes }, { allow, never }, confirmed)
}

const part = fc.constantFrom('a', 'b', '.git', '.GIT', 'package.json', 'x.ts')
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const pattern = fc.array(fc.constantFrom('**', '*', 'a', 'b', '.git', '*.ts'), { minLength: 1, maxLength: 3 })
const changes = fc.uniqueArray(
  fc.record({
    path,
    kind: fc.constantFrom('added', 'changed', 'removed'),
    type: fc.constantFrom('file', 'directory', 'symlink'),
  }),
  { selector: (each) => each.path, maxLength: 8 },
)

describe('commit by rule', () => {
  it('CR1 CR2 CR3: whatever was changed, what lands is allowed, not protected, and named where a host would act upon it', async () => {
    await fc.assert(
      fc.asyncProperty(
        changes,
        fc.array(pattern),
        fc.array(pattern),
        fc.array(path),
        async (made, allow, never, confirmed) => {
          const all = made.map(({ path: name, ...more }) => change(name, more))
          const { lands, left } = await ruled(all, allow, never, confirmed)
          assert.deepEqual(
            [...lands, ...left.map((each) => each.path)].toSorted(),
            all.map((each) => each.path).toSorted(),
          )
          for (const each of all.filter(({ path: name }) => lands.includes(name))) {
            const above = each.kind === 'added' && each.type === 'directory'
            assert.ok(
              allow.some((one) => matchesPath(one, each.path)) ||
                (above && lands.some((other) => other.startsWith(`${each.path}/`))),
            )
            assert.ok(!never.some((one) => matchesPath(one, each.path.toLowerCase())))
            if (executesOnHost([each.path]).length > 0) assert.ok(confirmed.includes(each.path))
            if (each.kind === 'removed' && each.type === 'directory')
              for (const below of ['a', '.git', 'x.ts', 'a/b', 'a/.git/x'])
                assert.ok(!never.some((one) => matchesPath(one, `${each.path}/${below}`.toLowerCase())))
          }
        },
      ),
      { numRuns: 3_000 },
    )
  })

  it('CR1: a new directory lands with what is allowed in it, and nothing else of it', async () => {
    const all = [
      change('a', { type: 'directory' }),
      change('a/x.ts'),
      change('a/y.md'),
      change('b', { type: 'directory' }),
    ]
    assert.deepEqual((await ruled(all, of('**/*.ts'), [])).lands, ['a', 'a/x.ts'])
  })

  it('CR2: a directory goes only where all of it may, and nothing in it is protected', async () => {
    const gone = [change('a', { kind: 'removed', type: 'directory' })]
    assert.deepEqual((await ruled(gone, of('a/**'), [])).lands, ['a'])
    assert.deepEqual((await ruled(gone, of('a', 'a/*'), [])).lands, [])
    assert.deepEqual((await ruled(gone, of('**'), of('a/b/keep'))).lands, [])
    assert.deepEqual((await ruled(gone, of('**'), of('b/**'))).lands, ['a'])
  })

  it('CR2: a name that some file system takes for a protected one is protected', async () => {
    const all = [change('.GIT/config'), change('.git./x'), change('.g\u200cit/y')]
    assert.deepEqual(
      (
        await ruled(
          all,
          of('**'),
          of('.git/**'),
          all.map(({ path: name }) => name),
        )
      ).lands,
      [],
    )
  })

  it('CR2: a protected name is protected, whatever a file system would take it for', async () => {
    const gone = change('dd:1.d', { kind: 'removed', type: 'directory' })
    const lands = async (each: Change, ...never: readonly string[]) =>
      (await ruled([each], of('**'), of(...never))).lands.length
    assert.deepEqual([await lands(change('xx:1.pem')), await lands(change('xx:1.pem'), '**/*.pem')], [1, 0])
    assert.deepEqual([await lands(gone), await lands(gone, '*.d/**')], [1, 0])
  })

  it('S8: others have turns between two changes', async () => {
    let turns = 0
    const all = [change('a', { type: 'directory' }), change('a/b'), change('c')]
    const turn = () => Promise.resolve(void turns++)
    const ruling = { allow: of('**'), never: [] }
    assert.equal((await byRule({ changes: all, executes: [] }, ruling, [], turn)).lands.length, 3)
    assert.equal(turns, 6, 'once each, and once each for what it lies in')
  })
})

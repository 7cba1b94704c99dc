import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { WorkspaceDiff } from '../../cells/workspace.ts'
import { choosing } from './commit.ts'
import { changedSinceShown, noteShown, seenAs } from './shown-changes.ts'

describe('what a host would act upon', () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-test-'))
  after(() => rmSync(base, { recursive: true, force: true }))

  it('lands as what a person was shown under that name, and as nothing that it has become since', async () => {
    const changes = join(base, 'workspaces', 'alpha')
    mkdirSync(changes, { recursive: true })
    const diff = (inode: string) => {
      const change = { kind: 'changed', type: 'file', mode: 0o644, bytes: 1, inode }
      const paths = ['package.json', 'Makefile'] as const
      return {
        changes: [
          { ...change, path: paths[0] },
          { ...change, path: paths[1], inode: '1' },
        ],
        executes: paths.map((path) => ({ path, why: 'npm' })),
      } as unknown as WorkspaceDiff // what is read of it
    }
    const lands = async (now: WorkspaceDiff) => {
      const wanted = { rule: { allow: [['**']], never: [] }, confirmed: ['package.json', 'Makefile'] }
      const { paths, left = [] } = await choosing(wanted, (found) => changedSinceShown(changes, found))(now)
      assert.equal(
        left.every(({ why }) => why === 'npm; it has changed since you were shown it: firebreak diff'),
        true,
      )
      return paths
    }
    assert.deepEqual(await lands(diff('1')), ['package.json', 'Makefile'])
    noteShown(changes, diff('1'))
    noteShown(join(base, 'workspaces', 'beta'), diff('7'))
    assert.deepEqual(await lands(diff('1')), ['package.json', 'Makefile'])
    assert.deepEqual(await lands(diff('2')), ['Makefile'])
    noteShown(changes, diff('2'))
    assert.deepEqual(await lands(diff('2')), ['package.json', 'Makefile'])
  })

  it('S11: what a person has listed lands as what they were shown and asked about; a rule asks nobody', async () => {
    const changes = join(base, 'workspaces', 'gamma')
    mkdirSync(changes, { recursive: true })
    const diff = (inode: string, numbered = inode) => {
      const change = { kind: 'added', mode: 0o644, bytes: 1 }
      return {
        changes: [
          { ...change, path: 'src', type: 'directory', inode: numbered },
          { ...change, path: 'src/a', type: 'file', inode },
          { ...change, path: 'b', type: 'file', inode: '1' },
        ],
        executes: [],
      } as unknown as WorkspaceDiff // what is read of it
    }
    const lands = async (now: WorkspaceDiff, more: { readonly paths?: readonly string[]; readonly seen?: string }) => {
      const wanted = { rule: { allow: [['**']], never: [] }, confirmed: [], ...more }
      const { paths, left = [] } = await choosing(wanted, (found) => changedSinceShown(changes, found))(now)
      return [paths, left.map(({ path, why, needsPerson }) => needsPerson && `${path}: ${why}`)]
    }
    const all = ['src', 'src/a', 'b']
    const seen = seenAs(diff('1'), all)
    assert.deepEqual(await lands(diff('1', '9'), { paths: all, seen }), [all, []])
    const [landed, left] = await lands(diff('2'), { paths: all, seen })
    assert.deepEqual(
      [landed, left?.map((each) => /^[^:]+: what you were asked about has changed/.test(`${each}`))],
      [[], [true, true, true]],
    )
    assert.deepEqual(await lands(diff('2'), { paths: ['b'], seen: seenAs(diff('1'), ['b']) }), [['b'], []])
    noteShown(changes, diff('1'))
    assert.deepEqual(await lands(diff('2'), { paths: all }), [
      ['src', 'b'],
      ['src/a: it has changed since you were shown it: firebreak diff'],
    ])
    assert.deepEqual(await lands(diff('2'), {}), [all, []])
  })
})

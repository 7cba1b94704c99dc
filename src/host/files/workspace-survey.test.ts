import assert from 'node:assert/strict'
import { chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { STATE_PARTS } from '../state/state.ts'
import { surveyWorkspace } from './workspace-survey.ts'

it('S10: what belongs to a state in a workspace is given to nobody by the advice', {
  skip: process.getuid?.() !== 0,
}, () => {
  const base = mkdtempSync(join(tmpdir(), 'firebreak-survey-'))
  try {
    for (const part of STATE_PARTS) mkdirSync(join(base, 'other/.firebreak', part), { recursive: true })
    mkdirSync(join(base, 'other/data'))
    const given = () => surveyWorkspace(base, 'full').map(({ what }) => what)
    for (const part of ['', ...STATE_PARTS])
      chownSync(join(base, 'other/.firebreak', part), 1_900_000_001, 1_900_000_001)
    assert.deepEqual(given(), [])
    chownSync(join(base, 'other/data'), 1_900_000_001, 1_900_000_001)
    assert.match(given().join('\n'), /it cannot change other\/data$/)
  } finally {
    rmSync(base, { recursive: true, force: true })
  }
})

it('what a workspace is not whole by is told in and by names that are not UTF-8, too', () => {
  const base = realpathSync(temporaryDirectory())
  const latin = Buffer.concat([Buffer.from(`${base}/caf`), Buffer.from([0xe9])])
  mkdirSync(latin)
  symlinkSync('../../elsewhere', Buffer.concat([latin, Buffer.from('/out')]))
  const [note] = surveyWorkspace(base, 'full')
  assert.match(note?.what ?? '', /^1 link leads out of it, .*: caf\\xe9\/out$/)
})

/** Returns what a person is told to do about a workspace, in lines. */
function advice(workspace: string): string {
  return surveyWorkspace(workspace, 'full')
    .map(({ fix }) => fix)
    .join('\n')
}

it('S10: advice shows what a link of the workspace leads to where init would, and nothing else', () => {
  const base = realpathSync(temporaryDirectory())
  const work = join(base, 'mono/packages/a')
  for (const path of [
    'mono/.git',
    'mono/packages/a',
    'mono/packages/b',
    'private',
    '.mozilla/firefox',
    'x/node_modules',
  ])
    mkdirSync(join(base, path), { recursive: true })
  symlinkSync(join(base, '.mozilla/firefox'), join(work, 'profile'))
  symlinkSync('../../../private', join(work, 'private'))
  assert.equal(advice(work), 'what you know of it, by hand under cell: { files }; or a copy in its place')
  symlinkSync('../b', join(work, 'b'))
  symlinkSync('../../../x/node_modules', join(work, 'packages'))
  const shown = [`/b: ${join(base, 'mono/packages/b')}`, `/x/node_modules: ${join(base, 'x/node_modules')}`]
  const [line = ''] = advice(work).split('\n')
  for (const each of shown) assert.ok(line.includes(each.slice(each.indexOf(' '))), line)
  assert.doesNotMatch(line, /mozilla|private/)
})

it('S10: advice shows a repository that names the workspace as its own, whatever the workspace says', () => {
  const base = realpathSync(temporaryDirectory())
  const [work, main, keys] = [join(base, 'feature'), join(base, 'main/.git'), join(base, 'keys')]
  const own = join(main, 'worktrees/feature')
  for (const path of [join(work, '.git.own'), own, keys]) mkdirSync(path, { recursive: true })
  writeFileSync(join(keys, 'first'), 'a key')
  const pointed = (gitdir: string, common?: string) => {
    if (common !== undefined) writeFileSync(join(gitdir, 'commondir'), common)
    writeFileSync(join(work, '.git'), `gitdir: ${gitdir}\n`)
    return advice(work)
  }
  writeFileSync(join(own, 'gitdir'), `${join(work, '.git')}\n`)
  assert.ok(pointed(own, '../..').includes(`${main}: ${main}`))
  writeFileSync(join(own, 'gitdir'), `${join(base, 'other/.git')}\n`)
  const hostile = [pointed(own, '../..'), pointed(keys)]
  writeFileSync(join(work, '.git.own/gitdir'), `${join(work, '.git')}\n`)
  hostile.push(pointed(join(work, '.git.own'), keys))
  for (const said of hostile) {
    assert.match(said, /that place does not name it as its own/)
    assert.doesNotMatch(said, /files: \{/)
  }
})

it('S10: advice shows borrowed objects where they are those of a repository', () => {
  const base = realpathSync(temporaryDirectory())
  const work = join(base, 'work')
  for (const path of ['work/.git/objects/info', 'main/.git/objects', 'keys/objects'])
    mkdirSync(join(base, path), { recursive: true })
  writeFileSync(join(base, 'main/.git/HEAD'), 'ref: refs/heads/main\n')
  const borrowed = (from: string) => {
    writeFileSync(join(work, '.git/objects/info/alternates'), `${from}\n`)
    return advice(work)
  }
  assert.ok(borrowed(join(base, 'main/.git/objects')).includes(`${join(base, 'main/.git/objects')} }`))
  for (const from of ['keys', 'keys/objects'])
    assert.equal(borrowed(join(base, from)), 'make it whole: git repack -a -d', from)
})

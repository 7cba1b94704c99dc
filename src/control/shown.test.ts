import assert from 'node:assert/strict'
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pathPattern } from '../model/pattern.ts'
import { lookThrough } from './shown.ts'

const SECRET = 'tok-9f8e7d/6c5b"4a'

describe('what a cell is going to be shown', () => {
  let base = ''
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'firebreak-shown-'))
  })
  afterEach(() => rmSync(base, { recursive: true, force: true }))

  const made = (files: Readonly<Record<string, string>>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(base, dirname(path)), { recursive: true })
      writeFileSync(join(base, path), text)
    }
  }
  const look = (
    { hide, files = {} }: { readonly hide?: readonly string[]; readonly files?: Readonly<Record<string, string>> } = {},
    secret = 'kept/elsewhere',
    value = SECRET,
  ) =>
    lookThrough(
      { secrets: new Map([['pay', { kind: 'file', path: join(base, secret) }]]) },
      {
        workspace: join(base, 'work'),
        files: new Map(Object.entries(files).map(([place, from]) => [place, join(base, from)])),
        ...(hide && { hide: hide.map((text) => pathPattern(text) ?? assert.fail(text)) }),
      },
      new Map([['pay', value]]),
    )

  it('S10: a secret’s value in any file, in any of its forms, is told with the file; what is hidden is not shown', () => {
    const forms = [SECRET, `x=${encodeURIComponent(SECRET)}&`, JSON.stringify({ a: { b: SECRET } })]
    const packed = [0, 1, 2].map((before) => Buffer.from(`${'_'.repeat(before)}${SECRET}__`).toString('base64'))
    for (const text of [...forms, ...packed, Buffer.from(SECRET).toString('hex')]) {
      made({ 'work/deep/notes.txt': `before ${text} after` })
      assert.match(look().refusal ?? '', /work\/deep\/notes\.txt holds the secret "pay"/, text)
    }
    assert.equal(look({ hide: ['deep/**'] }).refusal, undefined)
    made({ 'work/deep/notes.txt': 'tok-other', 'data/x': SECRET })
    assert.equal(look().refusal, undefined)
    assert.match(look({ files: { '/data': 'data' } }).refusal ?? '', /data\/x holds/)
    assert.match(look({ files: { '/x': 'data/x' } }).refusal ?? '', /data\/x holds/)
  })

  it('S10: a secret with white space around it is found without', () => {
    made({ 'work/notes.txt': `key: ${SECRET}` })
    assert.match(look({}, 'kept/elsewhere', `${SECRET}\r\n`).refusal ?? '', /work\/notes\.txt holds the secret "pay"/)
  })

  it('S10: the file of a secret by another name of the same inode, whatever stands in it', () => {
    made({ 'kept/elsewhere': 'not read', 'work/a': 'a' })
    linkSync(join(base, 'kept/elsewhere'), join(base, 'work/b'))
    assert.match(look().refusal ?? '', /work\/b is the file of the secret "pay"/)
  })

  it('S10: .env and its like are hidden unless the configuration says otherwise, by every name that they have', () => {
    const files = ['.env', 'api/.env.local', '.netrc', '.ssh/id_ed25519', 'api/.git-credentials', '.ENV.prod']
    made(Object.fromEntries(['.env.example', 'env', 'src/a.ts', ...files].map((name) => [`work/${name}`, 'x'])))
    linkSync(join(base, 'work/.env'), join(base, 'work/notes'))
    symlinkSync('../src/a.ts', join(base, 'work/api/.env'))
    const hidden = [
      '.ENV.prod',
      '.env',
      '.netrc',
      '.ssh',
      'api/.env.local',
      'api/.git-credentials',
      'notes',
      'src/a.ts',
    ]
    assert.deepEqual(look().hidden, hidden)
    assert.deepEqual(look({ hide: [] }).hidden, [])
    assert.deepEqual(look({ hide: ['api/**'] }).hidden, ['api'])
    assert.deepEqual(look({ hide: ['*/*.ts'] }).hidden, ['src/a.ts'])
  })

  it('S10: a file in a hidden directory is hidden by its other names, too; so is what a hidden link leads to', () => {
    made({
      'work/private/deep/key': 'k',
      'work/.ssh/config': 'c',
      'work/real/a': 'a',
      'work/one': '1',
      'work/b/c': 'x',
    })
    mkdirSync(join(base, 'work/src'))
    const link = (from: string, to: string) => linkSync(join(base, 'work', from), join(base, 'work/src', to))
    link('private/deep/key', 'key')
    link('.ssh/config', 'config')
    link('real/a', 'a')
    link('one', 'one')
    symlinkSync('../real', join(base, 'work/b/real'))
    symlinkSync('../one', join(base, 'work/b/one'))
    // Names that are all seen, and one that lies elsewhere.
    link('b/c', 'c')
    made({ 'kept/other': 'o' })
    linkSync(join(base, 'kept/other'), join(base, 'work/src/other'))
    assert.deepEqual(look({ hide: ['private/**'] }).hidden, ['private', 'src/key'])
    assert.deepEqual(look({ hide: ['private'] }).hidden, ['private', 'src/key'])
    assert.deepEqual(look({ hide: ['private/*'] }).hidden, ['private/deep', 'src/key'])
    assert.deepEqual(look().hidden, ['.ssh', 'src/config'])
    assert.deepEqual(look({ hide: ['b/real', 'b/one'] }).hidden, ['one', 'real', 'src/a', 'src/one'])
  })

  it('S17: more files to hide than are mounted over stop the start', () => {
    made(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`work/${i}/.env`, ''])))
    assert.match(look().refusal ?? '', /257 files to hide, more than 256/)
  })
})

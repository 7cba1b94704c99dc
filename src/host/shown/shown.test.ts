import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { pathPattern } from '../../model/text/pattern.ts'
import { STATE_PARTS } from '../state/state.ts'
import { type Handed, textsOf } from './handed.ts'
import { eachEntry } from './looked-at.ts'
import type { LookBounds } from './secret-search.ts'
import { lookThrough, lookThroughKept } from './shown.ts'

const SECRET = 'tok-9f8e7d/6c5b"4a'
const PAY = new Map([['pay', SECRET]])

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
    bounds?: LookBounds,
  ) =>
    lookThrough(
      { profile: 'full', secrets: new Map([['pay', { kind: 'file', path: join(base, secret) }]]) },
      {
        workspace: join(base, 'work'),
        files: new Map(Object.entries(files).map(([place, from]) => [place, join(base, from)])),
        ...(hide && { hide: hide.map((text) => pathPattern(text) ?? assert.fail(text)) }),
      },
      new Map([['pay', value]]),
      bounds,
    )

  it('S10: a secret’s value in any file, in any of its forms, is told with the file; what is hidden is not shown', async () => {
    const forms = [SECRET, `x=${encodeURIComponent(SECRET)}&`, JSON.stringify({ a: { b: SECRET } })]
    const packed = [0, 1, 2].map((before) => Buffer.from(`${'_'.repeat(before)}${SECRET}__`).toString('base64'))
    for (const text of [...forms, ...packed, Buffer.from(SECRET).toString('hex')]) {
      made({ 'work/deep/notes.txt': `before ${text} after` })
      assert.match((await look()).refusal ?? '', /work\/deep\/notes\.txt holds the secret "pay"/, text)
    }
    assert.equal((await look({ hide: ['deep/**'] })).refusal, undefined)
    made({ 'work/deep/notes.txt': 'tok-other', 'data/x': SECRET })
    assert.equal((await look()).refusal, undefined)
    assert.match((await look({ files: { '/data': 'data' } })).refusal ?? '', /data\/x holds/)
    assert.match((await look({ files: { '/x': 'data/x' } })).refusal ?? '', /data\/x holds/)
  })

  it('S10: a secret in the system’s configuration is found, and by a link that sounds like packages, too', async () => {
    const shown = async (file: string, value: string, from = file) => {
      const secrets = new Map([['pay', { kind: 'file', path: join(base, 'none') } as const]])
      return lookThrough({ profile: 'full', secrets }, { files: new Map([['/x', from]]) }, new Map([['pay', value]]))
    }
    const [first = ''] = readFileSync('/etc/passwd', 'utf8').split('\n')
    assert.match((await shown('/etc/passwd', first)).refusal ?? '', /^\/etc\/passwd holds the secret "pay"/)
    const own = new Map([['pay', { kind: 'file', path: '/etc/passwd' } as const]])
    const files = new Map([['/x', '/etc/passwd']])
    const same = await lookThrough({ profile: 'full', secrets: own }, { files }, new Map([['pay', 'tok-elsewhere']]))
    assert.match(same.refusal ?? '', /^\/etc\/passwd is the file of the secret "pay"/)
    made({ 'data/x': SECRET })
    symlinkSync('data', join(base, 'vendor'))
    assert.match((await shown(join(base, 'vendor'), SECRET)).refusal ?? '', /data\/x holds the secret/)
    const store = '/nix/store/0-python3/bin'
    assert.deepEqual((await shown(store, SECRET)).unsearched, [`the packages in ${store}`])
  })

  it('S10: a secret with white space around it is found without', async () => {
    made({ 'work/notes.txt': `key: ${SECRET}` })
    assert.match(
      (await look({}, 'kept/elsewhere', `${SECRET}\r\n`)).refusal ?? '',
      /work\/notes\.txt holds the secret "pay"/,
    )
  })

  it('S10: a link is followed as its cell would follow it, and a name with a line break is one line', async () => {
    made({ 'work/r/12/b': SECRET })
    for (const target of ['/workspace/../workspace/r/12', '//workspace/r/12', '../workspace/r/12']) {
      rmSync(join(base, 'work/odd'), { force: true })
      symlinkSync(target, join(base, 'work/odd'))
      assert.equal((await look({ hide: ['odd/b'] })).refusal, undefined, target)
    }
    made({ 'work/k\n  firebreak: started': SECRET })
    assert.match((await look({ hide: ['r'] })).refusal ?? '', /work\/k\\u\{a\} {2}firebreak: started holds the secret/)
  })

  it('S10: kept changes are looked through: files, names, links, and a directory that looks like a state', async () => {
    const kept = async (hidden: readonly string[] = [], value = SECRET) =>
      (
        await lookThroughKept(
          { profile: 'full', secrets: new Map() },
          join(base, 'up'),
          hidden,
          new Map([['pay', value]]),
        )
      ).refusal ?? ''
    made(Object.fromEntries(STATE_PARTS.map((part) => [`up/deep/${part}/f`, 'x'])))
    assert.equal(await kept(), '')
    made({ 'up/deep/ledger/f': SECRET })
    assert.match(await kept(), /^its kept changes\/deep\/ledger\/f holds the secret "pay".*firebreak commit --discard/)
    assert.equal(await kept(['deep']), '')
    made({ 'up/tok-0987654321fedcba': '' })
    symlinkSync('/x/tok-0fedcba987654321', join(base, 'up/l'))
    assert.match(await kept([], 'tok-0987654321fedcba'), /^a name in its kept changes holds the secret/)
    assert.match(await kept([], 'tok-0fedcba987654321'), /^the target of the link its kept changes\/l holds/)
  })

  it('S10: the file of a secret by another name of the same inode, whatever stands in it', async () => {
    made({ 'kept/elsewhere': 'not read', 'work/a': 'a' })
    linkSync(join(base, 'kept/elsewhere'), join(base, 'work/b'))
    assert.match((await look()).refusal ?? '', /work\/b is the file of the secret "pay"/)
  })

  it('S10: .env and its like are hidden unless the configuration says otherwise, by every name that they have', async () => {
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
    assert.deepEqual((await look()).hidden, hidden)
    assert.deepEqual((await look({ hide: [] })).hidden, [])
    assert.deepEqual((await look({ hide: ['api/**'] })).hidden, ['api'])
    assert.deepEqual((await look({ hide: ['*/*.ts'] })).hidden, ['src/a.ts'])
  })

  it('S10: a file in a hidden directory is hidden by its other names, too; so is what a hidden link leads to', async () => {
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
    assert.deepEqual((await look({ hide: ['private/**'] })).hidden, ['private', 'src/key'])
    assert.deepEqual((await look({ hide: ['private'] })).hidden, ['private', 'src/key'])
    assert.deepEqual((await look({ hide: ['private/*'] })).hidden, ['private/deep', 'src/key'])
    assert.deepEqual((await look()).hidden, ['.ssh', 'src/config'])
    assert.deepEqual((await look({ hide: ['b/real', 'b/one'] })).hidden, ['one', 'real', 'src/a', 'src/one'])
  })

  it('S10: what hide: names through a link to a directory is hidden, through several and in circles, too', async () => {
    made({
      'work/releases/12/db.conf': SECRET,
      'work/releases/12/app': 'a',
      'work/conf/shared/key': 'k',
      'kept/x': 'x',
    })
    const link = (target: string, at: string) => symlinkSync(target, join(base, 'work', at))
    link('releases/12', 'current')
    link('../../conf', 'releases/12/conf')
    link('.', 'loop')
    link('/workspace/conf', 'config')
    link('../../conf/shared/key', 'releases/12/key')
    link(join(base, 'kept'), 'out')
    const hidden = async (...hide: readonly string[]) => {
      const { hidden: paths, refusal } = await look({ hide }, 'none/of', 'tok-elsewhere')
      return refusal ?? paths
    }
    assert.deepEqual(await hidden('current/db.conf'), ['releases/12/db.conf'])
    assert.deepEqual(await hidden('current/*.conf', 'loop/current/app'), ['releases/12/app', 'releases/12/db.conf'])
    assert.deepEqual(await hidden('current/conf/shared/**'), ['conf/shared'])
    assert.deepEqual(await hidden('loop/loop/loop/config/shared/key'), ['conf/shared/key'])
    assert.deepEqual(await hidden('current/key'), ['conf/shared/key'])
    assert.deepEqual(await hidden('out/x', 'loop', 'current/none'), [])
    for (const [i, through] of ['/tmp', '/home/agent/..', '/var', '/run'].entries()) {
      link(`${through}/../workspace/conf`, `through${i}`)
      assert.deepEqual(await hidden(`through${i}/shared/key`), ['conf/shared/key'], through)
    }
    assert.equal((await look({ hide: ['current/db.conf'] })).refusal, undefined, 'what is hidden may hold a secret')
    assert.match((await look({ hide: ['current/app'] })).refusal ?? '', /12\/db\.conf holds the secret/)
  })

  it('S10: a link is followed name by name, as the kernel follows it in the cell', async () => {
    made({ 'work/r/12/a': 'x', 'work/r/13/b': 'x', 'work/deep/e/f': 'x', 'data/own/g': 'x' })
    const link = (target: string, at: string) => symlinkSync(target, join(base, at))
    link('/workspace/r', 'work/b')
    link('b/12', 'work/on')
    link('/workspace/r/12', 'work/q')
    link('q/../13', 'work/up')
    link('/workspace/b/13', 'work/abs')
    link('./q/.././13/', 'work/dots')
    link('../deep/e/../../../../workspace/b/12', 'work/r/around')
    link('e/f/../../e', 'work/deep/none')
    link('/workspace/q', 'data/own/back')
    link('/data/own/back/../13', 'work/over')
    for (let i = 0; i < 41; i++) link(i === 0 ? 'r' : `l${i - 1}`, `work/l${i}`)
    const hidden = async (pattern: string, files: Readonly<Record<string, string>> = {}) =>
      (await look({ hide: [pattern], files })).hidden
    for (const name of ['on', 'q', 'r/around', 'l39/12']) assert.deepEqual(await hidden(`${name}/a`), ['r/12/a'], name)
    for (const name of ['up', 'abs', 'dots']) assert.deepEqual(await hidden(`${name}/b`), ['r/13/b'], name)
    assert.deepEqual(await hidden('over/b', { '/data': 'data' }), ['r/13/b'], 'through what it is shown elsewhere')
    for (const name of ['over/b', 'deep/none/f', 'l40/12/a']) assert.deepEqual(await hidden(name), [], name)
    const { files, ...own } = { workspace: join(base, 'work'), files: new Map(), hide: [['over', 'b']] }
    made({ 'root/data/own/g': 'x' })
    link('/workspace/q', 'root/data/own/back')
    const rooted = await lookThrough(
      { profile: 'full', secrets: new Map() },
      { ...own, files, root: join(base, 'root') },
      new Map(),
    )
    assert.deepEqual(rooted.hidden, ['r/13/b'], 'through its own root')
  })

  it('S10: a link that is known only in the cell is told where a pattern may mean something behind it', async () => {
    made({ 'work/r/a': 'x', 'work/b': 'x' })
    symlinkSync('/proc/self/cwd/r', join(base, 'work/here'))
    const told = ['what lies behind here: where that leads is known in the cell alone, and nothing is hidden there']
    for (const pattern of ['here/a', 'here', '**/a'])
      assert.deepEqual((await look({ hide: [pattern] })).unsearched, told, pattern)
    assert.deepEqual((await look({ hide: ['r/a'] })).unsearched, [])
    symlinkSync('/proc/self/cwd/b', join(base, 'work/.env'))
    assert.match((await look()).unsearched.join(), /^what lies behind \.env: /)
  })

  describe('S10: a name that is no UTF-8', () => {
    const LATIN = Buffer.from('caf\xe9', 'latin1')
    const at = (path: string) => Buffer.concat([Buffer.from(join(base, path, '/')), LATIN])
    const below = (path: string, name: string) => Buffer.concat([at(path), Buffer.from(`/${name}`)])

    it('is looked through as others are: files, directories, links, kept changes', async () => {
      made({ 'work/a': 'a' })
      writeFileSync(at('work'), 'plain')
      assert.deepEqual(await look(), { hidden: [], unsearched: [], unmet: [] }, 'honest ones start')
      writeFileSync(at('work'), SECRET)
      assert.match((await look()).refusal ?? '', /work\/caf\\xe9 holds the secret "pay"/)
      const kept = await lookThroughKept({ profile: 'full', secrets: new Map() }, join(base, 'work'), [], PAY)
      assert.match(kept.refusal ?? '', /^its kept changes\/caf\\xe9 holds the secret/)
      rmSync(at('work'))
      mkdirSync(at('work'))
      writeFileSync(below('work', 'plain'), SECRET)
      assert.match((await look()).refusal ?? '', /work\/caf\\xe9\/plain holds the secret "pay"/)
      assert.match((await look({ hide: ['a'], files: { '/x': 'work' } })).refusal ?? '', /caf\\xe9\/plain holds/)
      rmSync(below('work', 'plain'))
      symlinkSync(Buffer.concat([LATIN, Buffer.from(`/${SECRET}`)]), join(base, 'work/l'))
      assert.match((await look()).refusal ?? '', /the target of the link .+work\/l holds the secret "pay"/)
      rmSync(join(base, 'work/l'))
      writeFileSync(below('work', 'tok-1234567890abcdef'), '')
      assert.match((await look({}, 'none', 'tok-1234567890abcdef')).refusal ?? '', /^a name in .+caf\\xe9 holds/)
    })

    it('cannot be hidden: it stops the start, unless a directory above it is hidden', async () => {
      made({ 'work/deep/a': 'a' })
      mkdirSync(at('work/deep'))
      assert.deepEqual((await look()).refusal, undefined)
      writeFileSync(below('work/deep', '.env'), 'x')
      const refused = /work\/deep\/caf\\xe9\/\.env is to be hidden, and its name is not UTF-8: rename it/
      const { refusal = '', hidden } = await look()
      assert.match(refusal, refused)
      assert.deepEqual(hidden, [])
      assert.match((await look({ hide: ['deep/caf?/.e*'] })).refusal ?? '', refused)
      assert.equal((await look({ hide: [] })).refusal, undefined)
      const above = await look({ hide: ['deep', 'deep/**/.env'] })
      assert.deepEqual([above.refusal, above.hidden], [undefined, ['deep']])
    })

    it('leads on as others do: a link through it, the file by another name, and a state in it', async () => {
      made({ 'work/r/a': 'a', 'work/.env': 'x' })
      mkdirSync(at('work'))
      symlinkSync('../r', below('work', 'on'))
      symlinkSync(Buffer.concat([LATIN, Buffer.from('/on')]), join(base, 'work/l'))
      assert.deepEqual((await look({ hide: ['l/a'] })).hidden, ['r/a'])
      linkSync(join(base, 'work/.env'), below('work', 'copy'))
      assert.match((await look()).refusal ?? '', /caf\\xe9\/copy is to be hidden/)
      rmSync(below('work', 'copy'))
      for (const part of STATE_PARTS) mkdirSync(below('work', `s/${part}`), { recursive: true })
      assert.match((await look()).refusal ?? '', /caf\\xe9\/s is to be hidden/)
      symlinkSync(below('work', 's/ledger'), join(base, 'shown'))
      const files = new Map([['/x', join(base, 'shown')]])
      const shown = await lookThrough({ profile: 'full', secrets: new Map() }, { files }, new Map())
      assert.match(shown.refusal ?? '', /is of the state in .+caf\\xe9\/s,/)
    })
  })

  it('S10: a name that is listed, and of which nothing can be known, is told', async () => {
    // Of the descriptor that lists them nothing is left once they are listed.
    const { unsearched } = await lookThrough(
      { profile: 'full', secrets: new Map() },
      { files: new Map([['/x', '/proc/self/fd']]) },
      new Map(),
    )
    assert.match(unsearched.join(), /^what cannot be read: \/proc\/\d+\/fd\/\d+$/)
  })

  it('names the patterns of hide: that hide nothing, and none that another pattern covers', async () => {
    made({ 'work/private/keys/a': 'a', 'work/.env': 'x', 'work/src/b': 'b' })
    const unmet = async (...hide: readonly string[]) => (await look({ hide }, 'none/of', 'tok-elsewhere')).unmet
    assert.deepEqual(await unmet('.env', 'private/keys', '**/b'), [])
    assert.deepEqual(await unmet('.enw', '**/c', 'private/keys/b', 'src/*'), ['.enw', '**/c', 'private/keys/b'])
    assert.deepEqual(await unmet('private', 'private/keys/**', '**/nowhere'), [])
  })

  it('S10: a secret in a name, in what a link leads to, and in what a cell is started with is found', async () => {
    const refusal = async (more: Parameters<typeof look>[0] = {}, value = 'tok-1234567890abcdef') =>
      (await look(more, 'none/of', value)).refusal
    made({ 'work/deep/key-tok-1234567890abcdef': '' })
    assert.match((await refusal()) ?? '', /^a name in .+work\/deep holds the secret "pay"/)
    assert.match((await refusal({ hide: ['deep/key-*'] })) ?? '', /^a name in/, 'the name is seen where it is hidden')
    assert.equal(await refusal({ hide: ['deep'] }), undefined)
    assert.match((await refusal({}, 'deep/key-tok-1')) ?? '', /^a name in/)
    assert.match((await refusal({ hide: ['deep'], files: { '/x': 'work' } })) ?? '', /^a name in/)
    symlinkSync('/x/tok-0987654321fedcba', join(base, 'work/deep/l'))
    assert.match((await refusal({}, 'tok-0987654321fedcba')) ?? '', /^the target of the link .+deep\/l holds/)
    const values = new Map([['pay', SECRET]])
    const cell = { files: new Map([[`/at/${SECRET}`, base]]), cwd: '/' }
    const given = (texts: Handed['texts'], own?: readonly string[]) =>
      lookThrough(
        { profile: 'full', secrets: new Map() },
        { files: new Map(), ...(texts && { texts }), ...(own && { given: own }) },
        values,
      )
    const told = async (command: readonly string[], env: Readonly<Record<string, string>>, own?: readonly string[]) =>
      (await given(textsOf(command, Object.entries(env), { files: new Map() }), own)).refusal
    assert.match((await told(['sh', SECRET], {})) ?? '', /^its command holds the secret "pay"/)
    assert.match((await told(['sh'], { A: '1', TASK: `pay with ${SECRET}` })) ?? '', /^its variable TASK holds/)
    assert.match((await given(textsOf([], [], cell))).refusal ?? '', /^a place of its files holds/)
    assert.equal(await told(['sh'], { TASK: 'pay' }), undefined)
    assert.equal(await told(['sh'], { TASK: SECRET }, ['pay']), undefined)
  })

  it('S10: a state in a workspace is hidden, whatever hide: says; in files, or around what is shown, it stops the start', async () => {
    const parts = ['ledger/test/0', 'witness/witness.key', 'workspaces/a', 'log/x']
    made({ ...Object.fromEntries(parts.map((part) => [`work/other/.firebreak/${part}`, 'k'])), 'work/other/log/x': '' })
    linkSync(join(base, 'work/other/.firebreak/witness/witness.key'), join(base, 'work/key'))
    for (const hide of [undefined, []])
      assert.deepEqual((await look({ ...(hide && { hide }) })).hidden, ['key', 'other/.firebreak'])
    assert.match((await look({ files: { '/x': 'work/other' } })).refusal ?? '', /\.firebreak is a state, which no cell/)
    for (const at of ['', '/witness', '/witness/witness.key'])
      assert.match(
        (await look({ files: { '/x': `work/other/.firebreak${at}` } })).refusal ?? '',
        /is of the state in .+other\/\.firebreak, which no cell may see/,
      )
  })

  it('S17: more files to hide than are mounted over stop the start', async () => {
    made(Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`work/${i}/.env`, ''])))
    assert.match((await look()).refusal ?? '', /257 files to hide, more than 256/)
  })

  it('S10: what is not looked through is told, whichever bound was met; without secrets nobody looks', async () => {
    made({ 'work/a': 'x', 'work/b': 'y'.repeat(9), 'work/c': SECRET, 'work/d/e': '' })
    const wide = {
      entriesMax: 9,
      pathCharactersMax: 99,
      readBytesMax: 99,
      fileBytesMax: 99,
      readMsMax: 60_000,
      turnMsMax: 20,
    }
    const seen = async (
      bounds: Partial<LookBounds>,
      more: Parameters<typeof look>[0] = {},
      value = 'tok-elsewhere',
    ) => {
      const { refusal, unsearched } = await look(more, 'kept/elsewhere', value, { ...wide, ...bounds })
      return refusal ?? unsearched.join('; ')
    }
    assert.equal(await seen({}), '')
    assert.match(await seen({}, {}, SECRET), /work\/c holds the secret/)
    const cut =
      /^what lies behind the first 2 files and directories, or 99 characters of their paths, in which nothing is hidden$/
    assert.match(await seen({ entriesMax: 2 }), cut)
    assert.match(
      await seen({ entriesMax: 2 }, { hide: ['d'] }),
      /more files than are looked through for hide: \(2 files/,
    )
    // a, b, c, d and d/e: seven characters.
    assert.equal(await seen({ pathCharactersMax: 7 }), '')
    assert.match(await seen({ pathCharactersMax: 6 }), / or 6 characters of their paths, in which nothing is hidden$/)
    assert.match(await seen({ pathCharactersMax: 3 }, { hide: ['d'] }), /more files than are looked through for hide:/)
    assert.equal(
      await seen({ fileBytesMax: 8 }),
      `what lies behind the first 8 bytes of ${join(base, 'work/b')}, ${join(base, 'work/c')}`,
    )
    for (const magic of ['\x7fELF', 'PACK']) {
      made({ 'work/b': `${magic}yyyyy` })
      assert.equal(await seen({ fileBytesMax: 8 }), `what lies behind the first 8 bytes of ${join(base, 'work/c')}`)
    }
    for (const few of [{ readBytesMax: 1 }, { readMsMax: 0 }]) {
      const unread = /^[23] files: \d+ bytes or \d+ ms went to others$/
      assert.match(await seen(few), unread)
      assert.match(await seen(few, { hide: ['d'] }), unread, 'names were looked at to the end')
    }
    const { unsearched } = await lookThrough(
      { profile: 'full', secrets: new Map() },
      { workspace: join(base, 'work'), files: new Map() },
      new Map(),
      { ...wide, fileBytesMax: 1, readBytesMax: 1 },
    )
    assert.deepEqual(unsearched, [])
  })

  describe('S10: what cannot be read is told as not looked through', () => {
    /** The look of a user who may not pass what has mode 0. */
    const asAnother = async (looking: () => ReturnType<typeof lookThrough> = look) => {
      chmodSync(base, 0o755)
      const uid = process.geteuid?.()
      if (uid === 0) process.seteuid?.(65_534)
      try {
        return await looking()
      } finally {
        if (uid === 0) process.seteuid?.(0)
      }
    }
    /** A mode as whoever looks has it: everybody else as root, the owner otherwise. */
    const modeFor = (others: number) => (process.geteuid?.() === 0 ? others : (others & 7) << 6)
    const shut = (...paths: readonly string[]) => {
      for (const path of paths) chmodSync(join(base, path), 0)
    }
    afterEach(() => {
      for (const path of ['work/shut', 'kept', 'data/x', 'work/names', 'work/data/pg'])
        if (existsSync(join(base, path))) chmodSync(join(base, path), 0o700)
    })

    it('a file, a directory, one whose names alone are seen, and what is shown of another place', async () => {
      made({ 'work/a': SECRET, 'work/shut/b': SECRET, 'work/names/c': 'x', 'work/z': 'z', 'data/x/y': SECRET })
      shut('work/a', 'work/shut', 'data/x')
      chmodSync(join(base, 'work/names'), modeFor(0o744))
      const { refusal, unsearched } = await asAnother()
      const named = unsearched.map((what) => what.replace('what cannot be read: ', '').split(', ').toSorted())
      const paths = ['work/a', 'work/names/c', 'work/shut'].map((path) => join(base, path))
      assert.deepEqual([refusal, named], [undefined, [paths]])
      const more = await asAnother(() => look({ files: { '/y': 'data/x/y', '/none': 'data/none' } }))
      assert.match(more.unsearched.join(';'), /^what cannot be read: (?:.+, ){2}.+ and 1 more$/)
    })

    const hiding = async (hide?: readonly string[], profile: 'full' | 'user' = 'full') => {
      const patterns = hide?.map((text) => pathPattern(text) ?? assert.fail(text))
      const cell = { workspace: join(base, 'work'), files: new Map(), ...(patterns && { hide: patterns }) }
      const { refusal, unsearched } = await asAnother(() =>
        lookThrough({ profile, secrets: new Map() }, cell, new Map()),
      )
      return refusal ?? unsearched.join()
    }

    it('without secrets the directories alone, in which nothing is hidden; none that is hidden itself', async () => {
      made({ 'work/a': 'a', 'work/shut/.env': 'x' })
      symlinkSync('shut', join(base, 'work/current'))
      shut('work/a', 'work/shut')
      const told = `what cannot be read: ${join(base, 'work/shut')}`
      const refused = /work\/shut cannot be listed, and hide: may name what lies in it/
      assert.equal(await hiding(), told)
      for (const patterns of [['**/*.pem'], ['shut/a/b'], ['current/key']])
        assert.match(await hiding(patterns), refused)
      assert.equal(await hiding(['*.pem', 'a/**']), told, 'no pattern means anything in it')
      assert.equal(await hiding(['shut']), '')
    })

    it('what a cell cannot enter either does not stop its start; what it can enter by known names does', async () => {
      made({ 'work/data/pg/base/1': 'x', 'work/shut/key': 'k' })
      for (const path of ['work/data/pg', 'work/shut']) chmodSync(join(base, path), modeFor(0o700))
      assert.match(await hiding(['**/*.pem'], 'user'), /^what cannot be read: .+work\/.+, .+work\/.+$/)
      assert.match(await hiding(['**/*.pem'], 'full'), /cannot be listed, and hide:/)
      chmodSync(join(base, 'work/shut'), modeFor(0o711))
      assert.match(await hiding(['**/*.pem'], 'user'), /work\/shut cannot be listed, and hide:/)
      chmodSync(join(base, 'work/shut'), modeFor(0o744))
      assert.match(await hiding(['shut/key'], 'user'), /^what cannot be read: .*work\/shut\/key/)
      assert.match(await hiding(['shut/key'], 'full'), /work\/shut\/key cannot be listed, and hide:/)
    })

    it('a hidden directory in which a shown file may have another name', async () => {
      made({ 'work/shut/key': 'k', 'work/a': 'a' })
      linkSync(join(base, 'work/shut/key'), join(base, 'work/b'))
      shut('work/shut')
      const { refusal, unsearched } = await asAnother(() => look({ hide: ['shut'] }))
      assert.deepEqual([refusal, unsearched], [undefined, [`what cannot be read: ${join(base, 'work/shut')}`]])
    })

    it('the file of a secret, which is not found by its inode then', async () => {
      made({ 'work/a': 'a', 'kept/elsewhere': 'x' })
      shut('kept')
      const { unsearched } = await asAnother()
      assert.deepEqual(unsearched, ['all of it, by other names of the files of pay: they cannot be looked at'])
    })

    it('and nothing that is gone', async () => {
      const { refusal, unsearched } = await look({ hide: ['x'], files: { '/x': 'data/none' } })
      assert.deepEqual([refusal, unsearched], [undefined, []])
    })
  })

  it('S17: of one directory no more names are seen than of all, however many its cell has made', async () => {
    made({ 'up/tok-1234567890abcdef-100': '' })
    // One file with many names: they take no inode.
    for (let i = 101; i < 400; i++)
      linkSync(join(base, 'up/tok-1234567890abcdef-100'), join(base, `up/tok-1234567890abcdef-${i}`))
    let last = ''
    await eachEntry(
      join(base, 'up'),
      (name) => {
        last = name
        return true
      },
      () => undefined,
    )
    const bounds = { entriesMax: 290, pathCharactersMax: 99_999, readBytesMax: 99, fileBytesMax: 99, readMsMax: 60_000 }
    const kept = async (more: Partial<LookBounds> = {}) => {
      const values = new Map([['pay', last]])
      const wide = { ...bounds, turnMsMax: 20, ...more }
      const { refusal, unsearched } = await lookThroughKept(
        { profile: 'full', secrets: new Map() },
        join(base, 'up'),
        [],
        values,
        wide,
      )
      return refusal ?? unsearched.join('; ')
    }
    assert.match(await kept({ entriesMax: 300 }), /^a name in its kept changes holds the secret "pay"/)
    assert.match(await kept(), /^what lies behind the first 290 files and directories, /)
    assert.match(await kept({ entriesMax: 300, pathCharactersMax: 999 }), / or 999 characters of their paths, /)
  })

  it('S8: a directory is read name by name, in turns, and no further than whoever counts them wants', async () => {
    made(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`up/${i}`, ''])))
    let [names, turns] = [0, 0]
    const taking = (max: number) => {
      names = turns = 0
      const turn = () => Promise.resolve(void turns++)
      return eachEntry(join(base, 'up'), () => ++names < max, turn)
    }
    assert.deepEqual([await taking(10), names, turns], ['some', 10, 9])
    assert.deepEqual([await taking(99), names, turns], ['all', 40, 40])
    assert.equal(
      await eachEntry(
        join(base, 'none'),
        () => true,
        () => undefined,
      ),
      undefined,
    )
  })

  it('lets others have turns of the loop while it looks', async () => {
    let turns = 0
    made({ 'work/a': '', 'work/b': '' })
    const bounds = {
      entriesMax: 9,
      pathCharactersMax: 99,
      readBytesMax: 99,
      fileBytesMax: 99,
      readMsMax: 60_000,
      turnMsMax: 0,
    }
    setImmediate(() => turns++)
    await look({}, undefined, undefined, bounds)
    assert.equal(turns, 1)
  })
})

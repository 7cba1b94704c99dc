/** Secrets that lie in what a cell is shown, and files that hold them: `firebreak run` and `doctor`, as a person has them. */
import assert from 'node:assert/strict'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

function config(secret: string, cell: object, command: readonly string[], files: Readonly<Record<string, string>>) {
  const directory = temporaryDirectory()
  mkdirSync(join(directory, 'app'))
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text)
  const path = join(directory, 'firebreak.yaml')
  const headers = { authorization: 'Bearer ${secret:shop}' }
  const mcp = { url: 'http://127.0.0.1:9/mcp', headers }
  writeFileSync(
    path,
    JSON.stringify({
      environments: { test: {} },
      upstreams: { shop: { environment: 'test', mcp, tools: { stock: { effect: 'read', returns: [] } } } },
      agents: {
        desk: {
          owner: 'ana@shop.example',
          environment: 'test',
          command,
          cell: { workspace: './app', ...cell },
          grants: [{ upstream: 'shop', tools: ['stock'], expires: '1h' }],
        },
      },
      secrets: { shop: { file: secret } },
    }),
  )
  return ['--config', path, '--state', join(directory, 'state')]
}

describe('a secret in what is shown', { skip: SKIP }, () => {
  const SECRET = 'tok-4d3c2b1a0f'
  const cat = ['sh', '-c', 'cat /workspace/token /workspace/.env /workspace/notes 2>/dev/null; true']

  it('S10: by path, by value and under root: no start, and doctor says which file', async () => {
    const cases = [
      [config('app/token', {}, cat, { 'app/token': SECRET }), /app\/token/],
      [config('token', {}, cat, { token: SECRET, 'app/notes': `a ${SECRET} b` }), /app\/notes holds the secret "shop"/],
      [config('token', { env: { KEY: SECRET } }, cat, { token: SECRET }), /its variable KEY holds the secret "shop"/],
      [config('token', { files: { '/x': '.' } }, cat, { token: SECRET }), /contains .*(?:token|firebreak)/],
    ] as const
    for (const [given, why] of cases) {
      const ran = await firebreak(['run', ...given])
      assert.equal(ran.code, 1)
      assert.match(ran.stderr, why)
      assert.doesNotMatch(ran.stdout + ran.stderr, new RegExp(SECRET))
      const doctor = await firebreak(['doctor', '--quick', ...given])
      assert.match(doctor.stdout, why)
    }
  })

  it('S10: what a cell has kept in its workspace, also by a checkpoint, is shown to none when it is a secret', async () => {
    const given = config('token', {}, ['cat', '/workspace/f'], { token: 'tok-before-0123456789' })
    const write = ['sh', '-c', `echo ${SECRET} > /workspace/f`]
    assert.equal((await firebreak(['run', ...given, '--', ...write])).code, 0)
    for (const [command, ...more] of [
      ['checkpoint', '--agent', 'desk'],
      ['commit', '--agent', 'desk', '--discard', '--yes'],
      ['restore', 'desk', '--yes'],
    ])
      assert.equal((await firebreak([command ?? '', ...more, ...given])).code, 0, command)
    writeFileSync(join(dirname(given[1] ?? ''), 'token'), SECRET)
    const ran = await firebreak(['run', ...given])
    assert.equal(ran.code, 1)
    assert.match(ran.stderr, /its kept changes\/f holds the secret "shop"/)
    assert.doesNotMatch(ran.stdout + ran.stderr, new RegExp(SECRET))
  })

  it('S10: .env is hidden where nothing is said, and its owner is told; hide: says what is', async () => {
    const files = { token: SECRET, 'app/.env': 'KEY=1234\n', 'app/notes': 'hello\n' }
    const ran = await firebreak(['run', ...config('token', {}, cat, files)])
    assert.equal(ran.stdout, 'hello\n')
    assert.match(ran.stderr, /it did not see \.env; "hide: \[\]" under cell shows all but states/)
    const all = await firebreak(['run', ...config('token', { hide: [] }, cat, files)])
    assert.equal(all.stdout, 'KEY=1234\nhello\n')
    const other = await firebreak(['run', ...config('token', { hide: ['notes', '.env'] }, cat, files)])
    assert.equal(other.stdout, '')
  })
})

describe('what is hidden', { skip: SKIP }, () => {
  it('S10: a hard link to a file in a hidden directory shows nothing of it', async () => {
    const read = ['sh', '-c', 'cat /workspace/private/key /workspace/copy 2>/dev/null; cat /workspace/notes']
    const given = config('token', { hide: ['private/**'] }, read, { token: 'tok-4d3c2b1a0f', 'app/notes': 'hello\n' })
    const app = join(dirname(given[1] ?? ''), 'app')
    mkdirSync(join(app, 'private'))
    writeFileSync(join(app, 'private/key'), 'nobody reads this\n')
    linkSync(join(app, 'private/key'), join(app, 'copy'))
    const ran = await firebreak(['run', ...given])
    assert.equal(ran.stdout, 'hello\n', ran.stderr)
  })

  it('S10: what hide: names through links that lead on in the cell’s own names is hidden', async () => {
    const read = ['sh', '-c', 'cd /workspace; cat on/a up/b abs/b 2>/dev/null; cat r/13/c']
    const hide = ['on/a', 'up/b']
    const given = config('token', { hide }, read, { token: 'tok-4d3c2b1a0f' })
    const app = join(dirname(given[1] ?? ''), 'app')
    for (const name of ['r/12/a', 'r/13/b', 'r/13/c']) {
      mkdirSync(join(app, dirname(name)), { recursive: true })
      writeFileSync(join(app, name), `${name}\n`)
    }
    const links = { b: '/workspace/r', on: 'b/12', q: '/workspace/r/12', up: 'q/../13', abs: '/workspace/b/13' }
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(app, name))
    const ran = await firebreak(['run', ...given])
    assert.equal(ran.stdout, 'r/13/c\n', ran.stderr)
  })

  it('S10: a project with a name that is no UTF-8 starts and is searched', async () => {
    const secret = 'tok-4d3c2b1a0f'
    const given = config('token', {}, ['sh', '-c', 'cat /workspace/*'], { token: secret })
    const latin = Buffer.concat([Buffer.from(join(dirname(given[1] ?? ''), 'app/caf')), Buffer.from([0xe9])])
    writeFileSync(latin, 'hello\n')
    const ran = await firebreak(['run', ...given])
    assert.deepEqual([ran.stdout, ran.stderr], ['hello\n', ''])
    writeFileSync(latin, secret)
    const refused = await firebreak(['run', ...given])
    assert.deepEqual([refused.code, refused.stdout], [1, ''])
    assert.match(refused.stderr, /app\/caf\\xe9 holds the secret "shop"/)
  })
})

describe('what a cell begins with', { skip: SKIP }, () => {
  it('S15: files that are no program, and a standard input, are untrusted', async () => {
    const directory = temporaryDirectory()
    writeFileSync(join(directory, 'mail'), 'x')
    const path = join(directory, 'firebreak.yaml')
    const reach = async (cell: object) => {
      const desk = { owner: 'ana@shop.example', environment: 'test', command: ['true'], cell }
      writeFileSync(path, JSON.stringify({ environments: { test: {} }, agents: { desk } }))
      const { stdout } = await firebreak(['reach', 'desk', '--config', path, '--json'])
      return JSON.stringify(JSON.parse(stdout)).includes('untrusted')
    }
    assert.equal(await reach({ files: { '/mail': './mail' } }), true)
    assert.equal(await reach({ files: { '/mail': './mail' }, labels: [] }), false)
  })
})

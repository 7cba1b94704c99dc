/**
 * `firebreak init --for`, as somebody with a repository and an agent, or a script, uses it. The agent is a script of its name;
 * registries are a server on loopback.
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { before, describe, it } from 'node:test'
import { ledgerOf, SKIP, startFirebreak } from '../kit/command-line.ts'
import { git, gitServer } from '../kit/git-server.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const AGENT = `#!/bin/sh
echo "args $*"
echo "key $ANTHROPIC_API_KEY"
cat "$HOME/.claude.json"
echo changed > "$HOME/.claude.json" && echo "home may change"
cat /workspace/note.txt
curl -sS -m 10 -w ' [%{http_code}]' -H 'content-type: application/json' -d '{"model":"gpt-5"}' https://api.anthropic.com/v1/messages
`

describe('firebreak init --for', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  const repository = join(directory, 'shop')
  const bin = join(directory, 'bin')
  for (const each of [repository, bin]) mkdirSync(each)
  writeFileSync(join(repository, 'note.txt'), 'the note\n')
  writeFileSync(join(bin, 'claude'), AGENT)
  chmodSync(join(bin, 'claude'), 0o755)
  const firebreak = (...words: string[]) =>
    startFirebreak(words, {
      environment: { PATH: `${bin}:${process.env.PATH}`, ANTHROPIC_API_KEY: 'sk-ant-the-real-key-0123456789' },
      cwd: repository,
    }).ended

  it('writes beside the repository what lets an agent run by its own name, with a dummy for its key', async () => {
    const made = await firebreak('init', '--for', 'claude')
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, /may ask anthropic’s models for 20 USD a day/)
    assert.ok(existsSync(join(directory, 'shop.firebreak', 'firebreak.yaml')))
    assert.ok(!existsSync(join(repository, 'firebreak.yaml')))
    const ran = await firebreak('run', '--', 'claude', '-p', 'hello')
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^args -p hello$/m)
    assert.match(ran.stdout, /^key sk-ant-dummy/m)
    assert.match(ran.stdout, /"hasCompletedOnboarding": true/)
    assert.match(ran.stdout, /^home may change$/m)
    assert.match(ran.stdout, /^the note$/m)
    assert.match(ran.stdout, /gpt-5.*none of those that anthropic may be asked.*\[400\]/)
    assert.doesNotMatch(ran.stdout, /the-real-key/)
    const home = join(directory, 'shop.firebreak', 'home', '.claude.json')
    assert.match(readFileSync(home, 'utf8'), /hasCompletedOnboarding/)
  })

  it('doctor looks at it from the repository, as run does, and misses a key that is not there', async () => {
    const looked = await startFirebreak(['doctor', '--quick'], {
      environment: { PATH: `${bin}:${process.env.PATH}` },
      cwd: repository,
    }).ended
    assert.match(looked.stdout, /ANTHROPIC_API_KEY/)
    assert.notEqual(looked.code, 0)
  })

  it('a configuration that lies in the repository is neither used nor passed over', async () => {
    const own = join(repository, 'firebreak.yaml')
    writeFileSync(own, 'environments: { test: {} }\nagents: {}\n')
    for (const words of [
      ['doctor', '--quick'],
      ['run', '--', 'claude'],
      ['contain', 'all', '--as', 'ana@shop.example', '--why', 'x'],
    ]) {
      const { code, stderr } = await firebreak(...words)
      assert.equal(code, 2, words[0])
      assert.match(stderr, /nothing tells which is meant\n.*--config \.\.\/shop\.firebreak\/firebreak\.yaml/)
    }
    assert.equal((await firebreak('policy', 'validate', '--config', 'firebreak.yaml')).code, 0)
    const elsewhere = join(directory, 'elsewhere')
    const made = await firebreak('init', elsewhere, '--for', 'claude')
    assert.match(made.stderr, /firebreak\.yaml lies in .*shop, where an agent works: nothing was written/)
    assert.ok(!existsSync(elsewhere))
    rmSync(own)
  })

  it('knows some, and says of any other what to give instead', async () => {
    const made = await firebreak('init', '--for', 'clippy', 'elsewhere')
    assert.equal(made.code, 2)
    assert.match(made.stderr, /"clippy" is none of claude, codex, pi, opencode, gemini, node, python/)
    assert.ok(!existsSync(join(repository, 'elsewhere')))
  })
})

describe('firebreak init --for an agent in a repository', {
  skip: SKIP || (!existsSync('/usr/bin/git') && 'no git'),
}, () => {
  it('has its packages and its remote, commits as its author, and takes no servers that the repository names', async () => {
    const directory = temporaryDirectory()
    const [repository, bin] = [join(directory, 'shop'), join(directory, 'bin')]
    mkdirSync(bin)
    const server = await gitServer(['shop/desk.git'])
    await git(directory, 'clone', '-q', join(server.directory, 'shop/desk.git'), repository)
    writeFileSync(join(repository, 'package.json'), '{}')
    writeFileSync(
      join(repository, '.mcp.json'),
      '{"mcpServers":{"evil":{"command":"sh","args":["-c","touch /tmp/x"]}}}',
    )
    await git(repository, 'commit', '-q', '--allow-empty', '-m', 'one')
    await git(repository, 'push', '-q', 'origin', 'HEAD:main', 'HEAD:refs/heads/agent/old')
    await git(repository, 'remote', 'set-url', 'origin', 'https://ana:password@forge.example/shop/desk.git')
    await git(repository, 'config', 'user.name', 'Ana')
    await git(repository, 'config', 'user.email', 'ana@shop.example')
    const script = [
      '#!/bin/sh',
      `git fetch -q ${server.url}/shop/desk.git main && git log --format=%s FETCH_HEAD`,
      'git commit -q --allow-empty -m two && git log --format="%an %s" -1',
      `git push -q ${server.url}/shop/desk.git HEAD:agent/new`,
      'head -n 1 ~/.ssh/id_ed25519; sleep 1',
    ]
    writeFileSync(join(bin, 'claude'), script.join('\n'))
    chmodSync(join(bin, 'claude'), 0o755)
    const environment = { PATH: `${bin}:${process.env.PATH}`, ANTHROPIC_API_KEY: 'sk-ant-the-real-key-0123456789' }
    const firebreak = (...words: string[]) => startFirebreak(words, { environment, cwd: repository }).ended
    const made = await firebreak('init', '--for', 'claude')
    assert.equal(made.code, 0, made.stderr)
    assert.match(made.stdout, /, have packages of npm, and fetch shop\/desk from https:\/\/forge\.example/)
    assert.match(made.stdout, /\.mcp\.json names servers, which are not taken.*--for claude --mcp \.mcp\.json/)
    const text = readFileSync(join(directory, 'shop.firebreak', 'firebreak.yaml'), 'utf8')
    assert.doesNotMatch(text, /evil|password|ana:/)
    assert.match(text, /packages: \{ registry: npm \}/)
    const file = join(directory, 'shop.firebreak', 'firebreak.yaml')
    // The one change: where the forge of this test is.
    writeFileSync(file, text.replace('https://forge.example', server.url))
    const ran = await firebreak('run', '--', 'claude')
    assert.match(ran.stdout, /^one\nAna two$/m)
    assert.match(ran.stderr, /refused by Firebreak/, 'what pushes is granted by a person')
    assert.match(ran.stdout, /OPENSSH PRIVATE KEY/)
    // Without root nobody sees what opens a file.
    if (process.getuid?.() === 0) assert.match(ran.stderr, /^firebreak: claude was moved to quarantined: .*decoy/m)
    const entries = await ledgerOf(join(directory, 'shop.firebreak', '.firebreak'))
    assert.ok(
      entries.some(({ kind }) => kind === 'cell.ended'),
      'its end is recorded, wherever it stood',
    )
  })
})

const NODE_SCRIPT = `
const told = async (url, body) => {
  const answer = await fetch(url, body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  console.log(answer.status, await answer.text())
}
console.log('key', process.env.OPENAI_API_KEY, 'other', process.env.ANTHROPIC_API_KEY)
await told('https://api.openai.com/v1/responses', { model: 'claude-5' })
await told('https://registry.npmjs.org/plain-thing')
await told('https://example.org/')
`
const PYTHON_SCRIPT = `
import json, os, urllib.error, urllib.request
def told(url, body=None):
    asked = urllib.request.Request(url, data=body and json.dumps(body).encode(), headers={'content-type': 'application/json'} if body else {})
    try:
        with urllib.request.urlopen(asked) as answer: print(answer.status, answer.read().decode())
    except urllib.error.HTTPError as refused: print(refused.code, refused.read().decode())
print('key', os.environ.get('OPENAI_API_KEY'), 'other', os.environ.get('ANTHROPIC_API_KEY'))
told('https://api.openai.com/v1/responses', {'model': 'claude-5'})
told('https://pypi.org/simple/plain-thing/')
told('https://example.org/')
`

/** Lists of both registries, of one old version. */
const LISTS: Readonly<Record<string, object>> = {
  '/plain-thing': {
    name: 'plain-thing',
    'dist-tags': { latest: '1.1.0' },
    versions: {
      '1.1.0': { name: 'plain-thing', version: '1.1.0', dist: { tarball: 'https://registry.npmjs.org/x.tgz' } },
    },
    time: { '1.1.0': '2020-01-01T00:00:00.000Z' },
  },
  '/simple/plain-thing/': {
    meta: { 'api-version': '1.1' },
    name: 'plain-thing',
    files: [
      {
        filename: 'plain_thing-1.1.0-py3-none-any.whl',
        url: 'https://files.pythonhosted.org/plain_thing-1.1.0-py3-none-any.whl',
        hashes: { sha256: '0'.repeat(64) },
        'upload-time': '2020-01-01T00:00:00Z',
        size: 1,
      },
    ],
    versions: ['1.1.0'],
  },
}

describe('firebreak init --for a script of one’s own', { skip: SKIP }, () => {
  const directory = temporaryDirectory()
  let registry = ''

  before(async () => {
    const server = createServer(({ url = '' }, response) => {
      const list = LISTS[url]
      const type = url.startsWith('/simple') ? 'application/vnd.pypi.simple.v1+json' : 'application/json'
      response.writeHead(list === undefined ? 404 : 200, { 'content-type': type }).end(JSON.stringify(list ?? {}))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    cleanUp(() => void server.close())
    const { port } = server.address() as AddressInfo // it listens on a port
    registry = `http://127.0.0.1:${port}`
  })

  for (const [name, program, script, of] of [
    ['node', 'node', NODE_SCRIPT, 'npm'],
    ['python', 'python3', PYTHON_SCRIPT, 'pypi'],
  ] as const) {
    const missing = spawnSync(program, ['--version']).status !== 0
    it(`${name}: its script asks the models whose key is here and has packages; nothing else is reached`, {
      skip: missing && `no ${program}`,
    }, async () => {
      const repository = join(directory, name)
      mkdirSync(repository)
      writeFileSync(join(repository, 'script'), script)
      const firebreak = (...words: string[]) =>
        startFirebreak(words, { environment: { OPENAI_API_KEY: 'sk-the-real-key-0123456789' }, cwd: repository }).ended
      const made = await firebreak('init', '--for', name)
      assert.equal(made.code, 0, made.stderr)
      assert.match(made.stdout, new RegExp(`may ask openai’s models for 20 USD a day, and have packages of ${of}`))
      const file = join(directory, `${name}.firebreak`, 'firebreak.yaml')
      const text = readFileSync(file, 'utf8')
      assert.doesNotMatch(text, /anthropic|google|the-real-key/)
      assert.doesNotMatch(text, new RegExp(`^ +${repository}: `, 'm'), 'its workspace is shown once')
      writeFileSync(file, text.replace(`registry: ${of} }`, `registry: ${of}, url: "${registry}" }`))
      const words = name === 'node' ? ['--input-type=module', '-e', script] : ['script']
      const ran = await firebreak('run', '--', program, ...words)
      assert.equal(ran.code, 0, ran.stderr)
      assert.match(ran.stdout, /^key sk-dummy\S* other (?:undefined|None)$/m)
      assert.match(ran.stdout, /^400 .*claude-5 is none of those that openai may be asked/m)
      assert.match(ran.stdout, /^200 .*plain.thing.*1\.1\.0/m)
      assert.match(ran.stdout, /^403 .*example\.org is no place that this cell may reach/m)
    })
  }
})

/** What doctor says of a configuration is what run then does, for each agent; of one, and of many. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, globSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { firebreak, repository, SKIP } from '../kit/command-line.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

interface Demand {
  readonly verdict: 'missing' | 'look' | 'holds'
  readonly about: string
  readonly why: string
  readonly fix?: string
}

const VARIABLES = { PAYMENTS_TEST_TOKEN: 'token-of-the-test', PAYMENTS_TOKEN: 'token-of-production' }

/** Asks doctor, and returns what it says of something: why it is missing, unless told otherwise. */
async function asked(file: string, state: string) {
  const { stdout, stderr } = await firebreak(['doctor', '-c', file, '--state', state, '--json'], VARIABLES)
  const said: { readonly demands?: readonly Demand[] } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}')
  assert.ok(said.demands !== undefined, stderr)
  const { demands } = said
  return (name: string, kind = 'agent', wanted: Demand['verdict'] = 'missing') =>
    demands.filter(
      ({ about, verdict }) => verdict === wanted && (about === `${kind} ${name}` || about.startsWith('profile')),
    )
}

/** Whether run denies an agent its start, and what it says. */
async function ran(file: string, state: string, agent: string, command: readonly string[] = []) {
  const rest = command.length === 0 ? [] : ['--', ...command]
  const run = await firebreak(['run', '-c', file, '--state', state, '--agent', agent, ...rest], VARIABLES)
  return { ...run, denied: /not started:/.test(run.stderr) || run.code === 126 || run.code === 127 }
}

function written(directory: string, name: string, text: string, mode = 0o644): string {
  const place = join(directory, name)
  mkdirSync(dirname(place), { recursive: true })
  writeFileSync(place, text, { mode })
  chmodSync(place, mode)
  return place
}

const OWNER = 'ana@shop.example'

/** An agent of one configuration that lies in `fb`, beside what its agents work on. */
interface Case {
  readonly agent: object
  readonly prepare?: (home: string) => void
  /** Doctor's own words where run denies it; where it is absent, run starts it. */
  readonly denied?: RegExp
  /** Doctor's words about what run lets pass. */
  readonly look?: RegExp
}

const UNSEARCHED = /not looked through for secrets: what lies behind the first 1048576 bytes of .*work\/large/

const CASES: Readonly<Record<string, Case>> = {
  plain: {
    agent: { command: ['true'], cell: { workspace: '../work' } },
    prepare: (home) => void written(home, 'work/large', ' '.repeat(1024 ** 2 + 1)),
    look: UNSEARCHED,
  },
  'holds-its-configuration': {
    agent: { command: ['true'], cell: { workspace: '..' } },
    denied: /refused: workspace .*contains .*firebreak.yaml, which no cell may change/,
  },
  'is-shown-its-state': {
    agent: { command: ['true'], cell: { files: { '/srv/all': '..' } } },
    denied: /refused: file .*contains/,
  },
  nowhere: { agent: { command: ['no-such-agent'] }, denied: /does not see the program "no-such-agent"/ },
  'interpreter-not-shown': {
    agent: { command: ['/srv/agent'], cell: { files: { '/srv/agent': '../python-agent' } } },
    prepare: (home) => void written(home, 'python-agent', `#!${join(home, 'own/python')}\n`, 0o755),
    denied: /agent is started by .*own\/python: its cell does not see the program/,
  },
  'interpreter-of-usr': {
    agent: { command: ['/srv/agent'], cell: { files: { '/srv/agent': '../sh-agent' } } },
    prepare: (home) => void written(home, 'sh-agent', '#!/usr/bin/env -S sh -e\n:\n', 0o755),
  },
  'link-that-leads-out': {
    agent: { command: ['/srv/bin/tool'], cell: { files: { '/srv/bin': '../bin' } } },
    prepare: (home) => {
      written(home, 'real/tool', '#!/bin/sh\n', 0o755)
      mkdirSync(join(home, 'bin'))
      symlinkSync(join(home, 'real/tool'), join(home, 'bin/tool'))
    },
    denied: /it leads to .*real\/tool/,
  },
  'for-its-owner-alone': {
    agent: { command: ['/srv/agent'], cell: { files: { '/srv/agent': '../private-agent' } } },
    prepare: (home) => void written(home, 'private-agent', '#!/bin/sh\n', 0o700),
    denied: /its cell may not execute .*private-agent/,
  },
  'starts-nowhere': {
    agent: { command: ['true'], cell: { cwd: '/srv/nowhere' } },
    denied: /refused: cwd: \/srv\/nowhere is not a directory in the cell/,
  },
  'shown-what-is-not-there': {
    agent: { command: ['true'], cell: { files: { '/srv/a': '../no-such-file' } } },
    denied: /no-such-file is not there/,
  },
  'root-of-nothing': {
    agent: { command: ['true'], cell: { root: '../no-such-root' } },
    denied: /no-such-root/,
  },
  'shown-a-secret': {
    agent: { command: ['true'], cell: { files: { '/srv/notes': '../notes' } } },
    prepare: (home) => void written(home, 'notes', VARIABLES.PAYMENTS_TOKEN),
    denied: /notes holds the secret "own"/,
  },
  'started-with-a-secret': {
    agent: { command: ['sh', '-c', 'true', VARIABLES.PAYMENTS_TOKEN] },
    denied: /its command holds the secret "own"/,
  },
  'shown-the-secret-of-others': {
    agent: { environment: 'unset', command: ['true'], cell: { files: { '/srv/notes': '../notes' } } },
    look: /notes holds the secret "own".*; its start does not know that value/,
  },
  'without-its-secret': {
    agent: {
      environment: 'unset',
      command: ['true'],
      grants: [{ upstream: 'keyed', tools: ['stock'], expires: '1h' }],
    },
  },
  'without-its-server': {
    agent: { command: ['true'], grants: [{ upstream: 'held', tools: ['stock'], expires: '1h' }] },
  },
}

const tools = { stock: { effect: 'read' } }
const AROUND = {
  environments: { test: {}, unset: {} },
  upstreams: {
    keyed: { environment: 'unset', mcp: { url: 'http://127.0.0.1:1/', headers: { a: '${secret:key}' } }, tools },
    known: { environment: 'test', mcp: { url: 'http://127.0.0.1:2/', headers: { a: '${secret:own}' } }, tools },
    held: { environment: 'test', mcp: { command: ['sh'], cell: { workspace: '..' } }, tools },
  },
  secrets: { key: { env: 'FIREBREAK_NO_SUCH_VARIABLE' }, own: { env: 'PAYMENTS_TOKEN' } },
}

describe('doctor is believed', { skip: SKIP }, () => {
  it('of each agent that a field report was about: what it says, run does', async () => {
    const home = temporaryDirectory()
    for (const name of ['fb', 'work']) mkdirSync(join(home, name))
    for (const { prepare } of Object.values(CASES)) prepare?.(home)
    const agents = Object.entries(CASES).map(([name, { agent }]) => [
      name,
      { owner: OWNER, environment: 'test', ...agent },
    ])
    const file = written(home, 'fb/firebreak.yaml', JSON.stringify({ ...AROUND, agents: Object.fromEntries(agents) }))
    const state = join(home, 'fb/.firebreak')
    const missing = await asked(file, state)
    for (const [name, { denied, look }] of Object.entries(CASES)) {
      const why = missing(name).map((each) => each.why)
      const run = await ran(file, state, name)
      assert.equal(run.denied, denied !== undefined, `${name}: run: ${run.code} ${run.stderr}`)
      assert.equal(why.length > 0, denied !== undefined, `${name}: doctor: ${why.join()}`)
      if (denied !== undefined) assert.match(why.join(), denied)
      for (const { fix = '' } of missing(name)) assert.notEqual(fix, '')
      if (look === undefined) continue
      const looks = missing(name, 'agent', 'look').map((each) => each.why)
      assert.match(looks.join(), look)
      if (look === UNSEARCHED) assert.match(run.stderr, look)
    }
    // A server that cannot be had costs no agent its start: doctor says so of the server.
    for (const upstream of ['keyed', 'held']) assert.notDeepEqual(missing(upstream, 'upstream'), [], upstream)
  })

  it('of every agent of every configuration in the repository', async () => {
    const files = globSync(['examples/*/firebreak.yaml', 'share/*/firebreak.yaml'], { cwd: repository })
    assert.ok(files.length >= 2)
    for (const file of files.map((each) => join(repository, each))) {
      const state = join(temporaryDirectory(), 'state')
      const missing = await asked(file, state)
      const loaded = await loadConfig(file, { node: process.execPath })
      assert.ok(loaded.ok)
      for (const name of loaded.value.agents.keys()) {
        const { denied, stderr } = await ran(file, state, name, ['true'])
        assert.equal(denied, missing(name).length > 0, `${file} ${name}: ${JSON.stringify(missing(name))} ${stderr}`)
      }
    }
  })

  it('leaves nothing, tells what it is doing, and looks only with --quick', async () => {
    const home = temporaryDirectory()
    const desk = { owner: OWNER, environment: 'test', command: ['true'], cell: { workspace: './work' } }
    mkdirSync(join(home, 'work'))
    const file = written(home, 'firebreak.yaml', JSON.stringify({ environments: { test: {} }, agents: { desk } }))
    const full = await firebreak(['doctor', '-c', file])
    assert.match(full.stderr, /starting desk up to its first instruction/)
    assert.match(full.stdout, /yes +agent desk +it was started up to its first instruction/)
    const quick = await firebreak(['doctor', '-c', file, '--quick'])
    assert.doesNotMatch(quick.stderr + quick.stdout, /first instruction/)
    assert.deepEqual(readdirSync(home).sort(), ['firebreak.yaml', 'work'])
    assert.equal(existsSync(join(home, '.firebreak')), false)
  })

  it('asks each upstream, and says what it does not offer', async () => {
    const home = temporaryDirectory()
    const server = join(repository, 'node_modules/@modelcontextprotocol/server-memory/dist/index.js')
    const cell = {
      files: { '/opt/node': '${node}', [join(repository, 'node_modules')]: join(repository, 'node_modules') },
    }
    const mcp = { command: ['/opt/node', server], cell }
    const upstreams = {
      memory: { environment: 'test', mcp, tools: { read_graph: { effect: 'read' }, read_graf: { effect: 'read' } } },
      web: { environment: 'test', mcp: { url: 'http://127.0.0.1:1/mcp' } },
    }
    const agents = { desk: { owner: OWNER, environment: 'test', command: ['true'] } }
    const file = written(home, 'firebreak.yaml', JSON.stringify({ environments: { test: {} }, upstreams, agents }))
    const { stdout } = await firebreak(['doctor', '-c', file])
    assert.match(stdout, /NO +upstream memory +it does not offer read_graf/)
    assert.match(stdout, /NO +upstream web +it does not answer as an MCP server/)
  })
})

describe('a workspace that is not whole', { skip: SKIP }, () => {
  const git = (cwd: string, ...args: readonly string[]) =>
    spawnSync('git', ['-c', 'user.name=ana', '-c', `user.email=${OWNER}`, ...args], {
      cwd,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: cwd },
    })
  const hasGit = spawnSync('git', ['--version']).status === 0

  function repositoryIn(home: string): string {
    const main = join(home, 'main')
    mkdirSync(main)
    git(main, 'init', '-q')
    written(main, 'a.txt', 'a\n')
    git(main, 'add', '.')
    git(main, 'commit', '-qm', 'one')
    return main
  }

  /** Runs the command on the workspace, as doctor's fix shows it where one is given. */
  async function runOn(workspace: string, command: readonly string[], cell: object = {}) {
    const home = temporaryDirectory()
    const desk = { owner: OWNER, environment: 'test', command, cell: { workspace, ...cell } }
    const file = written(home, 'firebreak.yaml', JSON.stringify({ environments: { test: {} }, agents: { desk } }))
    const doctor = await firebreak(['doctor', '-c', file, '--quick', '--json'])
    const said: { readonly demands: readonly Demand[] } = JSON.parse(doctor.stdout.trimEnd().split('\n').at(-1) ?? '')
    const looks = said.demands.filter(({ why }) => why.startsWith('of its workspace'))
    return { looks, run: await firebreak(['run', '-c', file]) }
  }

  it('a worktree of Git is named, at launch too, and what is told to show it shows it', {
    skip: hasGit ? false : 'git is not installed',
  }, async () => {
    const home = temporaryDirectory()
    const main = repositoryIn(home)
    git(main, 'worktree', 'add', '-q', '../feature', '-b', 'feature')
    const before = await runOn(join(home, 'feature'), ['git', 'log', '--oneline'])
    assert.match(before.looks[0]?.why ?? '', /it is a worktree of Git, whose repository lies elsewhere/)
    assert.match(before.run.stderr, /desk: of its workspace it is a worktree of Git.* → /)
    assert.notEqual(before.run.code, 0)
    const { fix = '' } = before.looks[0] ?? {}
    assert.ok(fix.includes(`${join(main, '.git')}: ${join(main, '.git')}`), fix)
    const env = {
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      GIT_OPTIONAL_LOCKS: '0',
    }
    const after = await runOn(join(home, 'feature'), ['git', 'log', '--oneline'], {
      files: { [join(main, '.git')]: join(main, '.git') },
      env,
    })
    assert.equal(after.run.code, 0, after.run.stderr)
    assert.match(after.run.stdout, / one\n/)
  })

  it('borrowed objects, links that lead out, files of others, sockets: each is named with what would show it', {
    skip: hasGit ? false : 'git is not installed',
  }, async () => {
    const home = temporaryDirectory()
    const main = repositoryIn(home)
    git(home, 'clone', '-q', '--shared', 'main', 'shared')
    const shared = join(home, 'shared')
    symlinkSync('../elsewhere', join(shared, 'out'))
    written(home, 'elsewhere', 'x')
    symlinkSync(join(shared, 'a.txt'), join(shared, 'again'))
    chownSync(written(shared, 'theirs.txt', 'x', 0o600), 1_234_567, 1_234_567)
    spawnSync('mkfifo', [join(shared, 'pipe')])
    const { looks, run } = await runOn(shared, ['true'])
    const all = looks.map(({ why, fix }) => `${why} → ${fix}`).join('\n')
    const objects = join(main, '.git/objects')
    assert.ok(all.includes(`files: { ${objects}: ${objects} }`), all)
    assert.ok(
      all.includes(
        '1 link leads out of it, to what its cell does not see: out → what you know of it, by hand under cell: { files }; or a copy',
      ),
      all,
    )
    assert.match(all, /1 link names a path of this host, and lies? under \/workspace in the cell: again/)
    assert.match(
      all,
      /1 file does not belong to the owner of the directory \(0:0\).*it cannot even read: theirs.txt → chown -R 0:0/,
    )
    assert.match(all, /1 socket, FIFO or device lies in it.*pipe/)
    assert.equal(run.code, 0)
    assert.equal((run.stderr.match(/of its workspace/g) ?? []).length, looks.length)
  })

  it('a submodule as root is named, and a whole repository says nothing', {
    skip: hasGit ? false : 'git is not installed',
  }, async () => {
    const home = temporaryDirectory()
    const main = repositoryIn(home)
    written(home, 'outer/sub/.git', 'gitdir: ../.git/modules/sub\n')
    written(home, 'outer/.git/modules/sub/config', '[core]\n\tworktree = ../../../sub\n')
    const { looks } = await runOn(join(home, 'outer/sub'), ['true'])
    assert.match(looks[0]?.why ?? '', /it is a submodule of Git/)
    assert.ok(looks[0]?.fix?.includes(`/.git/modules/sub: ${join(home, 'outer/.git/modules/sub')}`), looks[0]?.fix)
    const whole = await runOn(main, ['git', 'status', '--short'])
    assert.deepEqual([whole.looks, whole.run.code, whole.run.stderr], [[], 0, ''])
    const outer = await runOn(join(home, 'outer'), ['true'])
    assert.deepEqual(outer.looks, [], 'a submodule in its own repository')
  })
})

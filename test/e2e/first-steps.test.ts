/** What somebody meets who has never seen Firebreak: each message says what, which and what next. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { loadConfig } from '../../src/config/load.ts'
import { firebreak, type Ran, repository, SKIP } from '../kit/command-line.ts'
import { CHECKOUT, UNREADABLE } from '../kit/open-checkout.ts'
import { temporaryDirectory } from '../kit/temporary.ts'

const PACKAGES = join(repository, 'node_modules/@modelcontextprotocol')

const IS_ROOT = process.getuid?.() === 0
const NOBODY = 65_534
/** The user profile needs no root, and the same programs. */
const MISSING = existsSync('/usr/bin/bwrap') ? false : 'bubblewrap is not installed'

/** An agent as anybody would write it, with the protocol's own client. */
const AGENT = `import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
const client = new Client({ name: 'mine', version: '1' })
await client.connect(new StreamableHTTPClientTransport(new URL(process.env.FIREBREAK_MCP_URL)))
const call = async (name, args) => {
  try { return JSON.stringify(await client.callTool({ name, arguments: args })) } catch (error) { return error.message }
}
console.log(await call('files__read_text_file', { path: '/workspace/note.txt' }))
console.log(await call('files__write_file', { path: '/workspace/new.txt', content: 'new' }))
await client.close()
`

describe('the command line', () => {
  it('tells each command with its options, an example of it and --json', async () => {
    const overview = await firebreak(['--help'])
    const commands = [...overview.stdout.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name = '']) => name)
    assert.ok(commands.length >= 15)
    for (const [name, help] of await Promise.all(
      commands.map(async (each) => [each, await firebreak([each, '--help'])] as const),
    )) {
      assert.equal(help.code, 0, name)
      assert.match(help.stdout, new RegExp(`\\nexample:\\n  firebreak ${name}\\b`), name)
      assert.match(help.stdout, /\n +--json /, name)
      for (const line of help.stdout.split('\n')) assert.ok(line.length <= 140, `${name}: ${line}`)
    }
  })

  it('refuses what it does not know, and says what there is', async () => {
    for (const [args, expected] of [
      [['runn'], /there is no command "runn"\n {2}did you mean: firebreak run\n/],
      [['doctor', 'now'], /"now" is one word too many\n {2}usage: firebreak doctor/],
      [['run', '--no-such'], /--no-such.*\n {2}usage: firebreak run/s],
      [['run', '-c', '/nowhere/firebreak.yaml'], /there is no \/nowhere\/firebreak.yaml\n {2}firebreak init/],
      [['help', 'nothing'], /there is no command "nothing"/],
    ] as const) {
      const { code, stderr } = await firebreak(args)
      assert.equal(code, 2, args.join(' '))
      assert.match(stderr, expected)
    }
    assert.match((await firebreak(['--version'])).stdout, /^firebreak \d+\.\d+\.\d+\n$/)
  })

  it('says where nothing has been recorded, and how something would be', async () => {
    const nowhere = join(temporaryDirectory(), 'state')
    for (const command of [['logs'], ['approvals'], ['why', 'a_x'], ['approve', 'a_x'], ['ledger', 'export']]) {
      const { code, stderr } = await firebreak([...command, '--state', nowhere])
      assert.equal(code, 6, command.join(' '))
      assert.match(stderr, /nothing is recorded in .*: firebreak run keeps it there/)
    }
  })
})

describe('a first configuration', { skip: SKIP }, () => {
  const home = temporaryDirectory()
  const directory = join(home, 'my-agent')
  const inside = ([command = '', ...args]: readonly string[]) =>
    firebreak([command, '-c', join(directory, 'firebreak.yaml'), ...args])
  let begun: Ran

  before(async () => {
    for (const [name, text] of [
      ['agent.mjs', AGENT],
      ['data/note.txt', 'a note'],
    ] as const) {
      mkdirSync(join(home, name, '..'), { recursive: true })
      writeFileSync(join(home, name), text)
    }
    symlinkSync(join(repository, 'node_modules'), join(home, 'node_modules'))
    writeFileSync(join(home, 'package.json'), '{}')
    begun = await firebreak([
      'init',
      directory,
      '--owner',
      'maria.silva@shop.example',
      '--server',
      `files=node ${PACKAGES}/server-filesystem/dist/index.js ${home}/data`,
      '--server',
      `memory=node ${PACKAGES}/server-memory/dist/index.js`,
      '--',
      'node',
      join(home, 'agent.mjs'),
    ])
  })

  it('is valid, grants only what reads, and tells what a person has to judge', async () => {
    assert.equal(begun.code, 0, begun.stderr)
    assert.match(begun.stdout, /files +14 tools: 10 only read and are granted, 4 are for you to judge/)
    const loaded = await loadConfig(join(directory, 'firebreak.yaml'), { node: process.execPath })
    assert.ok(loaded.ok, JSON.stringify(loaded))
    const config: Config = loaded.value
    const [agent] = config.agents.values()
    assert.equal(agent?.owner, 'maria.silva@shop.example')
    for (const grant of agent?.grants ?? []) {
      const upstream = config.upstreams.get(grant.upstream)
      for (const name of grant.tools) assert.equal(upstream?.tools.get(name)?.effect, 'read')
      assert.ok(grant.budgets.length > 0)
    }
    assert.equal(agent?.grants.length, 2)
    const files = [...config.upstreams.values()].find(({ name }) => name === 'files')
    assert.equal([...(files?.tools.values() ?? [])].find(({ name }) => name === 'write_file')?.effect, 'irreversible')
  })

  it('is followed to a contained agent: accept, reach, run, logs', async () => {
    const before = await inside(['doctor'])
    assert.equal(before.code, 1)
    assert.match(
      before.stdout,
      /NO +upstream files +nobody has accepted read_file.*\n +→ firebreak accept --upstream files/,
    )
    const accepted = await inside(['accept', '--as', 'maria.silva@shop.example', '--yes'])
    assert.equal(accepted.code, 0, accepted.stderr)
    const reach = await inside(['reach', 'agent'])
    assert.match(reach.stdout, /SPENDS nothing/)
    const fits = await inside(['doctor'])
    assert.match(fits.stdout, /what the configuration demands \(0 missing/)
    const ran = await inside(['run'])
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /a note/)
    assert.match(ran.stdout, /refused by Firebreak \(reference a_/)
    assert.match(ran.stderr, /1 action was refused: firebreak logs --refused/)
    assert.match((await inside(['logs', '--refused'])).stdout, /REFUSED .*write_file .*grant/)
    assert.throws(() => readFileSync(join(home, 'data/new.txt')))
  })

  it('tells what waits for a person, what was answered, and what comes of it', async () => {
    const file = join(directory, 'firebreak.yaml')
    const text = readFileSync(file, 'utf8')
    const wider = text
      .replace('write_file: { effect: irreversible', 'write_file: { effect: write')
      .replace('tools: [read_file,', 'tools: [write_file, read_file,')
    writeFileSync(file, wider)
    const ran = await inside(['run'])
    assert.match(ran.stderr, /1 action waits for a person: firebreak approvals/)
    const waits = await inside(['approvals'])
    assert.equal(waits.code, 4)
    const [, hold = ''] = /Answer with firebreak approve (a_\w+)/.exec(waits.stdout) ?? []
    const approved = await inside(['approve', hold, '--as', 'maria.silva@shop.example'])
    assert.match(approved.stdout, /Run the agent again/)
    const answered = await inside(['approvals'])
    assert.deepEqual([answered.code, answered.stdout], [0, 'Nothing waits.\n'])
    const all = await inside(['approvals', '--all'])
    assert.match(
      all.stdout,
      new RegExp(`${hold}  approved by maria.silva@shop.example, in force when the agent runs again`),
    )
    assert.equal((await inside(['run'])).stderr, '')
    const changed = await inside(['diff'])
    assert.match(
      changed.stdout,
      /^agent\+files, over .*\n\+ new.txt[\s\S]*Land it with: firebreak commit --agent agent\+files/m,
    )
    assert.equal((await inside(['commit'])).code, 2, 'whose?')
    assert.equal((await inside(['commit', '--agent', 'agent+files', '--yes'])).code, 0)
    assert.equal(readFileSync(join(home, 'data/new.txt'), 'utf8'), 'new')
    writeFileSync(file, text)
  })

  it('verifies and replays what was recorded beside it, without being told where', async () => {
    const verified = await inside(['ledger', 'verify'])
    assert.deepEqual([verified.code, /^intact/m.test(verified.stdout)], [0, true], verified.stderr)
    assert.match((await inside(['replay'])).stdout, /actions judged again/)
    const half = await inside(['ledger', 'verify', join(directory, '.firebreak/ledger')])
    assert.equal(half.code, 2)
    assert.match(half.stderr, /name both, or neither/)
  })

  it('prints what a new server needs, and grants none of it', async () => {
    const file = join(directory, 'firebreak.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replace(/^ {6}read_graph: .*\n/m, '').replace('[read_graph, ', '['))
    const { code, stdout } = await inside(['accept', '--stubs'])
    assert.equal(code, 0)
    assert.match(
      stdout,
      /^upstreams:\n {2}memory:\n {4}tools:\n {6}read_graph: \{ effect: read, returns: \[untrusted\] \}\n$/m,
    )
    writeFileSync(file, text)
  })

  it('names a tool that its server does not have', async () => {
    const file = join(directory, 'firebreak.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(file, text.replaceAll('read_graph', 'read_graf'))
    const { code, stderr } = await inside(['accept', '--dry-run', '--upstream', 'memory'])
    assert.equal(code, 1)
    assert.match(stderr, /memory does not offer what is declared: read_graf; it offers read_graph/)
    writeFileSync(file, text)
  })

  it('tells why a server did not answer, and what its cell lacks', async () => {
    const file = join(directory, 'firebreak.yaml')
    const text = readFileSync(file, 'utf8')
    writeFileSync(
      file,
      text.replace(/^ {10}\/.*node_modules: .*\n/gm, '').replaceAll(/^ {8}files: .*\n(?! {10})/gm, ''),
    )
    const { code, stderr, stdout } = await inside(['accept', '--dry-run', '--upstream', 'memory'])
    assert.equal(code, 1)
    assert.match(stderr, /memory did not tell its tools: it ended/)
    assert.match(stderr, /Cannot find module/)
    assert.match(stderr, /its cell does not see \/.*server-memory\/dist\/index.js\n.*files: \{ /)
    assert.doesNotMatch(stdout, /Nothing has changed/)
    writeFileSync(file, text)
  })

  it('tells that a program is not in the cell', async () => {
    const { code, stderr } = await inside(['run', '--', 'no-such-agent'])
    assert.equal(code, 127)
    assert.match(stderr, /its cell does not see the program "no-such-agent"/)
  })

  it('is left alone where there is one', async () => {
    const { code, stderr } = await firebreak(['init', directory])
    assert.equal(code, 2)
    assert.match(stderr, /is there already: nothing was changed/)
  })
})

describe('a first configuration without root', { skip: MISSING || UNREADABLE }, () => {
  const home = temporaryDirectory()
  const own = join(home, 'own')
  /** Another user where we are root, and ourselves where we are a user. */
  const asUser = (command: string, ...args: readonly string[]) =>
    spawnSync(command, args, {
      ...(IS_ROOT && { uid: NOBODY, gid: NOBODY }),
      cwd: own,
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: own },
      encoding: 'utf8',
      timeout: 240_000,
    })
  const asked = (...args: readonly string[]) => asUser(join(CHECKOUT, 'bin/firebreak'), ...args)

  before(() => {
    mkdirSync(own)
    chmodSync(home, 0o777)
    if (IS_ROOT) chownSync(own, NOBODY, NOBODY)
  })

  it('is of the user profile, and its agent runs', () => {
    assert.equal(asked('init').status, 0)
    assert.match(readFileSync(join(own, 'firebreak.yaml'), 'utf8'), /^profile: user /m)
    const ran = asked('run')
    assert.equal(ran.status, 0, ran.stderr)
    assert.match(ran.stdout, /I am agent, I see:/)
    // Whoever stops it later has another XDG_RUNTIME_DIR, or none.
    const noted = readFileSync(join(own, '.firebreak/run-directories'), 'utf8')
    assert.match(noted, /^\/.+\/firebreak-\d+\n$/)
  })

  it('that asks for the full profile is told what to do, and nothing is made', () => {
    const file = join(own, 'firebreak.yaml')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^profile: user.*\n/m, ''))
    const ran = asked('run', '--state', join(own, 'other'))
    assert.equal(ran.status, 1)
    assert.match(ran.stderr, /not started: the full profile needs root, and this is uid \d+: .*"profile: user"/)
    assert.doesNotMatch(ran.stderr, /at .*\.ts:/)
  })

  it('S13: leaves nothing that its user cannot remove', () => {
    const removed = asUser('rm', '-rf', ...readdirSync(own).map((name) => join(own, name)))
    assert.equal(removed.stderr, '')
    assert.deepEqual(readdirSync(own), [])
  })
})

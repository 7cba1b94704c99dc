/** The way back, as a person walks it: a run's files saved and restored on the command line, and all of it in the ledger. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { markLanded } from '../../src/host/files/landed-marks.ts'
import { readFence } from '../../src/host/stop/fence.ts'
import type { Entry } from '../../src/model/entry.ts'
import { agentName } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type AgentPlan, type CellPlan, type ConfigPlan, type UpstreamPlan, writeConfig } from '../kit/config-text.ts'
import { HELD, hostUp } from '../kit/host-up.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { exitOf, onTerminal, terminal } from '../kit/terminal.ts'
import { until } from '../kit/until.ts'

const MARIA = ['--as', 'maria.silva@shop.example']

interface Desk {
  readonly config: string
  readonly state: string
  readonly work: string
  /** `firebreak <command> … --json`, and what it printed last. */
  readonly call: (...args: readonly string[]) => Promise<{ readonly code: number | null; readonly said: Said }>
  readonly run: (...command: readonly string[]) => ReturnType<typeof startFirebreak>
}

type Said = Readonly<Record<string, never>>

function desk(cell: CellPlan = {}, upstreams: ConfigPlan['upstreams'] = {}, grants?: AgentPlan['grants']): Desk {
  const directory = temporaryDirectory()
  const work = join(directory, 'work')
  mkdirSync(work)
  writeFileSync(join(work, 'given'), 'given\n')
  const config = writeConfig(directory, {
    upstreams,
    agents: {
      desk: {
        cell: { ...NODE_CELL, workspace: 'work', ...cell },
        ...((grants ?? Object.keys(upstreams).length === 0) && { grants: grants ?? [] }),
      },
    },
  })
  const state = join(directory, 'state')
  const own = ['--config', config, '--state', state]
  return {
    config,
    state,
    work,
    call: async (command = '', ...args) => {
      const ran = await firebreak([command, ...own, '--json', ...args])
      return { code: ran.code, said: JSON.parse(ran.stdout.trim().split('\n').at(-1) ?? '{}') }
    },
    run: (...command) => startFirebreak(['run', ...own, '--', ...command]),
  }
}

async function entriesOf<K extends Entry['kind']>(
  state: string,
  kind: K,
): Promise<readonly Extract<Entry, { kind: K }>[]> {
  return (await ledgerOf(state)).filter((entry): entry is Extract<Entry, { kind: K }> => entry.kind === kind)
}

/** An agent beside a knowledge graph that can only forget for good. */
async function forgetful(
  checkpoints: Readonly<Record<string, unknown>>,
  tools: NonNullable<UpstreamPlan['tools']> = { read_graph: 'read', delete_entities: 'irreversible' },
  grants?: AgentPlan['grants'],
): Promise<Desk> {
  const memory = {
    mcp: {
      command: ['/opt/node', '/opt/lib/node_modules/@modelcontextprotocol/server-memory/dist/index.js'],
      cell: NODE_CELL,
    },
    tools,
  }
  const files = { ...NODE_CELL.files, '/opt/calls.ts': join(repository, 'test/e2e/agents/calls.ts') }
  const made = desk({ files, labels: [], checkpoints }, { memory }, grants)
  const accepted = await firebreak(['accept', '--config', made.config, ...MARIA, '--yes'])
  assert.equal(accepted.code, 0, accepted.stderr)
  return made
}

/** Writes a file and forgets, twice; then forgets once more without writing. */
const FORGETS = `
  const { execFileSync } = require('node:child_process')
  const { writeFileSync } = require('node:fs')
  const call = (name, args = {}) => {
    const sent = JSON.stringify([{ method: 'tools/call', params: { name: 'memory__' + name, arguments: args } }])
    const [reply] = JSON.parse(execFileSync('/opt/node', ['/opt/calls.ts', sent], { encoding: 'utf8' }))
    console.log(name, reply.error?.code === 403 ? 'refused' : 'passed')
  }
  for (const round of ['one', 'two', 'two']) {
    if (round !== globalThis.last) writeFileSync('/workspace/round', globalThis.last = round)
    call('read_graph')
    call('delete_entities', { entityNames: [round] })
  }
`

describe('S16: checkpoints on the command line', { skip: SKIP }, () => {
  it('S11: a person’s list lands as what `diff` has shown them of it, and as nothing that a later run has made of it', async () => {
    const { work, call, run } = desk()
    await run('sh', '-c', 'echo good > file; echo good > other').ended
    assert.equal((await call('diff', '--agent', 'desk')).code, 0)
    await run('sh', '-c', 'echo evil > file').ended
    for (const paths of [['file', 'other'], []]) {
      const refused = await call('commit', '--agent', 'desk', ...paths, '--yes', ...MARIA)
      assert.equal(refused.code, 4, JSON.stringify(refused))
    }
    assert.deepEqual(readdirSync(work), ['given'])
    assert.deepEqual((await call('commit', '--agent', 'desk', 'other', '--yes', ...MARIA)).said.landed, ['other'])
    assert.equal((await call('diff', '--agent', 'desk')).code, 0)
    assert.deepEqual((await call('commit', '--agent', 'desk', 'file', '--yes', ...MARIA)).said.landed, ['file'])
    assert.equal(readFileSync(join(work, 'file'), 'utf8'), 'evil\n')
  })

  it('S11: nor as what one has made of it while they were asked', async () => {
    const { config, state, work, run } = desk()
    await run('sh', '-c', 'echo good > file').ended
    const screen = terminal()
    const asked = onTerminal(screen, ['commit', '--agent', 'desk', '--config', config, '--state', state, ...MARIA])
    await until('it asks', () => screen.shown().includes('Land 1 changes'))
    await run('sh', '-c', 'echo evil > file').ended
    screen.type('y\n')
    assert.equal(await exitOf(asked), 4)
    assert.match(screen.shown(), /left file: what you were asked about has changed meanwhile/)
    assert.deepEqual(readdirSync(work), ['given'])
  })

  it('S16: what a discard that was cut off has left goes with the next run', async () => {
    const { state, run } = desk()
    await run('true').ended
    const left = join(state, 'workspaces', 'desk', `discarded-${'0'.repeat(32)}-upper`)
    mkdirSync(join(left, 'd'), { recursive: true })
    assert.equal((await run('true').ended).code, 0)
    assert.ok(!existsSync(left))
  })

  it('S16: at rest: saved, shown, rehearsed, restored, and in the ledger by whom and why', async () => {
    const { state, call, run } = desk()
    await run('sh', '-c', 'echo one > file').ended
    const saved = await call('checkpoint', 'desk', '--name', 'first', '--why', 'a good state', ...MARIA)
    assert.equal(saved.code, 0, JSON.stringify(saved))
    await run('sh', '-c', 'echo two > file; rm given').ended
    const rehearsed = await call('restore', 'desk', 'first', '--dry-run')
    assert.deepEqual(rehearsed.said.differences, [
      { path: 'file', what: 'put-back' },
      { path: 'given', what: 'returns' },
    ])
    const undecided = await call('restore', 'desk', 'first', '--no-input')
    assert.equal(undecided.code, 4)
    const restored = await call('restore', 'desk', 'first', '--yes', '--why', 'two was wrong', ...MARIA)
    assert.equal(restored.code, 0, JSON.stringify(restored))
    const after = await run('sh', '-c', 'cat file given').ended
    assert.equal(after.stdout, 'one\ngiven\n')

    const made = await entriesOf(state, 'checkpoint.made')
    assert.deepEqual(
      made.map(({ agent, workspace, name, by, why }) => [agent, workspace, name, by, why]),
      [
        ['desk', 'desk', 'first', 'maria.silva@shop.example', 'a good state'],
        ['desk', 'desk', undefined, 'maria.silva@shop.example', `before ${made[0]?.checkpoint} was restored`],
      ],
    )
    const [back] = await entriesOf(state, 'checkpoint.restored')
    assert.equal(back?.checkpoint, made[0]?.checkpoint)
    assert.equal(back?.before, made[1]?.checkpoint)
    assert.deepEqual([back?.by, back?.why], ['maria.silva@shop.example', 'two was wrong'])

    const again = await call('restore', 'desk', String(made[1]?.checkpoint), '--yes')
    assert.equal(again.code, 0, 'a restoration can be taken back')
    assert.equal((await run('sh', '-c', 'cat file; ls').ended).stdout, 'two\nfile\n')
    const shown = await call('checkpoint', 'desk', '--list')
    const [history] = shown.said.workspaces as unknown as readonly { head: string; checkpoints: readonly unknown[] }[]
    assert.equal(history?.head, made[1]?.checkpoint)
    assert.equal(history?.checkpoints.length, 3)
  })

  for (const held of HELD)
    it(`S16: of a run that goes on ${held}: saved at once, and restored only by ending its cell, whose command begins anew`, async () => {
      const { config, state, call, run } = desk()
      if (held === 'through a host') await hostUp(['--config', config, '--state', state])
      const running = run(
        'sh',
        '-c',
        'cat file 2>/dev/null; echo begun >> begun; echo up; while :; do echo x >> file; sleep 0.05; done',
      )
      await until('it runs', () => running.stdout().includes('up'))
      const saved = await call('checkpoint', 'desk', '--name', 'early')
      assert.equal(saved.code, 0, JSON.stringify(saved))
      const refused = await call('restore', 'desk', 'early', '--yes')
      assert.equal(refused.code, 3, JSON.stringify(refused))
      const restored = await call('restore', 'desk', 'early', '--yes', '--restart', '--why', 'it went astray', ...MARIA)
      assert.equal(restored.code, 0, JSON.stringify(restored))
      await until('it runs again', () => running.stdout().split('up').length === 3)
      const [back] = await entriesOf(state, 'checkpoint.restored')
      const [first, second] = await entriesOf(state, 'cell.started')
      assert.equal(back?.cell, first?.cell)
      assert.notEqual(second?.cell, undefined, 'another cell lives on them')
      running.child.kill('SIGTERM')
      running.child.kill('SIGTERM')
      await running.ended
      const begun = await run('sh', '-c', 'cat begun').ended
      assert.equal(begun.stdout, 'begun\nbegun\n', 'once before the checkpoint, once on the restored files')
    })

  it('S17: a history shows what is damaged, and restores nothing of it', async () => {
    const { state, call, run } = desk()
    await run('sh', '-c', 'echo one > file').ended
    const id = String(((await call('checkpoint', 'desk')).said.checkpoint as unknown as { id: string }).id)
    const record = join(state, 'workspaces/desk/checkpoints', id, 'checkpoint.json')
    writeFileSync(record, readFileSync(record, 'utf8').slice(0, -20))
    const shown = await call('checkpoint', 'desk', '--list')
    assert.match(JSON.stringify(shown.said), new RegExp(`"damaged":\\["${id}"\\]`))
    assert.equal((await call('restore', 'desk', id, '--yes')).code, 2)
    assert.equal((await call('checkpoint', 'desk', '--remove', id, '--yes')).code, 0)
    assert.match(JSON.stringify((await call('checkpoint', 'desk', '--list')).said), /"damaged":\[\]/)
  })

  it('S16 S4: before what cannot be taken back, the files are saved and the ledger has it; what changed nothing is not saved twice', async () => {
    const { state, run } = await forgetful({ before: ['irreversible'] })
    const ran = await run('/opt/node', '-e', FORGETS).ended
    assert.equal(ran.stdout, 'read_graph passed\ndelete_entities passed\n'.repeat(3), ran.stderr)
    const entries = await ledgerOf(state)
    const order = entries.flatMap((entry) =>
      entry.kind === 'checkpoint.made' || (entry.kind === 'action.intent' && entry.effect === 'irreversible')
        ? [entry.kind]
        : [],
    )
    assert.deepEqual(order, ['checkpoint.made', 'action.intent', 'checkpoint.made', 'action.intent', 'action.intent'])
    const [made] = await entriesOf(state, 'checkpoint.made')
    assert.deepEqual([made?.by, made?.why], ['firebreak', 'an action that cannot be taken back'])
    const [started] = await entriesOf(state, 'cell.started')
    assert.equal(made?.cell, started?.cell)
  })

  it('S16: where they cannot be saved it is refused, unless the configuration lets it pass without', async () => {
    // No workspace fits into a megabyte.
    const strict = await forgetful({ before: ['irreversible'], size: '100KiB' })
    const refused = await strict.run('/opt/node', '-e', FORGETS).ended
    assert.equal(refused.stdout, 'read_graph passed\ndelete_entities refused\n'.repeat(3), refused.stderr)
    const [entry] = await entriesOf(strict.state, 'action.refused')
    assert.match(
      JSON.stringify(entry?.reasons),
      /"problem":"it takes \d+ bytes: more than the 102400 .*","what":"checkpoint"/,
    )
    const lenient = await forgetful({ before: ['irreversible'], required: false, size: '100KiB' })
    const passed = await lenient.run('/opt/node', '-e', FORGETS).ended
    assert.equal(passed.stdout, 'read_graph passed\ndelete_entities passed\n'.repeat(3), passed.stderr)
  })

  it('S16: on a schedule, while the agent works', async () => {
    const { state, run } = desk({ checkpoints: { every: '1s', keep: 2 } })
    const running = run('sh', '-c', 'while :; do echo x >> file; sleep 0.02; done')
    const made = () => entriesOf(state, 'checkpoint.made')
    await until('three were made', async () => (await made().catch(() => [])).length >= 3)
    running.child.kill('SIGTERM')
    running.child.kill('SIGTERM')
    await running.ended
    const left = readdirSync(join(state, 'workspaces/desk/checkpoints')).filter((name) => name.startsWith('k_'))
    assert.equal(left.length, 2)
  })

  it('S7 S15: what was spent stays spent; what was seen after the checkpoint falls with the files, and no sooner', async () => {
    const grants = [{ upstream: 'memory', tools: ['read_graph'], expires: '1h', budget: { calls: '2 total' } }]
    const read_graph = { effect: 'read', returns: ['confidential:customers'] } as const
    const { state, work, call, run } = await forgetful({}, { read_graph }, grants)
    const program = (...names: readonly string[]) => `
      const { execFileSync } = require('node:child_process')
      const requests = ${JSON.stringify(names)}.map((name) => ({ method: 'tools/call', params: { name, arguments: {} } }))
      const replies = JSON.parse(execFileSync('/opt/node', ['/opt/calls.ts', JSON.stringify(requests)], { encoding: 'utf8' }))
      for (const { error, result } of replies) console.log(error ? error.code : 'passed', result?.structuredContent?.labels ?? '')`
    const labelled = async (...names: readonly string[]) =>
      (await run('/opt/node', '-e', program('firebreak__authority', ...names)).ended).stdout
    assert.match(await labelled(), /^passed \[\]/)
    assert.equal((await call('checkpoint', 'desk', '--name', 'clean')).code, 0)
    assert.match(await labelled('memory__read_graph'), /^passed \[\]\npassed/)
    assert.match(await labelled(), /confidential:customers/, 'the files may hold it')
    assert.equal((await call('restore', 'desk', 'clean', '--yes', '--unsaved')).code, 0)
    assert.match(await labelled('memory__read_graph', 'memory__read_graph'), /^passed \[\]\npassed.*\n403/)
    const refused = await entriesOf(state, 'action.refused')
    assert.match(JSON.stringify(refused[0]?.reasons), /"kind":"budget"/)
    assert.equal((await call('restore', 'desk', 'clean', '--yes', '--unsaved')).code, 0)
    markLanded(state, { path: realpathSync(work), workspace: 'former', untilMs: Date.now() })
    assert.match(await labelled(), /untrusted.*confidential:customers/, 'work of another agent has landed in it')
  })

  it('by rule: what the configuration allows lands, also while the cell lives; never what it protects', async () => {
    const { config, work, state, call, run } = desk({
      commit: { allow: ['src/**', '*.md'], never: ['src/secret/**'] },
    })
    const makes =
      'mkdir -p src/secret; echo x > src/a; echo x > src/secret/k; echo x > note.md; echo x > other; echo x > src/.envrc'
    const running = run('sh', '-c', `${makes}; echo up; while :; do echo x >> src/grows; sleep 0.05; done`)
    await until('it runs', () => running.stdout().includes('up'))
    const live = await call('commit', '--agent', 'desk', '--rule')
    assert.equal(live.code, 4, JSON.stringify(live))
    assert.deepEqual(readdirSync(work, { recursive: true }).map(String).toSorted(), [
      'given',
      'note.md',
      'src',
      'src/a',
      'src/grows',
    ])
    const left = live.said.left as unknown as readonly { path: string; needsPerson?: true }[]
    assert.deepEqual(left.map(({ path, needsPerson }) => [path, needsPerson ?? false]).toSorted(), [
      ['other', false],
      ['src/.envrc', true],
      ['src/secret', false],
      ['src/secret/k', false],
    ])
    running.child.kill('SIGTERM')
    running.child.kill('SIGTERM')
    await running.ended
    assert.equal((await call('kill', 'desk', '--as', 'maria.silva@shop.example')).code, 0)
    rmSync(join(work, 'note.md'))
    for (const unnamed of ['--rule', '--yes'])
      assert.equal(
        (await call('commit', '--agent', 'desk', unnamed, '--no-input')).code,
        5,
        'of who is contained, none',
      )
    const before = terminal()
    const unnamed = onTerminal(before, ['commit', '--agent', 'desk', '--config', config, '--state', state])
    assert.equal(await exitOf(unnamed), 5, 'and nobody is asked about all of it at once')
    assert.match(before.shown(), /a person names the paths that are to land/)
    assert.deepEqual(readdirSync(work).toSorted(), ['given', 'src'])
    const untold = await call('commit', '--agent', 'desk', 'src/secret/k', 'other', '--yes')
    assert.equal(untold.code, 5, 'nor what a person names who was not told')
    assert.deepEqual(readdirSync(work).toSorted(), ['given', 'src'])
    const fence = readFence(state)
    const contained = ['--contained', (fence.ok && fence.value.get(agentName('desk'))?.order) || '']
    const named = await call('commit', '--agent', 'desk', 'src/secret/k', 'other', '--yes', ...contained)
    assert.match(
      JSON.stringify(named.said),
      /"left":\[\{"path":"src\/secret\/k","why":"\\"src\/secret\/\*\*\\" never lands/,
    )
    assert.deepEqual(named.said.landed, ['other'])
  })
})

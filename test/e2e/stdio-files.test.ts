/** Stdio servers that keep what they do in files of their own: whose they are, and that an undo finds them. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import { personName, toolName, upstreamName } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, type Ran, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type AgentPlan, type DeclaredPlan, writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { NOTES, noteDefinition } from './agents/notes-server.ts'

const FILES = { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') }
const ORDER = ['--by', 'maria.silva@shop.example', '--reason', 'nobody asked for these notes', '--json']

interface Desk {
  readonly run: (agent: string, ...notes: readonly string[]) => Promise<Ran>
  readonly start: (agent: string, ...command: readonly string[]) => ReturnType<typeof startFirebreak>
  readonly contain: (agent: string, rung: string) => Promise<Ran>
  readonly undo: (...args: readonly string[]) => Promise<Ran>
  /** What the cells of one name have changed in their workspace. */
  readonly changed: (name: string) => Promise<readonly string[]>
  /** How many notes, by the ledger. */
  readonly written: () => Promise<number>
  /** Names of workspaces. */
  readonly kept: () => readonly string[]
}

/** A server of files; alpha, which may delegate to beta; and beta, which then writes `b1` and reports. */
function desk({ shared }: { readonly shared?: true } = {}): Desk {
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const workspace = (name: string) => {
    mkdirSync(join(directory, name), { recursive: true })
    return join(directory, name)
  }
  const carried = { accepts: ['untrusted'], content: ['$'], links: 'any' }
  const tools: Record<string, DeclaredPlan> = {
    create: { effect: 'write', ...carried, undo: { tool: 'remove', args: { id: '$result.id' } } },
    remove: { effect: 'write', ...carried },
  }
  const grants = [{ upstream: 'notes', tools: ['create'], expires: '8h' }]
  const plan = (name: string): AgentPlan => ({
    cell: { files: FILES, workspace: workspace(`of-${name}`) },
    grants,
    ...(name === 'beta' ? { command: calling([noting('b1'), REPORT]) } : { delegates: ['beta'] }),
  })
  const config = writeConfig(directory, {
    upstreams: {
      notes: {
        mcp: {
          command: ['/opt/node', '/opt/agents/notes-server.ts'],
          cell: { files: FILES, workspace: workspace('notes') },
          ...(shared && { shared }),
        },
        tools,
      },
    },
    environments: {
      test: {
        undo: {
          owner: 'joao.costa@shop.example',
          grants: [{ upstream: 'notes', tools: ['remove'], expires: '1h' }],
        },
      },
    },
    agents: { alpha: plan('alpha'), beta: plan('beta') },
  })
  const accepted = NOTES.map((name) => {
    const definition = noteDefinition(name)
    const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
    return [toolName(name), { name: toolName(name), definition, digest: definitionDigest(definition), ...by }] as const
  })
  writeAccepted(config, new Map([[upstreamName('notes'), new Map(accepted)]]))
  const at = ['-c', config, '--state', state]
  const start: Desk['start'] = (agent, ...command) => startFirebreak(['run', ...at, '-a', agent, '--', ...command])
  return {
    start,
    run: (agent, ...notes) => start(agent, ...calling(notes.map(noting))).ended,
    contain: (agent, rung) =>
      firebreak(['contain', agent, '--rung', rung, ...at, '--as', 'maria.silva@shop.example', '--why', 'notes']),
    undo: (...args) => firebreak(['undo', ...at, ...args]),
    written: async () => {
      if (!existsSync(join(state, 'ledger', 'test'))) return 0
      const entries = await ledgerOf(state)
      const notes = new Set(entries.flatMap((entry) => (entry.kind === 'action.intent' ? [entry.action] : [])))
      return entries.filter((entry) => entry.kind === 'action.outcome' && notes.has(entry.action)).length
    },
    kept: () => readdirSync(join(state, 'workspaces')),
    changed: async (name) => {
      const told = await firebreak(['diff', '--state', state, '--agent', name, '--json'])
      assert.equal(told.code, 0, told.stderr)
      const { changes } = JSON.parse(told.stdout.trimEnd().split('\n').at(-1) ?? '{}')
      return changes.map(({ path }: { readonly path: string }) => path).toSorted()
    },
  }
}

const toolCall = (name: string, args: object) => ({ method: 'tools/call', params: { name, arguments: args } })
const noting = (name: string) => toolCall('notes__create', { name })
const DELEGATE = toolCall('firebreak__delegate', { agent: 'beta', assignment: 'note it', tools: ['notes/create'] })
const REPORT = toolCall('firebreak__report', { text: 'noted' })

function calling(calls: readonly object[]): readonly string[] {
  return ['/opt/node', '/opt/agents/calls.ts', JSON.stringify(calls)]
}

/** After its calls it stays. */
function staying(calls: readonly object[]): readonly string[] {
  const [node, script, text] = calling(calls)
  return ['/bin/sh', '-c', `${node} ${script} '${text}'; sleep 60`]
}

const totalsIn = ({ stdout }: Ran) => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '{}').totals

describe('a stdio server with files of its own', { skip: SKIP, concurrency: 2 }, () => {
  it('S16: its effects are undone in the files of the agent that it served, newest first', async () => {
    const { run, undo, changed } = desk()
    for (const [agent, ...notes] of [
      ['alpha', 'a1', 'a2'],
      ['beta', 'b1'],
      ['alpha', 'a3'],
    ] as const) {
      const ran = await run(agent, ...notes)
      assert.equal(ran.code, 0, ran.stderr)
    }
    assert.deepEqual([await changed('alpha+notes'), await changed('beta+notes')], [['a1', 'a2', 'a3'], ['b1']])
    const done = await undo('--since', '1h', ...ORDER)
    assert.equal(done.code, 0, done.stdout + done.stderr)
    assert.deepEqual(totalsIn(done), { effects: 4, undone: 4, undoable: 0, irreversible: 0, failed: 0, unknown: 0 })
    assert.deepEqual([await changed('alpha+notes'), await changed('beta+notes')], [[], []])
  })

  it('S16: while its agent’s cell lives or stands frozen, nothing is called undone; once it is killed, it can be', async () => {
    const { start, contain, undo, changed } = desk()
    const run = start('alpha', ...staying([noting('a1')]))
    await until('the note is written', () => run.stdout().includes('"id"'))
    for (const rung of [undefined, 'frozen']) {
      const contained = rung === undefined ? undefined : await contain('alpha', rung)
      assert.equal(contained?.code ?? 0, 0)
      // On a machine where its server did not stand still in time, it was killed, and its files are free.
      if (contained?.stdout.includes('ended harder')) break
      const refused = await undo('--since', '1h', ...ORDER)
      assert.notEqual(refused.code, 0, `${contained?.stdout}${refused.stdout}${refused.stderr}`)
      assert.equal(totalsIn(refused).undoable, 1, refused.stdout + refused.stderr)
      assert.match(refused.stdout, /in use by c_/)
    }
    assert.equal((await contain('alpha', 'killed')).code, 0)
    await run.ended
    assert.deepEqual(await changed('alpha+notes'), ['a1'])
    const done = await undo('--since', '1h', ...ORDER)
    assert.equal(totalsIn(done).undone, 1, done.stdout + done.stderr)
    assert.deepEqual(await changed('alpha+notes'), [])
  })

  for (const shared of [undefined, true] as const)
    it(`S5, S16: a cell that is delegated to has ${shared ? 'the one that all share' : 'one of its own'}, and its effects are undone there`, async () => {
      const { start, undo, changed, kept, written } = desk({ ...(shared && { shared }) })
      const run = start('alpha', ...staying([noting('a1'), DELEGATE]))
      const place = () => (shared ? '+notes' : kept().find((name) => /^beta--.*\+notes$/.test(name)))
      await until('both have written their notes', async () => (await written()) === 2)
      run.child.kill('SIGTERM')
      run.child.kill('SIGTERM')
      await run.ended
      assert.deepEqual(await changed(place() ?? ''), shared ? ['a1', 'b1'] : ['b1'])
      const done = await undo('--since', '1h', ...ORDER)
      assert.equal(totalsIn(done).undone, 2, done.stdout + done.stderr)
      assert.deepEqual(await changed(place() ?? ''), [])
    })
})

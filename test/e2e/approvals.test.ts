/** A hold as people meet it: `approvals`, `approve`, `deny`, beside an agent that runs in a real cell. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { firebreak, NODE_CELL, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const AGENTS = '/opt/lib/agents'
const ENTITY = { name: 'EVIL', entityType: 'payee', observations: [] }

async function shop(): Promise<{ readonly config: string; readonly state: string }> {
  const directory = temporaryDirectory()
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const command = ['/opt/node', '/opt/lib/node_modules/@modelcontextprotocol/server-memory/dist/index.js']
  const config = writeConfig(directory, {
    upstreams: {
      memory: {
        mcp: { command, cell: { ...NODE_CELL, env: { MEMORY_FILE_PATH: '/tmp/memory.jsonl' } } },
        tools: { create_entities: { effect: 'write', accepts: ['untrusted'] } },
      },
    },
    agents: {
      alpha: {
        cell,
        command: [
          '/opt/node',
          `${AGENTS}/waiter.ts`,
          'memory__create_entities',
          JSON.stringify({ entities: [ENTITY] }),
        ],
      },
    },
  })
  const accepted = await firebreak(['accept', '--config', config, '--as', 'maria.silva@shop.example', '--yes'])
  assert.equal(accepted.code, 0, accepted.stderr)
  return { config, state: join(directory, 'state') }
}

/** Until one waits, or none does any more. */
async function holds(state: string): Promise<readonly { readonly held: { readonly hold: string } }[]> {
  const shown = await firebreak(['approvals', '--state', state, '--json'])
  return JSON.parse(shown.stdout.trim().split('\n').at(-1) ?? '{}').holds ?? []
}

describe('S15: a hold and the people who answer it', { skip: SKIP }, () => {
  it('S9: of an agent that is contained is not approved, and its release withdraws what was approved before', async () => {
    const { config, state } = await shop()
    const start = () => startFirebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    const maria = ['--as', 'maria.silva@shop.example']
    const ask = (...args: readonly string[]) => firebreak([...args, '--state', state])
    const contain = (command: string) => ask(command, 'alpha', '--config', config, ...maria)
    const release = () => ask('release', 'alpha', '--config', config, '--by', 'joao', '--reason', 'a test')
    const first = start()
    await until('one action waits', async () => (await holds(state)).length === 1)
    const reference = (await holds(state))[0]?.held.hold ?? ''
    assert.equal((await contain('contain')).code, 0)
    const refused = await ask('approve', reference, ...maria)
    assert.equal(refused.code, 5, refused.stdout)
    assert.match(refused.stderr, /not approved: alpha is frozen, since .* by maria.silva@shop.example/)
    assert.equal((await contain('kill')).code, 0)
    await first.ended

    // It lies there for the next gateway; then everything comes that its person has not seen.
    const lain = join(state, 'approvals', `${reference}.json`)
    assert.equal((await release()).code, 0)
    assert.equal((await ask('approve', reference, ...maria)).code, 0)
    assert.ok(existsSync(lain), 'control')
    assert.equal((await contain('contain')).code, 0)
    assert.equal((await release()).code, 0)
    assert.ok(!existsSync(lain))
  })

  it('shows what would change and why, lets exactly that through once, and names who agreed', async () => {
    const { config, state } = await shop()
    const run = startFirebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    await until('one action waits', async () => (await holds(state)).length === 1)
    const [hold] = await holds(state)
    const reference = hold?.held.hold ?? ''
    const listed = () => firebreak(['approvals', '--state', state])
    await until('it is tried again', async () => /, tried \d+ times/.test((await listed()).stdout))
    const words = await listed()
    assert.equal(words.code, 4)
    assert.match(words.stdout, /alpha → memory\/create_entities \(write\), tried \d+ times/)
    assert.match(words.stdout, /\$\.entities\[0\]\.name is "EVIL", which neither the task/)
    const options = ['--state', state, '--as', 'joao.costa@shop.example', '--why', 'a known payee', '--always']
    const approved = await firebreak(['approve', reference, ...options])
    assert.equal(approved.code, 0, approved.stderr)
    assert.match(approved.stdout, /may make exactly this call once/)
    assert.match(approved.stdout, /destinations: \{ "\$\.entities\[\*\]\.name": \["EVIL"\]/)
    const ran = await run.ended
    assert.equal(ran.code, 0, ran.stderr)
    assert.match(ran.stdout, /^first: Firebreak holds this call/)
    assert.match(ran.stdout, /then: \[.*EVIL/)
    assert.match(ran.stdout, /again: Firebreak holds this call/)
    const twice = await firebreak(['approve', reference, '--state', state])
    assert.equal(twice.code, 1)
    assert.match(twice.stderr, /is used, answered by joao\.costa/)
    const logs = await firebreak(['logs', '--state', state])
    assert.match(logs.stdout, /approved by joao\.costa@shop\.example: a known payee/)
  })

  it('an answer given while nothing runs is taken by the next run; an unknown one is refused', async () => {
    const { config, state } = await shop()
    const run = startFirebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    await until('one action waits', async () => (await holds(state)).length === 1)
    const [hold] = await holds(state)
    run.child.kill('SIGTERM')
    await run.ended
    assert.equal((await firebreak(['approve', 'a_00000000000000000000', '--state', state])).code, 1)
    const given = await firebreak(['approve', hold?.held.hold ?? '', '--state', state])
    assert.match(given.stdout, /the next one takes it/)
    const another = await firebreak(['approve', hold?.held.hold ?? '', '--as', 'eva@shop.example', '--state', state])
    assert.equal(another.code, 1)
    assert.match(another.stderr, /is approved by \S+ already/)
    const ran = await firebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    assert.match(ran.stdout, /then: \[.*EVIL|first: \[.*EVIL/)
  })

  it('S17: a task that is a book, or that names tools it does not have, starts nothing', async () => {
    const { config, state } = await shop()
    const run = (...args: readonly string[]) =>
      firebreak(['run', '--config', config, '--agent', 'alpha', '--state', state, ...args])
    const long = await run('--task', 'x'.repeat(32_769))
    assert.equal(long.code, 2)
    assert.match(long.stderr, /at most 32768 characters/)
    const unknown = await run('--task', 'x', '--tools', 'memory/wipe')
    assert.equal(unknown.code, 2)
    assert.match(unknown.stderr, /"memory\/wipe" is not granted; granted: memory\/create_entities/)
    assert.equal((await run('--tools', 'memory/create_entities')).code, 2)
  })
})

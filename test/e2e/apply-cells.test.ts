/** S2, S5, S9: what `apply` says is in force is: for the cell that runs, for its next start, and for what does not run. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { type AgentPlan, writeConfig } from '../kit/config-text.ts'
import { hostUp } from '../kit/host-up.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

const AGENTS = '/opt/lib/agents'
const MARIA = ['--as', 'maria.silva@shop.example']
const GRANTS = [{ upstream: 'desk', tools: ['note'], expires: '8h' }]

async function scene() {
  const properties = { to: { type: 'string' } }
  const tools = [tool('note'), tool('pay', { inputSchema: { type: 'object', properties } })]
  const desk = await startUpstream({ era: 'modern', tools, onCall: () => textResult('go') })
  const directory = temporaryDirectory()
  const [state, work, shown] = [join(directory, 'state'), join(directory, 'work'), join(directory, 'shown')]
  for (const each of [work, shown]) mkdirSync(each)
  writeFileSync(join(shown, 'plans'), 'the plans')
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const write = (agents: Readonly<Record<string, AgentPlan>>) =>
    writeConfig(directory, {
      environments: { test: {} },
      upstreams: { desk: { mcp: { url: desk.url }, tools: { note: 'write', pay: { effect: 'write' } } } },
      agents,
    })
  const alpha = (more: AgentPlan = {}) => ({ grants: GRANTS, ...more, cell: { ...cell, ...more.cell } })
  const beta = { beta: { grants: [], cell } }
  const config = write({ alpha: alpha(), ...beta })
  const loaded = await loadConfig(config, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  await acceptOffered(loaded.value)
  const at = ['--config', config, '--state', state]
  const run = (before = '') => {
    const acts = `${before}exec /opt/node ${AGENTS}/steady.ts desk__note 20`
    return startFirebreak(['run', '--agent', 'alpha', ...at, '--', '/bin/sh', '-c', acts])
  }
  const apply = async (...args: readonly string[]) => {
    const applied = await firebreak(['apply', ...at, ...args])
    assert.equal(applied.code, 0, applied.stdout + applied.stderr)
    return applied.stdout
  }
  const acts = async () => {
    const before = desk.calls.length
    await until('it acts', () => desk.calls.length >= before + 3)
  }
  /** Waits until the cell was refused three times more, and nothing came through meanwhile. */
  const stands = async ({ stdout }: { readonly stdout: () => string }) => {
    const refusals = () => stdout().split(/refused|holds this call/).length
    const [calls, refused] = [desk.calls.length, refusals()]
    await until('it is refused', () => refusals() >= refused + 3)
    assert.equal(desk.calls.length, calls, 'nothing came through')
  }
  return { desk, state, work, shown, at, write, alpha, beta, run, apply, acts, stands }
}

describe('firebreak apply, and cells', { skip: SKIP }, () => {
  it('S5: a cell that runs carries a new label at once; its command begins anew by the new configuration', async () => {
    const { state, work, shown, at, write, alpha, beta, run, apply, acts, stands } = await scene()
    const labelled = (files: object, labels: readonly string[]) =>
      write({ alpha: alpha({ cell: { workspace: work, labels, ...files } }), ...beta })
    const { files } = alpha().cell
    labelled({ files: { ...files, '/data': shown } }, [])
    await hostUp(at)
    const running = run('cat /data/plans; ')
    await acts()
    assert.match(running.stdout(), /the plans/)
    const checkpoint = await firebreak(['checkpoint', 'alpha', '--name', 'early', ...MARIA, ...at])
    assert.equal(checkpoint.code, 0, checkpoint.stderr)

    labelled({}, ['confidential'])
    const said = await apply()
    assert.match(said, /from the next start of a cell of alpha, and not in one that runs: files\./)
    await stands(running)
    const labels = (await ledgerOf(state)).flatMap((entry) => (entry.kind === 'label.seen' ? [entry.label] : []))
    assert.deepEqual(labels, ['untrusted', 'confidential'], 'what it has read, and what was applied')

    const restored = await firebreak(['restore', 'alpha', 'early', '--yes', '--restart', '--why', 'x', ...MARIA, ...at])
    assert.equal(restored.code, 0, restored.stderr)
    const starts = async () => (await ledgerOf(state)).filter((entry) => entry.kind === 'cell.started')
    await until('it begins anew', async () => (await starts()).length === 2)
    const [, begun] = await starts()
    assert.match(JSON.stringify(begun?.labels), /confidential/)
    await stands(running)
    assert.equal(running.stdout().split('the plans').length, 2, 'it is not shown again')
    running.child.kill('SIGKILL')
  })

  it('S9: a cell whose agent was taken out gets nothing from one that is put in under its name, and is meant by orders', async () => {
    const { at, write, alpha, beta, run, apply, acts, stands } = await scene()
    await hostUp(at)
    const running = run()
    await acts()
    write(beta)
    await apply()
    await stands(running)
    write({ alpha: alpha({ owner: 'jo.reis@shop.example' }), ...beta })
    await apply('--as', 'jo.reis@shop.example')
    await stands(running)
    write(beta)
    await apply()
    const contained = await firebreak(['contain', 'alpha', '--why', 'a test', '--json', ...at])
    assert.equal(contained.code, 0, contained.stdout + contained.stderr)
    assert.match(contained.stdout, /c_[0-9a-z]+/)
    running.child.kill('SIGKILL')
  })

  it('HV2: an approval ends with what narrows its agent, also where its environment is not open', async () => {
    const { desk, state, at, write, alpha, beta, apply } = await scene()
    const pay = { method: 'tools/call', params: { name: 'desk__pay', arguments: { to: 'ACCT-4711' } } }
    const command = ['/opt/node', `${AGENTS}/calls.ts`, JSON.stringify([pay])]
    const run = () => firebreak(['run', '--agent', 'alpha', ...at, '--', ...command])
    const grants = [{ upstream: 'desk', tools: ['pay'], expires: '8h' }]
    write({ alpha: alpha({ grants }), ...beta })
    await run()
    const held = (await ledgerOf(state)).find((entry) => entry.kind === 'action.held')
    assert.ok(held?.kind === 'action.held', 'it names a place that nobody gave')
    const approved = await firebreak(['approve', held.hold, '--as', 'jo.reis@shop.example', '--state', state])
    assert.equal(approved.code, 0, approved.stderr)
    await hostUp(at)
    const when = 'context.args has to && context.args.to == "OTHER"'
    write({ alpha: alpha({ grants: grants.map((grant) => ({ ...grant, when })) }), ...beta })
    await apply()
    await run()
    assert.equal(desk.calls.length, 0)
    const applied = (await ledgerOf(state)).find((entry) => entry.kind === 'configuration.applied')
    assert.deepEqual(applied?.kind === 'configuration.applied' && applied.narrowed, ['alpha'])
  })

  it('AP5: a run in a process of its own goes on by what it has read, and is named', async () => {
    const { state, at, write, beta, run, acts } = await scene()
    const running = run()
    await acts()
    await hostUp(at)
    write(beta)
    const applied = await firebreak(['apply', ...at])
    assert.equal(applied.code, 1, applied.stdout)
    const [started] = (await ledgerOf(state)).filter((entry) => entry.kind === 'cell.started')
    assert.match(applied.stderr, /test: what another process runs goes on by the old one: .*has a writer already/)
    assert.match(applied.stderr, new RegExp(`firebreak kill ${started?.cell}, of alpha`))
    const killed = await firebreak(['kill', String(started?.cell), '--why', 'a test', ...at])
    assert.equal(killed.code, 0, killed.stderr)
    await running.ended
    const later = await firebreak(['run', '--agent', 'beta', ...at, '--', '/bin/true'])
    assert.equal(later.code, 0, later.stderr)
    const kinds = (await ledgerOf(state)).map(({ kind }) => kind)
    const owed = kinds.indexOf('configuration.applied')
    assert.ok(owed > kinds.indexOf('cell.started') && owed < kinds.lastIndexOf('cell.started'), kinds.join())
  })
})

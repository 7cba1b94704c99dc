/** S6, S8, S13, S14: one host, two environments at once: what befalls one leaves the other as it is. */
import assert from 'node:assert/strict'
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { EnvironmentRun } from '../../src/host/environment/environment-run.ts'
import { Host } from '../../src/host/host.ts'
import { askWardens } from '../../src/host/people/control-socket.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import { readStopMark } from '../../src/host/stop/fence.ts'
import { newOrderId } from '../../src/host/stop/stop.ts'
import { agentName, environmentName } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { childrenOf, leftOf } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

// What a killed warden leaves is removed by the next one.
cleanUp(async () => {
  const warden = await openWarden()
  if (warden.ok) await warden.value.close()
})

const AGENTS = '/opt/lib/agents'
const CELLS = 10

/** Agent `alpha` of `test`, which may ask `helper` for help, and `omega` of `live`, each with an upstream of its own. */
async function scene() {
  const offered = { era: 'modern', tools: [tool('note')], onCall: () => textResult('go') } as const
  const [desk, bank] = [await startUpstream(offered), await startUpstream(offered)]
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const on = (upstream: string) => [{ upstream, tools: ['note'], expires: '8h' }]
  const file = writeConfig(directory, {
    environments: { test: {}, live: {} },
    upstreams: {
      desk: { mcp: { url: desk.url }, tools: { note: 'write' } },
      bank: { environment: 'live', mcp: { url: bank.url }, tools: { note: 'write' } },
    },
    agents: {
      alpha: { cell, grants: on('desk'), delegates: ['helper'] },
      helper: { cell, grants: on('desk'), command: ['/opt/node', `${AGENTS}/steady.ts`, 'desk__note'] },
      omega: { cell, grants: on('bank'), environment: 'live' },
    },
  })
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  await acceptOffered(loaded.value)
  const judged = await judgeConfig(loaded.value)
  assert.ok(judged.ok, JSON.stringify(judged))
  const { agents } = judged.value.config
  const host = new Host({ judged: judged.value, stateDirectory: state })
  let closed: Promise<unknown> | undefined
  const close = () => (closed ??= host.close('the test has ended'))
  cleanUp(async () => void (await close()))
  const environment = async (name: string): Promise<EnvironmentRun> => {
    const opened = await host.environment(environmentName(name))
    assert.ok(opened.ok, JSON.stringify(opened))
    return opened.value
  }
  const start = async (name: string, command: readonly [string, ...string[]]) => {
    const agent = agents.get(agentName(name))
    assert.ok(agent)
    const run = await environment(agent.environment)
    const launched = await run.launch({
      agent: agent.name,
      command,
      stdio: { kind: 'pipes' },
      stopMark: readStopMark(state),
    })
    assert.ok(launched.ok, JSON.stringify(launched))
    const nothing = openSync('/dev/null', 'r+')
    const pump = run.pump(launched.value.cell, { stdin: nothing, stdout: nothing, stderr: nothing })
    void pump.done.then(() => closeSync(nothing))
    assert.ok(launched.value.cell.start().ok)
    return launched.value
  }
  const launch = (name: string, ...args: readonly string[]) =>
    start(name, ['/opt/node', `${AGENTS}/steady.ts`, ...args])
  const grows = async (upstream: typeof desk, more = 3) => {
    const before = upstream.calls.length
    await until('it acts', () => upstream.calls.length >= before + more)
  }
  return { state, host, close, environment, start, launch, desk, bank, grows }
}

const gateways = () => childrenOf(process.pid, 'gateway/main')
const BY_MARIA = { by: 'maria.silva@shop.example', why: 'a test' } as const

describe('S6, S14: a host with two environments', { skip: SKIP }, () => {
  it('runs ten cells of one agent, a delegation, and another environment; an order to one leaves the other', async () => {
    const { state, close, start, launch, desk, bank, grows } = await scene()
    const [first, ...others] = await Promise.all([
      launch('alpha', 'desk__note', '50', 'helper'),
      // They stand there: ten that act would take the processor from the one whose start is waited for.
      ...Array.from({ length: CELLS - 1 }, () => start('alpha', ['/usr/bin/sleep', 'infinity'])),
    ])
    const omega = await launch('omega', 'bank__note')
    await grows(desk)
    await grows(bank)
    const listed = async () =>
      (await askWardens(state, { kind: 'cells' }, () => undefined)).flatMap(({ cells }) => cells ?? [])
    await until('the helper runs', async () => (await listed()).some(({ agent }) => agent === 'helper'))
    assert.equal((await listed()).filter(({ agent }) => agent === 'alpha').length, CELLS)
    assert.equal(gateways().length, 2)

    const order = { id: newOrderId(), target: { kind: 'agent', name: 'alpha' }, rung: 'killed', ...BY_MARIA } as const
    const answers = await askWardens(state, { kind: 'contain', order }, () => undefined)
    assert.ok(answers.every(({ ok }) => ok))
    const stopped = answers.flatMap(({ receipt }) => receipt?.cells ?? [])
    for (const { cell } of [first, ...others]) assert.ok(stopped.includes(cell.id), 'each of them is in the receipt')
    assert.equal(stopped.length, CELLS + 1, 'what was delegated, too')
    assert.ok(!stopped.includes(omega.cell.id))
    await grows(bank)

    assert.deepEqual(await close(), [])
    await Promise.all([first, ...others, omega].map(({ ended }) => ended))
    for (const name of ['test', 'live']) assert.ok((await ledgerOf(state, name)).length > 0)
    const live = await ledgerOf(state, 'live')
    assert.ok(!live.some((entry) => entry.kind === 'cell.contained'), 'the other ledger has nothing of it')
    assert.deepEqual(leftOf({ id: omega.cell.id, uid: omega.cell.receipt.uid }), [])
    assert.ok(!existsSync(join(state, 'control')) || readdirSync(join(state, 'control')).length === 0)
    assert.equal(gateways().length, 0)
  })

  it('opens an environment anew whose gateway was lost when no cell was there; the other goes on all the while', async () => {
    const { close, environment, launch, bank, grows, desk } = await scene()
    await launch('omega', 'bank__note')
    const known = gateways()
    const run = await environment('test')
    const [gateway] = gateways().filter((pid) => !known.includes(pid))
    assert.ok(gateway)
    process.kill(gateway, 'SIGKILL')
    await until('it is lost', () => run.isOver())
    await launch('alpha', 'desk__note')
    assert.notEqual(await environment('test'), run)
    await grows(desk)
    await grows(bank)
    assert.deepEqual(await close(), [])
  })
})

/** S14: a gateway that is lost under two cells of one run: another takes its place, and whom nothing speaks against goes on. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openWarden } from '../../src/cells/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import { askWardens } from '../../src/control/control-socket.ts'
import { openRuntime, type RunningCell } from '../../src/control/runtime.ts'
import { judgeConfig } from '../../src/control/setup.ts'
import { newOrderId } from '../../src/control/stop.ts'
import type { Entry } from '../../src/model/entry.ts'
import type { CellId } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { type ConfigPlan, writeConfig } from '../kit/config-text.ts'
import { childrenOf, leftOf, stateOf } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

// What a killed warden leaves is removed by the next one.
cleanUp(async () => {
  const warden = await openWarden()
  if (warden.ok) await warden.value.close()
})

interface Scene {
  readonly close: () => Promise<void>
  readonly state: string
  /** Calls `one` and `two`. */
  readonly one: RunningCell
  readonly two: RunningCell
  readonly gateway: () => number
  /** How many calls of this tool have reached the upstream. */
  readonly arrived: (name: string) => number
}

const TOOLS = ['one', 'two']

/** Two cells of one agent, each of which calls a tool of its own without end. */
async function scene(plan: Partial<ConfigPlan> = {}): Promise<Scene> {
  const upstream = await startUpstream({
    era: 'modern',
    tools: TOOLS.map((name) => tool(name)),
    onCall: () => textResult('go'),
  })
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const agents = join(repository, 'test/e2e/agents')
  const config = writeConfig(directory, {
    upstreams: { desk: { mcp: { url: upstream.url }, tools: { one: 'write', two: 'write' } } },
    agents: { alpha: { cell: { files: { ...NODE_CELL.files, '/opt/agents': agents } } } },
    ...plan,
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  const judged = await judgeConfig(loaded.value)
  if (!judged.ok) throw new Error(JSON.stringify(judged.reason))
  const agent = [...judged.value.config.agents.values()][0]
  if (agent === undefined) throw new Error('no agent')
  const before = gateways()
  const opened = await openRuntime({ judged: judged.value, agent, stateDirectory: state })
  if (!opened.ok) throw new Error(opened.reason)
  const runtime = opened.value
  let closed: Promise<void> | undefined
  const close = () => (closed ??= opened.value.close('the test has ended'))
  cleanUp(close)
  const launch = async (name: string) => {
    const launched = await runtime.launch(['/opt/node', '/opt/agents/steady.ts', `desk__${name}`], { kind: 'pipes' })
    if (!launched.ok) throw new Error(launched.reason)
    launched.value.cell.start()
    return launched.value
  }
  const [one, two] = [await launch('one'), await launch('two')]
  const arrived = (name: string) => upstream.calls.filter((call) => call.name === name).length
  await until('both act', () => arrived('one') > 2 && arrived('two') > 2)
  const gateway = () => gateways().find((pid) => !before.includes(pid)) ?? 0
  assert.ok(gateway() > 0, 'control: there is a gateway')
  return { close, state, one, two, gateway, arrived }
}

function gateways(): readonly number[] {
  return childrenOf(process.pid, 'gateway/main.ts').filter((pid) => stateOf(pid) !== 'Z')
}

/** What reached the upstream was decided before; and what a cell did under the new gateway, after that had taken it over. */
function decided(entries: readonly Entry[], { arrived }: Scene): void {
  for (const name of TOOLS) {
    const intents = entries.filter((entry) => entry.kind === 'action.intent' && entry.tool === name)
    assert.ok(arrived(name) <= intents.length, `${name}: ${arrived(name)} arrived of ${intents.length}`)
  }
  const replaced = entries.findIndex((entry) => entry.kind === 'gateway.started' && entry.replaces !== undefined)
  const over = new Set<CellId>()
  for (const entry of entries.slice(replaced)) {
    if (entry.kind === 'cell.taken-over') over.add(entry.cell)
    if (entry.kind === 'action.intent') assert.ok(over.has(entry.cell), `${entry.cell} acts unserved`)
  }
}

function takenOver(entries: readonly Entry[]): readonly CellId[] {
  return entries.flatMap((entry) => (entry.kind === 'cell.taken-over' ? [entry.cell] : []))
}

describe('S14: a gateway that is replaced', { skip: SKIP }, () => {
  it('S14: killed under two cells that act: both go on with another, and nothing leaves that was not decided', async () => {
    const stage = await scene()
    const { close, state, one, two, gateway, arrived } = stage
    const lost = gateway()
    process.kill(lost, 'SIGKILL')
    await until('there is another', () => gateway() !== lost && gateway() > 0)
    await until('both are taken over', async () => takenOver(await ledgerOf(state)).length === 2)
    const before = { one: arrived('one'), two: arrived('two') }
    await until('both act again', () => arrived('one') > before.one + 2 && arrived('two') > before.two + 2)
    await close()
    const entries = await ledgerOf(state)
    decided(entries, stage)
    const started = entries.filter((entry) => entry.kind === 'gateway.started')
    assert.deepEqual(
      started.map(({ replaces }) => replaces),
      [undefined, 'the gateway ended (SIGKILL)'],
    )
    for (const { cell } of [one, two]) {
      const over = entries.find((entry) => entry.kind === 'cell.taken-over' && entry.cell === cell.id)
      assert.ok(over?.kind === 'cell.taken-over')
      assert.equal(over.why, 'the gateway ended (SIGKILL)')
      assert.equal(over.rung, 'watched')
      assert.deepEqual(over.labels, ['untrusted'])
      assert.deepEqual(leftOf(cell), [])
    }
  })

  it('S8, S14: one cell is ordered to stop while the gateway stands still: that one ends contained, the other goes on', async () => {
    const stage = await scene()
    const { close, state, one, two, gateway, arrived } = stage
    const lost = gateway()
    process.kill(lost, 'SIGSTOP')
    const target = { kind: 'cell', name: one.cell.id } as const
    const order = { id: newOrderId(), target, rung: 'frozen', by: 'maria.silva@shop.example', why: 'a test' } as const
    const [done] = await askWardens(state, { kind: 'contain', order }, () => undefined)
    assert.equal(done?.receipt?.contained, true, JSON.stringify(done))
    assert.deepEqual(done?.receipt?.cells, [one.cell.id])
    const stopped = arrived('one')
    const ended = await one.ended
    assert.equal(ended.lost, `it has not confirmed order ${order.id}`)
    assert.ok(ended.teardown.gone)
    await until('the other is taken over', async () => takenOver(await ledgerOf(state)).length === 1)
    const before = arrived('two')
    await until('it acts again', () => arrived('two') > before + 2)
    assert.equal(arrived('one'), stopped, 'nothing more of the one that was stopped')
    await close()
    const entries = await ledgerOf(state)
    decided(entries, stage)
    assert.deepEqual(takenOver(entries), [two.cell.id])
    assert.ok(leftOf(two.cell).length === 0)
  })
})

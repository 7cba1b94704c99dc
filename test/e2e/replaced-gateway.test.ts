/** S14: a gateway that is lost under two cells of one run: another takes its place, and whom nothing speaks against goes on. */
import assert from 'node:assert/strict'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { EnvironmentRun } from '../../src/host/environment/environment-run.ts'
import type { RunningCell } from '../../src/host/environment/hosted-cell.ts'
import { Host } from '../../src/host/host.ts'
import { askWardens } from '../../src/host/people/control-socket.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import { readStopMark } from '../../src/host/stop/fence.ts'
import { newOrderId } from '../../src/host/stop/stop.ts'
import type { Entry } from '../../src/model/entry.ts'
import type { CellId } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { type CellPlan, type ConfigPlan, writeConfig } from '../kit/config-text.ts'
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
  readonly run: EnvironmentRun
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
const AGENTS = '/opt/lib/agents'
const MEMORY = '/opt/lib/node_modules/@modelcontextprotocol/server-memory/dist/index.js'

/** An upstream with two tools, and nothing that runs yet. */
async function opened(agents: (cell: CellPlan) => ConfigPlan['agents'], memory = false) {
  const upstream = await startUpstream({
    era: 'modern',
    tools: TOOLS.map((name) => tool(name)),
    onCall: () => textResult('go'),
  })
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const cell = { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') } }
  const config = writeConfig(directory, {
    upstreams: {
      desk: { mcp: { url: upstream.url }, tools: { one: 'write', two: 'write' } },
      ...(memory && {
        memory: {
          mcp: { command: ['/opt/node', MEMORY], cell: { ...NODE_CELL, env: { MEMORY_FILE_PATH: '/tmp/graph.json' } } },
          tools: { create_entities: 'write' },
        },
      }),
    },
    agents: agents(cell) ?? {},
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  // What a stdio server offers is learned in a cell.
  if (memory) await firebreak(['accept', '--config', config, '--as', 'maria.silva@shop.example', '--yes'])
  else await acceptOffered(loaded.value)
  const judged = await judgeConfig(loaded.value)
  if (!judged.ok) throw new Error(JSON.stringify(judged.reason))
  const agent = [...judged.value.config.agents.values()][0]
  if (agent === undefined) throw new Error('no agent')
  const before = gateways()
  const stopMark = readStopMark(state)
  const host = new Host({ judged: judged.value, stateDirectory: state })
  const environment = await host.environment(agent.environment)
  if (!environment.ok) throw new Error(environment.reason)
  let closed: Promise<void> | undefined
  const close = () => (closed ??= host.close('the test has ended').then(() => undefined))
  cleanUp(close)
  return {
    run: environment.value,
    close,
    state,
    arrived: (name: string) => upstream.calls.filter((call) => call.name === name).length,
    gateway: () => gateways().find((pid) => !before.includes(pid)) ?? 0,
    launch: async (script: string, ...args: readonly string[]) => {
      const command = ['/opt/node', `${AGENTS}/${script}`, ...args] as const
      const launched = await environment.value.launch({
        agent: agent.name,
        command,
        stdio: { kind: 'pipes' },
        stopMark,
      })
      if (!launched.ok) throw new Error(launched.reason)
      const { cell } = launched.value
      // What it prints is read, or it would stand still itself.
      const nothing = openSync('/dev/null', 'r+')
      const pump = environment.value.pump(cell, { stdin: nothing, stdout: nothing, stderr: nothing })
      void pump.done.then(() => closeSync(nothing))
      cell.start()
      return launched.value
    },
  }
}

/** Two cells of one agent, each of which calls a tool of its own without end. */
async function scene(): Promise<Scene> {
  const stage = await opened((cell) => ({ alpha: { cell } }))
  const { launch, arrived, gateway } = stage
  const [one, two] = [await launch('steady.ts', 'desk__one'), await launch('steady.ts', 'desk__two')]
  await until('both act', () => arrived('one') > 2 && arrived('two') > 2)
  assert.ok(gateway() > 0, 'control: there is a gateway')
  return { ...stage, one, two }
}

function gateways(): readonly number[] {
  return childrenOf(process.pid, 'gateway/main').filter((pid) => stateOf(pid) !== 'Z')
}

/** What reached the upstream was decided before; and what a cell did under the new gateway, after that had taken it over. */
function decided(entries: readonly Entry[], { arrived }: Pick<Scene, 'arrived'>): void {
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

/** By the kernel's word. */
function standsStill(cell: CellId): boolean {
  return ['unified', '.'].some((hierarchy) => {
    const events = join('/sys/fs/cgroup', hierarchy, 'firebreak', cell, 'cgroup.events')
    return existsSync(events) && readFileSync(events, 'utf8').includes('frozen 1')
  })
}

/** As a person orders it. */
async function contain(state: string, cell: CellId) {
  const target = { kind: 'cell', name: cell } as const
  const order = { id: newOrderId(), target, rung: 'frozen', by: 'maria.silva@shop.example', why: 'a test' } as const
  const [done] = await askWardens(state, { kind: 'contain', order }, () => undefined)
  return done?.receipt
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
    await until('both stand still', () => [one, two].every(({ cell }) => standsStill(cell.id)))
    await until('both are taken over', async () => {
      const still = [one, two].filter(({ cell }) => standsStill(cell.id))
      const over = takenOver(await ledgerOf(state))
      for (const { cell } of [one, two]) {
        // Looked at before its entry was: what the ledger does not tell of yet has stood still.
        if (!over.includes(cell.id))
          assert.ok(
            still.some((each) => each.cell === cell),
            `${cell.id} goes on unserved`,
          )
      }
      return over.length === 2
    })
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
      assert.deepEqual(leftOf({ id: cell.id, uid: cell.receipt.uid }), [])
    }
  })

  it('S14: killed while its environment closes: its cells stand still until they are ended', async (t) => {
    const { run, close, state, one, two, gateway } = await scene()
    const goOn = Promise.withResolvers<void>()
    t.after(() => goOn.resolve())
    const endCells = run.endCells.bind(run)
    const held = new Promise<void>((resolve) => {
      run.endCells = async () => {
        resolve()
        await goOn.promise
        await endCells()
      }
    })
    const closed = close()
    await held
    process.kill(gateway(), 'SIGKILL')
    await until('both stand still', () => [one, two].every(({ cell }) => standsStill(cell.id)))
    goOn.resolve()
    await closed
    for (const { cell } of [one, two]) assert.deepEqual(leftOf({ id: cell.id, uid: cell.receipt.uid }), [])
    assert.deepEqual(takenOver(await ledgerOf(state)), [])
  })

  it('S8, S14: one cell is ordered to stop while the gateway stands still: that one ends contained, the other goes on', async () => {
    const stage = await scene()
    const { close, state, one, two, gateway, arrived } = stage
    const lost = gateway()
    process.kill(lost, 'SIGSTOP')
    const receipt = await contain(state, one.cell.id)
    assert.equal(receipt?.contained, true, JSON.stringify(receipt))
    assert.deepEqual(receipt?.cells, [one.cell.id])
    const stopped = arrived('one')
    const ended = await one.ended
    assert.equal(ended.lost, `it has not confirmed order ${receipt?.order.id}`)
    assert.ok(ended.teardown.gone)
    await until('the other is taken over', async () => takenOver(await ledgerOf(state)).length === 1)
    const before = arrived('two')
    await until('it acts again', () => arrived('two') > before + 2)
    assert.equal(arrived('one'), stopped, 'nothing more of the one that was stopped')
    await close()
    const entries = await ledgerOf(state)
    decided(entries, stage)
    assert.deepEqual(takenOver(entries), [two.cell.id])
    assert.ok(leftOf({ id: two.cell.id, uid: two.cell.receipt.uid }).length === 0)
  })

  it('S8, S14: one that is ordered to stop while another gateway is started for it does not go on', async () => {
    const { state, one, gateway, arrived } = await scene()
    const lost = gateway()
    process.kill(lost, 'SIGKILL')
    await until('it is gone', () => gateway() !== lost)
    const receipt = await contain(state, one.cell.id)
    assert.equal(receipt?.contained, true, JSON.stringify(receipt))
    const stopped = arrived('one')
    const before = arrived('two')
    await until('the other acts again', () => arrived('two') > before + 2)
    assert.equal(arrived('one'), stopped)
  })

  it('S14, S17: three times in ten minutes; with the fourth its cells end', async () => {
    const { state, one, two, gateway, arrived } = await scene()
    for (let i = 1; i <= 3; i++) {
      const lost = gateway()
      process.kill(lost, 'SIGKILL')
      await until('both are taken over', async () => takenOver(await ledgerOf(state)).length === 2 * i)
      const before = TOOLS.map(arrived)
      await until('both act again', () => TOOLS.every((name, at) => arrived(name) > (before[at] ?? 0) + 1))
    }
    process.kill(gateway(), 'SIGKILL')
    for (const { ended } of [one, two]) assert.equal((await ended).lost, 'the gateway ended (SIGKILL)')
    assert.deepEqual(
      [
        ...leftOf({ id: one.cell.id, uid: one.cell.receipt.uid }),
        ...leftOf({ id: two.cell.id, uid: two.cell.receipt.uid }),
      ],
      [],
    )
    assert.equal(takenOver(await ledgerOf(state)).length, 6)
  })

  it('S5, S14: what was delegated ends with its gateway, and who delegated goes on', async () => {
    const stage = await opened((cell) => ({
      alpha: { cell, delegates: ['beta'] },
      beta: { cell, grants: [], command: ['/opt/node', `${AGENTS}/steady.ts`, 'desk__two'] },
    }))
    const { state, gateway, arrived, close } = stage
    const giver = await stage.launch('steady.ts', 'desk__one', '50', 'beta')
    await until('both act', () => arrived('one') > 2 && arrived('two') > 2)
    const lost = gateway()
    process.kill(lost, 'SIGKILL')
    await until('the giver is taken over', async () => takenOver(await ledgerOf(state)).length === 1)
    const before = { one: arrived('one'), two: arrived('two') }
    await until('it acts again', () => arrived('one') > before.one + 2)
    assert.equal(arrived('two'), before.two)
    await close()
    const entries = await ledgerOf(state)
    assert.deepEqual(takenOver(entries), [giver.cell.id])
    const ended = entries.flatMap((entry) => (entry.kind === 'delegation.ended' ? [entry.why] : []))
    assert.deepEqual(ended, ['the gateway ended (SIGKILL)'])
    decided(entries, stage)
  })

  it('S14: its stdio server is another one, and answers', async () => {
    const { state, launch, gateway } = await opened((cell) => ({ alpha: { cell } }), true)
    const done = async () =>
      (await ledgerOf(state)).filter((each) => each.kind === 'action.outcome' && each.outcome === 'done')
    await launch('stubborn.ts')
    await until('it acts', async () => (await done()).length > 2)
    process.kill(gateway(), 'SIGKILL')
    await until('it is taken over', async () => takenOver(await ledgerOf(state)).length === 1)
    const before = (await done()).length
    await until('it acts again', async () => (await done()).length > before + 2)
  })
})

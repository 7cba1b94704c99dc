/** S8, S14: an environment that is being closed is stopped as any other, until nothing of it runs; nothing else begins there. */
import assert from 'node:assert/strict'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import { Host } from '../../src/host/host.ts'
import { askWardens, NOT_HELD, NOT_MINE } from '../../src/host/people/control-socket.ts'
import { judgeConfig } from '../../src/host/prepare/setup.ts'
import { readStopMark } from '../../src/host/stop/fence.ts'
import { standingAbout } from '../../src/host/stop/order/census.ts'
import { agentName, environmentName, newActionId } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import { BY_MARIA } from './kit.ts'

const [TEST, GIVER, OTHER] = [environmentName('test'), agentName('giver'), agentName('other')]
const START_MS_MAX = 60_000

/** A host whose agent has set going what lives in a shared relay, and asks an origin again and again. */
async function scene() {
  let met = 0
  const server = createServer((_, response) => {
    met++
    response.end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  cleanUp(() => void server.close().closeAllConnections())
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // it listens on a port
  const [directory, state] = [temporaryDirectory(), join(temporaryDirectory(), 'state')]
  const files = { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') }
  const goesOn = `(while :; do curl -s -X POST ${origin}/; sleep 0.1; done) > /dev/null 2>&1 & echo it is set going`
  const calls = JSON.stringify([
    ['shared__shell', { what: goesOn }],
    ['firebreak__authority', {}],
  ])
  const giver = { command: ['/opt/node', '/opt/agents/asks.ts', calls], cell: { files } }
  const file = writeConfig(directory, {
    environments: { test: { egress: [origin] } },
    upstreams: {
      shared: {
        relay: true,
        mcp: { command: ['/opt/node', '/opt/agents/relay.ts'], cell: { files }, shared: true },
        tools: { shell: 'write' },
      },
    },
    agents: { giver, other: { command: ['/usr/bin/sleep', 'infinity'], cell: { files } } },
  })
  const accepted = await firebreak(['accept', '--config', file, ...BY_MARIA.slice(0, 2), '--yes'])
  assert.equal(accepted.code, 0, accepted.stderr)
  const loaded = await loadConfig(file, { node: process.execPath })
  assert.ok(loaded.ok, JSON.stringify(loaded))
  const judged = await judgeConfig(loaded.value)
  assert.ok(judged.ok, JSON.stringify(judged))
  const host = new Host({ judged: judged.value, stateDirectory: state })
  cleanUp(async () => void (await host.close('the test has ended')))
  const opened = await host.environment(TEST)
  assert.ok(opened.ok, JSON.stringify(opened))
  const run = opened.value
  const launch = (agent: typeof GIVER, [program = '', ...args]: readonly string[]) =>
    run.launch({ agent, command: [program, ...args], stdio: { kind: 'pipes' }, stopMark: readStopMark(state) })
  const launched = await launch(GIVER, giver.command)
  assert.ok(launched.ok, JSON.stringify(launched))
  const { cell, ended } = launched.value
  const nothing = openSync('/dev/null', 'r+')
  void run.pump(cell, { stdin: nothing, stdout: nothing, stderr: nothing }).done.then(() => closeSync(nothing))
  assert.ok(cell.start().ok)
  await until('it is set going', () => met > 2, START_MS_MAX)
  const ask = ([command = '', ...args]: readonly string[]) =>
    firebreak([command, ...args, ...BY_MARIA, '--config', file, '--state', state])
  /** What is under way at the moment of the order may still come in. */
  const comesNoMore = async () => {
    await delay(500)
    const before = met
    await delay(1_000)
    assert.equal(met, before, 'what it set going goes on')
  }
  return { host, run, state, cell, ended, launch, ask, comesNoMore }
}

const asked = async (state: string, request: Parameters<typeof askWardens>[1]) =>
  (await askWardens(state, request, () => undefined)).map(({ ok, said }) => [ok, said] as const)

describe('S8: an order while an environment closes', { skip: SKIP }, () => {
  for (const how of ['with the host', 'for another configuration'] as const)
    it(`${how} stops what its agent has told a shared server; nothing else begins there, and ${how === 'with the host' ? 'an order to all' : 'an order to the agent'} ends beside it`, async (t) => {
      const { host, run, state, cell, ended, launch, ask, comesNoMore } = await scene()
      // The end of its cells waits, as where a stop is under way.
      let isHeld = false
      const goOn = Promise.withResolvers<void>()
      t.after(() => goOn.resolve())
      const [endCells, endClose] = [run.endCells.bind(run), run.endClose.bind(run)]
      run.endCells = async () => {
        isHeld = true
        await goOn.promise
        await endCells()
      }
      let atEnd: readonly (readonly [boolean, string])[] = []
      run.endClose = async (why) => {
        atEnd = await asked(state, { kind: 'cells' })
        return endClose(why)
      }
      const closed =
        how === 'with the host'
          ? host.close('the host goes down')
          : host.changing((change) => change.close(TEST, async () => undefined))
      await until('it closes', () => isHeld, START_MS_MAX)

      // Whoever is there, and asks nothing, keeps nobody waiting.
      const idle = connect(join(state, 'control', readdirSync(join(state, 'control'))[0] ?? '')).on(
        'error',
        () => undefined,
      )
      cleanUp(() => void idle.destroy())

      const contained = await ask(['contain', 'giver', '--rung', 'frozen'])
      assert.equal(contained.code, 0, contained.stdout + contained.stderr)
      assert.match(contained.stdout, /^yes {2}shared server c_/m)
      assert.match(contained.stdout, new RegExp(`^yes {2}processes of ${cell.id} .*frozen 1`, 'm'))
      await comesNoMore()
      const late = await launch(OTHER, ['/usr/bin/sleep', 'infinity'])
      assert.match(late.ok ? '' : late.reason, /is being closed/)
      const filesAsk = { what: 'commit', workspace: 'giver', detail: {} } as const
      assert.deepEqual(await asked(state, { kind: 'files', ask: filesAsk }), [[false, NOT_HELD]])
      const hold = newActionId(0, new Uint8Array(10))
      assert.deepEqual(await asked(state, { kind: 'answers', environment: TEST, hold }), [[false, NOT_MINE]])
      idle.destroy()
      goOn.resolve()
      const killed = await ask(['kill', how === 'with the host' ? 'all' : 'giver'])
      assert.equal(killed.code, 0, killed.stdout + killed.stderr)
      await Promise.all([closed, ended])
      assert.deepEqual(
        atEnd.map(([ok]) => ok),
        [true],
        'its door was open until nothing of it ran',
      )
      assert.deepEqual(await asked(state, { kind: 'cells' }), [])
      assert.deepEqual(standingAbout([state]), [])
      const entries = await ledgerOf(state)
      assert.ok(entries.some((entry) => entry.kind === 'cell.contained' && entry.cell === cell.id))
      assert.ok(entries.some((entry) => entry.kind === 'cell.ended' && entry.cell === cell.id))
    })
})

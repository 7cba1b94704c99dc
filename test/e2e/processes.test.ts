/** The failure matrix with everything real (S14): `firebreak run`, an agent in its cell, and one process that dies or hangs. */
import assert from 'node:assert/strict'
import { closeSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { openWarden } from '../../src/cells/linux/launch/warden.ts'
import { loadConfig } from '../../src/config/load.ts'
import { HEARTBEAT_SILENCE_MS_MAX, PULSE_BYTES, pulseBytes } from '../../src/gateway/link/pulse.ts'
import { isJsonObject } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { ledgerOf, NODE_CELL, type Running, repository, SKIP, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { childrenOf, leftOf, processesOf, stateOf, stolenDescriptor } from '../kit/host.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'

// What a killed warden leaves is removed by the next one.
cleanUp(async () => {
  const warden = await openWarden()
  if (warden.ok) await warden.value.close()
})

interface Scene {
  readonly run: Running
  readonly state: string
  readonly cell: { readonly id: string; readonly uid: number }
  readonly gateway: number
  readonly witness: number
  /** How many calls of the agent have reached the upstream. */
  readonly arrived: () => number
  /** The next answer tells the agent to end. */
  readonly letEnd: () => void
}

/** A run whose agent calls its upstream without end. */
async function scene(): Promise<Scene> {
  let answer = 'go'
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('note')],
    onCall: () => textResult(answer),
  })
  const directory = temporaryDirectory()
  const state = join(directory, 'state')
  const agents = join(repository, 'test/e2e/agents')
  const config = writeConfig(directory, {
    upstreams: { desk: { mcp: { url: upstream.url }, tools: { note: 'write' } } },
    agents: { alpha: { cell: { files: { ...NODE_CELL.files, '/opt/agents': agents } } } },
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  const command = ['--', '/opt/node', '/opt/agents/steady.ts', 'desk__note']
  const run = startFirebreak(['run', '-c', config, '-a', 'alpha', '--state', state, ...command])
  await until('the agent has made three calls', () => upstream.calls.length >= 3)
  const started = (await ledgerOf(state)).find(({ kind }) => kind === 'cell.started')
  if (started?.kind !== 'cell.started' || !isJsonObject(started.receipt)) throw new Error('no cell.started')
  const [gateway = 0] = childrenOf(run.pid, 'gateway/main')
  const [witness = 0] = childrenOf(run.pid, 'ledger/seal/witness-main')
  assert.ok(gateway > 0 && witness > 0, 'control: both services run')
  // One that stands still after a test that failed goes on, and ends with its warden.
  cleanUp(() => void (ended(gateway) || process.kill(gateway, 'SIGCONT')))
  const cell = { id: started.cell, uid: Number(started.receipt.uid) }
  assert.ok(processesOf(cell.uid).length > 0, 'control: the cell runs')
  return {
    run,
    state,
    cell,
    gateway,
    witness,
    arrived: () => upstream.calls.length,
    letEnd: () => {
      answer = 'stop'
    },
  }
}

/** The entry that says that another gateway serves the cell. */
async function servedAnew(state: string, cell: string) {
  const found = async () =>
    (await ledgerOf(state)).flatMap((entry) =>
      entry.kind === 'cell.taken-over' && entry.cell === cell ? [entry] : [],
    )[0]
  await until('it is taken over', async () => (await found()) !== undefined)
  return found()
}

function ended(pid: number): boolean {
  return (stateOf(pid) ?? 'Z') === 'Z'
}

describe('S14: one process of a run', { skip: SKIP, concurrency: true }, () => {
  it('S14: a warden that stands still: its cell goes on inside its walls, is judged and recorded; and on when the warden does', async () => {
    const { run, state, arrived, letEnd } = await scene()
    process.kill(run.pid, 'SIGSTOP')
    await until('it stands still', () => stateOf(run.pid) === 'T')
    const [before, printed] = [arrived(), run.stdout().length]
    // Longer than a gateway may be silent: that it stood still itself is not held against the gateway.
    await delay(HEARTBEAT_SILENCE_MS_MAX + 500)
    assert.ok(arrived() > before + 3, `${arrived() - before} calls`)
    assert.ok(run.stdout().length > printed, 'its output is carried on by the pump')
    process.kill(run.pid, 'SIGCONT')
    const then = arrived()
    await until('it goes on', () => arrived() > then + 3)
    letEnd()
    const { code, stderr } = await run.ended
    assert.equal(code, 0, stderr)
    const entries = await ledgerOf(state)
    const count = (kind: string) => entries.filter((entry) => entry.kind === kind).length
    assert.equal(count('action.intent'), arrived())
    assert.equal(count('action.outcome'), arrived())
    assert.equal(count('cell.ended'), 1)
  })

  it('S14: a warden killed while it stands still: the cell dies with it, gateway and witness end, the next warden clears up', async () => {
    const { run, state, cell, gateway, witness, arrived } = await scene()
    process.kill(run.pid, 'SIGSTOP')
    await until('it stands still', () => stateOf(run.pid) === 'T')
    process.kill(run.pid, 'SIGKILL')
    await run.ended
    await until('nothing runs in the cell', () => processesOf(cell.uid).length === 0)
    await until('gateway and witness have ended', () => ended(gateway) && ended(witness))
    const last = arrived()
    const entries = await ledgerOf(state)
    const stopped = entries.find((entry) => entry.kind === 'gateway.stopped')
    assert.equal(stopped?.why, 'the warden is gone', JSON.stringify(entries.slice(-3)))
    const next = await openWarden()
    assert.ok(next.ok)
    await next.value.close()
    assert.deepEqual(leftOf(cell), [])
    assert.equal(arrived(), last)
  })

  it('S14: S17: a gateway alive without a heartbeat: it is ended, nothing more is sent by it, and its cell goes on with another', async () => {
    const { run, state, cell, gateway, witness, arrived, letEnd } = await scene()
    process.kill(gateway, 'SIGSTOP')
    await until('it stands still', () => stateOf(gateway) === 'T')
    // What it had sent by then is on its way.
    await delay(300)
    const before = arrived()
    await until('gateway and witness have ended', () => ended(gateway) && ended(witness))
    assert.equal(arrived(), before, 'nothing was sent after it stood still')
    const next = await servedAnew(state, cell.id)
    assert.equal(next?.why, 'no heartbeat for 3000 ms')
    await until('it acts again', () => arrived() > before + 2)
    letEnd()
    const { code, stderr } = await run.ended
    assert.equal(code, 0, stderr)
    assert.deepEqual(leftOf(cell), [])
  })

  it('S14: a gateway that says what is no pulse: its cell is killed, the run says so and exits 1, and it does not go on', async () => {
    const { run, cell, gateway, arrived } = await scene()
    const pulses = stolenDescriptor(gateway, 4)
    writeSync(pulses, pulseBytes({ kind: 'freeze', number: 9 }))
    const before = arrived()
    await until('it is served after a pulse about no cell of its own', () => arrived() > before + 2)
    writeSync(pulses, Buffer.alloc(PULSE_BYTES, 0xff))
    closeSync(pulses)
    const { code, stderr } = await run.ended
    assert.equal(code, 1)
    assert.match(stderr, /^firebreak: the cell was ended: it said what is not a pulse\n/m)
    assert.deepEqual(leftOf(cell), [])
    assert.ok(ended(gateway))
  })

  it('S14: a killed gateway: its cell goes on with another, and with one end and one exit code', async () => {
    const { run, state, cell, gateway, witness, arrived, letEnd } = await scene()
    process.kill(gateway, 'SIGKILL')
    const next = await servedAnew(state, cell.id)
    assert.equal(next?.why, 'the gateway ended (SIGKILL)')
    assert.ok(ended(gateway) && ended(witness))
    const before = arrived()
    await until('it acts again', () => arrived() > before + 2)
    letEnd()
    const { code, stderr } = await run.ended
    assert.equal(code, 0, stderr)
    assert.deepEqual(leftOf(cell), [])
    const entries = await ledgerOf(state)
    assert.equal(entries.filter(({ kind }) => kind === 'cell.ended').length, 1)
  })

  it('S14: a gateway that is killed while its state is away: its cell is killed, and the run says so and exits 1', async () => {
    const { run, state, cell, gateway, witness } = await scene()
    const ledger = join(state, 'ledger')
    renameSync(ledger, `${ledger}.away`)
    process.kill(gateway, 'SIGKILL')
    const { code, stderr } = await run.ended
    assert.equal(code, 1)
    assert.match(stderr, /^firebreak: the cell was ended: the gateway ended \(SIGKILL\)\n {2}nothing .* admitted$/m)
    assert.deepEqual(leftOf(cell), [])
    assert.ok(ended(gateway) && ended(witness))
  })
})

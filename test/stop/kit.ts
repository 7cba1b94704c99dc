/** A real run whose agent goes on calling an upstream that counts, and what must hold of it whatever was killed. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CGROUP_PARENT } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'
import { loadConfig } from '../../src/config/load.ts'
import { readFence } from '../../src/host/stop/fence.ts'
import { verifyLedger } from '../../src/ledger/verify/verify.ts'
import { agentName } from '../../src/model/index.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import {
  firebreak,
  ledgerOf,
  NODE_CELL,
  type Ran,
  type Running,
  repository,
  startFirebreak,
} from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { firebreakHere } from '../kit/firebreak-here.ts'
import { CHECKOUT } from '../kit/open-checkout.ts'
import { type ScriptedUpstream, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import type { Doom } from './doom.ts'

export interface Desk {
  readonly config: string
  readonly state: string
  readonly upstream: ScriptedUpstream
  readonly ask: (args: readonly string[], doom?: Doom) => Promise<Ran>
  /** Once it acts. */
  readonly start: (doom?: Doom, lie?: string) => Promise<Running>
  readonly run: () => Running
}

const AGENTS = '/opt/lib/agents'
export const BY_MARIA = ['--as', 'maria.silva@shop.example', '--why', 'a test'] as const

/** Of a run and its cell, on a host that others have loaded. */
const START_MS_MAX = 60_000
const TEST_MS_MAX = 110_000

export interface DeskOptions {
  /** Where the run keeps its state; a fresh directory where it is absent. */
  readonly state?: string
  /** Of the agent; where it is absent, it writes as often as it is answered. */
  readonly command?: readonly string[]
  /** Place in its cell → path on this host, beside Node and the agents of tests. */
  readonly files?: Readonly<Record<string, string>>
  /** Detectors only observe, where nothing is said. */
  readonly containment?: object
}

export const WRITES = ['/opt/node', `${AGENTS}/steady.ts`, 'book__write', '1'] as const
/** Writes for a while, and then nothing else than what nobody should call. */
export const FALLS = [
  '/usr/bin/bash',
  '-c',
  `${WRITES.join(' ')} | head -n 20; /opt/node ${AGENTS}/steady.ts book__trap 20`,
] as const

export async function desk({ state, command = WRITES, files = {}, containment }: DeskOptions = {}): Promise<Desk> {
  const directory = temporaryDirectory()
  const upstream = await startUpstream({
    era: 'modern',
    tools: [tool('write')],
    onCall: () => textResult('written'),
  })
  const config = writeConfig(directory, {
    upstreams: { book: { mcp: { url: upstream.url }, tools: { write: 'write' } } },
    ...(containment && { containment }),
    agents: {
      alpha: {
        cell: { files: { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents'), ...files } },
        command,
      },
    },
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  const place = state ?? join(temporaryDirectory(), 'state')
  const own = ['--config', config, '--state', place]
  return {
    config,
    state: place,
    upstream,
    // The last order of a test is no process of its own, unless it is to be ended: what orders first is one.
    ask: (args, doom) =>
      args[0] === 'kill' && doom === undefined
        ? firebreakHere([...args, ...own])
        : firebreak([...args, ...own], doomed(doom), TEST_MS_MAX),
    run: () => startFirebreak(['run', '--agent', 'alpha', ...own], { timeoutMs: TEST_MS_MAX }),
    start: async (doom, lie) => {
      const environment = { ...doomed(doom), ...(lie !== undefined && preloaded('lies.ts', { LIE: lie })) }
      const run = startFirebreak(['run', '--agent', 'alpha', ...own], { environment, timeoutMs: TEST_MS_MAX })
      await until('it acts', () => upstream.calls.length > 5, START_MS_MAX)
      return run
    },
  }
}

function doomed(doom: Doom | undefined): Readonly<Record<string, string>> {
  return doom === undefined ? {} : preloaded('doom.ts', { DOOM: JSON.stringify(doom) })
}

function preloaded(module: string, told: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${join(CHECKOUT, 'test/stop', module)}`, ...told }
}

export function fenced(state: string): string | undefined {
  const fence = readFence(state)
  assert.ok(fence.ok, fence.ok ? '' : fence.reason)
  return fence.value.get(agentName('alpha'))?.rung
}

/** What it has sent is there after a moment; then nothing more comes, for as long as somebody looks. */
export async function standsStill({ upstream }: Desk): Promise<() => void> {
  await delay(150)
  const calls = upstream.calls.length
  return () => assert.equal(upstream.calls.length, calls, 'it acted after "contained" was said')
}

/** By the ledger: nothing was admitted once it stood at `quarantined` or below; and the witness's seals hold. */
export async function ledgerHolds({ state, upstream }: Desk): Promise<void> {
  const entries = await ledgerOf(state)
  const lowered = entries.findIndex((entry) => entry.kind === 'rung.changed')
  const intents = entries.filter(({ kind }) => kind === 'action.intent').length
  if (lowered !== -1)
    assert.equal(entries.slice(lowered).filter(({ kind }) => kind === 'action.intent').length, 0, 'admitted later')
  assert.ok(upstream.calls.length <= intents, `${upstream.calls.length} calls with ${intents} intents`)
  const report = await verifyLedger({
    ledgerDirectory: join(state, 'ledger'),
    witness: { directory: join(state, 'witness') },
  })
  assert.ok(report.ok && report.value.intact, JSON.stringify(report))
}

/** The last order: it confirms, and the run ends with its cell. */
export async function over(each: Desk, run: Running): Promise<void> {
  const killed = await each.ask(['kill', 'alpha', ...BY_MARIA])
  assert.equal(killed.code, 0, killed.stdout + killed.stderr)
  await run.ended
}

/** Cells that the ledger has started: of none is anything left on this host. */
export async function nothingIsLeft({ state }: Desk): Promise<void> {
  const host = openCgroups(CGROUP_PARENT)
  const parents = [host.unified, ...Object.values(host.controllers).map((at) => at?.directory)]
  const cells = (await ledgerOf(state)).flatMap((entry) => (entry.kind === 'cell.started' ? [entry] : []))
  assert.ok(cells.length > 0, 'control: a cell was started')
  for (const { cell, receipt } of cells) {
    for (const parent of new Set(parents))
      assert.ok(parent === undefined || !existsSync(join(parent, CGROUP_PARENT, cell)), `the cgroup of ${cell}`)
    assert.deepEqual(processesOf(Number(receipt.uid)), [], `processes of ${cell}`)
    assert.ok(!readFileSync('/proc/self/mountinfo', 'utf8').includes(cell), `mounts of ${cell}`)
    assert.ok(!runsWith(cell), `the directory of ${cell}`)
  }
}

function runsWith(cell: string): boolean {
  const runs = '/run/firebreak/runs'
  return readdirSync(runs).some((run) => existsSync(join(runs, run, 'cells', cell)))
}

/** One that has ended, and that nobody has reaped, runs nothing any more. */
function processesOf(uid: number): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/status`, 'utf8') : ''
      return status.includes(`\nUid:\t${uid}\t`) && !/^State:\tZ/m.test(status)
    } catch {
      return false
    }
  })
}

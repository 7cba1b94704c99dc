/** A run in which one order comes at one step of a launch, and what must hold afterwards, asked of the kernel. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { CGROUP_PARENT } from '../../src/cells/linux/limits/cgroup.ts'
import { openCgroups } from '../../src/cells/linux/limits/cgroup-host.ts'
import { loadConfig } from '../../src/config/load.ts'
import type { Order, Receipt, Target } from '../../src/host/stop/containment.ts'
import { newOrderId } from '../../src/host/stop/stop.ts'
import { acceptOffered } from '../kit/accept-offered.ts'
import { firebreak, NODE_CELL, type Running, repository, startFirebreak } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { type ScriptedUpstream, startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { temporaryDirectory } from '../kit/temporary.ts'
import { until } from '../kit/until.ts'
import type { LaunchStep, OrderAt } from './order-at.ts'
import type { Ordered } from './orderer.ts'

export const ALPHA: Target = { kind: 'agent', name: 'alpha' }
export const BETA: Target = { kind: 'agent', name: 'beta' }
export const ALL: Target = { kind: 'all' }

const AGENTS = '/opt/lib/agents'
const BY_MARIA = { by: 'maria.silva@shop.example', why: 'a test' } as const

/** What the agent does: it ticks, it only writes notes, or it delegates to beta and writes. */
export const TICKS = ['--', 'sh', '-c', 'while :; do echo tick; sleep 0.05; done'] as const
export const NOTES = ['--', '/opt/node', `${AGENTS}/steady.ts`, 'book__note', '10'] as const
export const DELEGATES = [] as const

export interface Stage {
  readonly config: string
  readonly book: ScriptedUpstream
}

/** One configuration for all runs. */
export async function stage(): Promise<Stage> {
  const book = await startUpstream({
    era: 'modern',
    tools: [tool('write'), tool('note')],
    onCall: () => textResult('written'),
  })
  const files = { ...NODE_CELL.files, [AGENTS]: join(repository, 'test/e2e/agents') }
  const writes = ['/opt/node', `${AGENTS}/steady.ts`, 'book__write', '50']
  const config = writeConfig(temporaryDirectory(), {
    upstreams: { book: { mcp: { url: book.url }, tools: { write: 'write', note: 'write' } } },
    agents: {
      alpha: { cell: { files }, command: [...writes, 'beta'], delegates: ['beta'] },
      beta: { cell: { files }, command: writes },
    },
  })
  const loaded = await loadConfig(config, { node: process.execPath })
  assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.reason))
  await acceptOffered(loaded.value)
  return { config, book }
}

export interface Plan {
  readonly step: LaunchStep
  readonly target: Target
  /** Of the cell that is meant: the first, or the one that the first delegates to. */
  readonly nth?: 1 | 2
  readonly by?: Ordered['by']
  readonly rung?: Order['rung']
  readonly command?: readonly string[]
}

export interface Met {
  readonly run: Running
  readonly state: string
  readonly receipt: Receipt | undefined
  /** All that the warden answered, a line each. */
  readonly heard: string
  readonly hasEnded: () => boolean
  /** Ends what is left of it, and looks. */
  readonly over: () => Promise<void>
}

export async function orderedAt(
  { config }: Stage,
  { step, target, nth = 1, by = 'socket', rung = 'frozen', command = TICKS }: Plan,
): Promise<Met> {
  const directory = temporaryDirectory()
  const [state, report] = [join(directory, 'state'), join(directory, 'report')]
  const order: Order = { id: newOrderId(), target, rung, ...BY_MARIA }
  writeFileSync(`${report}.json`, JSON.stringify({ state, order, by, agents: ['alpha'] } satisfies Ordered))
  const at: OrderAt = { step, nth, orderer: join(import.meta.dirname, 'orderer.ts'), report }
  const environment = {
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'order-at.ts')}`,
    ORDER_AT: JSON.stringify(at),
  }
  const own = ['--config', config, '--state', state]
  const run = startFirebreak(['run', '--agent', 'alpha', ...own, ...command], { environment, timeoutMs: 110_000 })
  let ended = false
  void run.ended.then(() => {
    ended = true
  })
  await until(`the order, at: ${step}`, () => existsSync(`${report}.heard`) || ended)
  await until('the order is heard', () => existsSync(`${report}.heard`))
  const over = async () => {
    await firebreak(['kill', 'all', '--as', BY_MARIA.by, ...own])
    await run.ended
    assert.deepEqual(cellsOf(run), [])
  }
  const heard = readFileSync(`${report}.heard`, 'utf8')
  return { run, state, receipt: receiptIn(heard), heard, hasEnded: () => ended, over }
}

/** By the kernel: each cell that is there stands still, and the receipt names it. */
export async function nothingRuns({ run, receipt, heard, hasEnded }: Met): Promise<void> {
  assert.ok(receipt?.contained, `heard: ${heard}`)
  const stands = (cell: string) => eventsOf(cell).includes('frozen 1') && receipt.cells.includes(cell)
  await until('what is there stands still, and is named', () => {
    return hasEnded() || (cellsOf(run).length > 0 && cellsOf(run).every(stands))
  })
  if (hasEnded()) assert.deepEqual(cellsOf(run), [])
}

function receiptIn(heard: string): Receipt | undefined {
  const lines = heard.trim().split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line)).find(({ kind }) => kind === 'done')?.receipt
}

/** Cells that a warden has made a place for, by its run directory. */
export function cellsOf({ pid }: Running): readonly string[] {
  const runs = '/run/firebreak/runs'
  return readdirSync(runs).flatMap((run) => {
    try {
      const owner = JSON.parse(readFileSync(join(runs, run, 'owner'), 'utf8')) as { readonly pid: number }
      return owner.pid === pid ? readdirSync(join(runs, run, 'cells')) : []
    } catch {
      return []
    }
  })
}

export function eventsOf(cell: string): string {
  try {
    return readFileSync(join(openCgroups(CGROUP_PARENT).unified ?? '', CGROUP_PARENT, cell, 'cgroup.events'), 'utf8')
  } catch {
    return ''
  }
}

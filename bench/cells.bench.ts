/**
 * Cold start of a cell beside bare bubblewrap and the npm peer, all three in turn in one run, so that a noisy moment
 * hits them alike; and what an idle cell costs in memory.
 *
 * `firebreak` and `bwrap` are timed from the call to the end of the command, as a running warden (or any running Node)
 * would start them. `sandboxRuntime` is the peer's command line, its ordinary use; `sandboxRuntimeInProcess` is its
 * library in a process that is already running, each sandbox with proxies of its own, as each of our cells has.
 */
import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { type LinuxWarden, openWarden } from '../src/cells/linux/launch/warden.ts'
import { CELL_USER, type CellSpec } from '../src/cells/spec.ts'
import { newCellId } from '../src/model/ids.ts'
import type { Bench } from './main.ts'

const PEERS = join(import.meta.dirname, 'peers')
const PEER = join(PEERS, 'node_modules/@anthropic-ai/sandbox-runtime/dist')
const NODE = '/opt/node'

/** One way to do the same thing, once. Throws when it did not work: a failure is not a fast start. */
type Arm = () => Promise<void>

export const bench: Bench = async ({ seconds, say }) => {
  const opened = await openWarden()
  if (!opened.ok) throw new Error(`no warden here: ${JSON.stringify(opened.reason)}`)
  const warden = opened.value
  const directory = mkdtempSync(join(tmpdir(), 'firebreak-bench-'))
  const peer = peerReady(say)
  const deadlineMs = performance.now() + Math.max(5, seconds - 8) * 1_000
  try {
    const share = (part: number): number => performance.now() + (deadlineMs - performance.now()) * part
    say('true')
    const coldTrue = await interleaved(
      {
        firebreak: cellArm(warden, ['true']),
        firebreakTornDown: cellArm(warden, ['true'], true),
        bwrap: bareArm(['true']),
        ...(peer === undefined
          ? { sandboxRuntime: peerArm('true'), sandboxRuntimeInProcess: await libraryArm('true', directory) }
          : {}),
      },
      share(0.45),
    )
    say('node -e 0')
    const coldNode = await interleaved(
      {
        firebreak: cellArm(warden, [NODE, '-e', '0']),
        bwrap: bareArm([realpathSync(process.execPath), '-e', '0']),
        ...(peer === undefined ? { sandboxRuntime: peerArm(`${process.execPath} -e 0`) } : {}),
      },
      share(0.45),
    )
    say('command line')
    const commandLine = await commandLines(directory, peer === undefined, deadlineMs)
    say('memory')
    const pssKiBPerIdleCell = await idlePss(warden)
    return {
      bench: 'cells',
      coldTrueMs: coldTrue.figures,
      coldNodeMs: coldNode.figures,
      commandLineMs: commandLine.figures,
      pssKiBPerIdleCell,
      samples: { coldTrue: coldTrue.samples, coldNode: coldNode.samples, commandLine: commandLine.samples },
      ...(peer === undefined ? {} : { peerAbsent: peer }),
    }
  } finally {
    await warden.close()
    rmSync(directory, { recursive: true, force: true })
  }
}

interface Figures {
  readonly figures: Readonly<Record<string, { readonly min: number; readonly p50: number; readonly p95: number }>>
  readonly samples: number
}

/** Every arm once, in turn, until the time is up; one round first that does not count. */
async function interleaved(arms: Readonly<Record<string, Arm>>, untilMs: number): Promise<Figures> {
  const times = new Map(Object.keys(arms).map((name) => [name, [] as number[]] as const))
  for (let round = 0; round < ROUNDS_MIN || performance.now() < untilMs; round++) {
    for (const [name, arm] of Object.entries(arms)) {
      const startMs = performance.now()
      await arm()
      if (round > 0) times.get(name)?.push(performance.now() - startMs)
    }
  }
  const figures = Object.fromEntries(
    [...times].map(([name, taken]) => {
      const sorted = taken.toSorted((a, b) => a - b)
      const at = (part: number): number =>
        Math.round((sorted[Math.floor(sorted.length * part)] ?? Number.NaN) * 100) / 100
      return [name, { min: at(0), p50: at(0.5), p95: at(0.95) }]
    }),
  )
  return { figures, samples: Math.min(...[...times.values()].map((taken) => taken.length)) }
}

const ROUNDS_MIN = 4

function cellSpec(command: readonly [string, ...string[]]): CellSpec {
  return {
    id: newCellId(randomBytes(16)),
    command,
    variables: { PATH: '/usr/bin:/bin', HOME: CELL_USER.home },
    root: { kind: 'host-usr' },
    files: command[0] === NODE ? [{ from: process.execPath, to: NODE }] : [],
    limits: { memoryBytes: 512 * 1024 * 1024, cpu: 2, pids: 64 },
    ports: [7070],
    stdio: { kind: 'pipes' },
    protectedPaths: [],
  }
}

/** What ends outside the time, as in the other arms, is removing what was made; `torn` counts it as well. */
function cellArm(warden: LinuxWarden, command: readonly [string, ...string[]], torn = false): Arm {
  let leftover: Promise<unknown> = Promise.resolve()
  return async () => {
    await leftover
    const cell = await warden.launch(cellSpec(command))
    if (!cell.ok) throw new Error(JSON.stringify(cell.reason))
    cell.value.start()
    const exit = await cell.value.exited
    if (exit.code !== 0) throw new Error(`exit ${exit.code}`)
    leftover = cell.value.teardown()
    if (torn) await leftover
  }
}

function bareArm(command: readonly string[]): Arm {
  return () => child('bwrap', ['--unshare-all', '--ro-bind', '/', '/', ...command])
}

function peerArm(command: string): Arm {
  return () => child(process.execPath, [join(PEER, 'cli.js'), '-c', command])
}

async function libraryArm(command: string, directory: string): Promise<Arm> {
  const { SandboxManager } = (await import(join(PEER, 'index.js'))) as PeerLibrary // fetched when first needed: no types at rest
  const config = {
    network: { allowedDomains: [], deniedDomains: [] },
    filesystem: { denyRead: [], allowWrite: [directory], denyWrite: [] },
  }
  return async () => {
    await SandboxManager.initialize(config)
    await child('/bin/sh', ['-c', await SandboxManager.wrapWithSandbox(command)])
    await SandboxManager.reset()
  }
}

interface PeerLibrary {
  readonly SandboxManager: {
    initialize(config: object): Promise<void>
    wrapWithSandbox(command: string): Promise<string>
    reset(): Promise<void>
  }
}

async function child(program: string, args: readonly string[]): Promise<void> {
  const ended = await new Promise<number | null>((resolve, reject) => {
    spawn(program, args, { stdio: 'ignore' }).on('exit', resolve).on('error', reject)
  })
  if (ended !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${ended}`)
}

/** Installs the peer once. Why it cannot be measured here, or undefined. */
function peerReady(say: (progress: string) => void): string | undefined {
  if (!existsSync(PEER)) {
    say('installing the peers')
    spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', PEERS], {
      stdio: ['ignore', 2, 2],
    })
  }
  const needs = ['socat', 'rg'].filter((name) => spawnSync('sh', ['-c', `command -v ${name}`]).status !== 0)
  if (needs.length > 0 && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    say('installing what the peer needs: socat, ripgrep')
    spawnSync('apt-get', ['install', '-y', '-q', 'socat', 'ripgrep'], { stdio: 'ignore', timeout: 30_000 })
  }
  const tried = spawnSync(process.execPath, [join(PEER, 'cli.js'), '-c', 'true'], { encoding: 'utf8', timeout: 10_000 })
  return tried.status === 0 ? undefined : tried.stderr?.trim() || 'it does not start here'
}

/** Command line against command line. Ours is measured as a person types it, gateway, witness and ledger included. */
async function commandLines(directory: string, peer: boolean, untilMs: number): Promise<Figures> {
  const firebreak = join(import.meta.dirname, '../bin/firebreak')
  const config = join(directory, 'firebreak.yaml')
  writeFileSync(config, CONFIGURATION)
  const ours: Arm = () =>
    child(firebreak, ['run', '--config', config, '--agent', 'bench', '--state', join(directory, 'state'), '--', 'true'])
  const works = await ours().then(
    () => true,
    () => false,
  )
  return interleaved(
    {
      ...(works ? { firebreak: ours } : {}),
      bwrap: bareArm(['true']),
      ...(peer ? { sandboxRuntime: peerArm('true') } : {}),
    },
    untilMs,
  )
}

const CONFIGURATION = `environments:
  test: {}
agents:
  bench:
    owner: bench@example.org
    environment: test
    cell: { driver: linux, cpu: 1, memory: 256MiB, pids: 64 }
`

/** Everything that runs as a cell's uid, monitor outside included, over cells that wait: proportional, so shared pages count once. */
async function idlePss(warden: LinuxWarden): Promise<number> {
  const cells = await Promise.all(
    Array.from({ length: IDLE_CELLS }, async () => {
      const cell = await warden.launch(cellSpec(['sh', '-c', 'read line']))
      if (!cell.ok) throw new Error(JSON.stringify(cell.reason))
      cell.value.start()
      return cell.value
    }),
  )
  await new Promise((resolve) => setTimeout(resolve, 300))
  const uids = new Set(cells.map((cell) => `${cell.uid}`))
  const total = readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .reduce((sum, pid) => sum + pssOf(pid, uids), 0)
  await Promise.all(cells.map((cell) => cell.teardown()))
  return Math.round(total / IDLE_CELLS)
}

const IDLE_CELLS = 10

function pssOf(pid: string, uids: ReadonlySet<string>): number {
  try {
    const uid = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? ''
    if (!uids.has(uid)) return 0
    return Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

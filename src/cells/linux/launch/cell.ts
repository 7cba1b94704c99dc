import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import process from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import type { CellId } from '../../../model/ids.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { socketsOf } from '../../cell-sockets.ts'
import type { CellStdio, HaltFault } from '../../driver.ts'
import type { Handle } from '../../handle.ts'
import { descriptorsFor } from '../../kernel/rlimit.ts'
import {
  CELL_USER,
  type Exit,
  type FileSpec,
  type LaunchReceipt,
  type TeardownCheck,
  type TeardownReceipt,
} from '../../spec.ts'
import { recordBegun } from '../abilities/about.ts'
import type { Cgroup, CgroupCounts } from '../limits/cgroup.ts'
import { connectionsIn, type ProcessEvidence, processEvidence } from '../limits/evidence.ts'
import { LimitsReached } from '../limits/limits-reached.ts'
import type { Init } from './run-directory.ts'

/** The ends of a cell's standard streams that are ours, as this driver makes them. */
export type LinuxStdio = Exclude<CellStdio, { readonly kind: 'none' }>

/**
 * One isolated, running instance of an agent, or of a stdio upstream.
 *
 * - K1  Not one instruction of it runs before `start()`.
 * - K2  `start()` closes the warden's copies of its listeners first: hand them over before.
 * - K3  `freeze()` and `kill()` answer only after the kernel has confirmed.
 * - K4  After `teardown()` says gone, nothing of ours remains for it.
 * - K5  A listener is made anew only while the cell lives, and never beside one that stands.
 * - K6  `start()` asks whether it may begin in the tick in which it lets it go: an order that came before that tick is
 *       seen, and one that comes after it finds a cell that is there.
 */
export interface LinuxCell {
  readonly id: CellId
  readonly uid: number
  readonly receipt: LaunchReceipt
  /** Listeners in the order of `socketsOf`. */
  readonly listeners: readonly Handle[]
  readonly stdio: LinuxStdio
  /** Directory of the host where the changes to its workspace stand while it lives, for root only. */
  readonly upper?: string
  /** Resolves once, when the command and everything beside it has ended. */
  readonly exited: Promise<Exit>
  /** Files that nobody should open: on the host, and where they stand in the cell. */
  readonly decoys: readonly FileSpec[]
  pids(): readonly number[]
  /** Counts the cell's listeners and their connections in the kernel's table of its network; undefined if unreadable. */
  connections(gatewayPid: number): Promise<number | undefined>
  /** Describes its processes for people who ask later what stood still here; taken while it is frozen. */
  evidence(): readonly ProcessEvidence[]
  /** Counts how often its limits were reached so far. */
  counts(): CgroupCounts
  /** Looks whether a disk of it is full, or a process of it has all its descriptors, for `Exit.limits`. */
  look(): void
  /** Lets the cell run its first instruction; or says why it may not begin, and leaves it as it is, to be torn down. */
  start(): Result<void, string>
  /**
   * Makes the `listeners` anew, where the ones that were handed over are gone. The taker closes them once they are
   * handed over.
   */
  listenAgain(): Promise<Result<readonly Handle[], string>>
  freeze(): Promise<Result<void, HaltFault>>
  /**
   * Runs `act` while the cell stands still, and lets it go on afterwards only if nobody has frozen it, before or
   * meanwhile: looking at a contained cell must never set it free (S9).
   */
  whileFrozen<T>(act: () => Promise<T>): Promise<Result<T, HaltFault>>
  /** Lets a frozen cell go on; only on a named person's word (S9), the warden does not ask whose. */
  thaw(): Promise<Result<void, HaltFault>>
  /** Resolves with the words of what the kernel has shown, once nothing of the cell runs. */
  kill(why?: Exit['why']): Promise<Result<string, HaltFault>>
  /** Sends a signal to the command itself, as from its terminal. False when it has ended or not begun. */
  signal(number: number): boolean
  /** Kills what still runs. Calling it again returns the same receipt. */
  teardown(): Promise<TeardownReceipt>
}

/** The parts that a launch made and the cell now owns. */
export interface CellParts {
  readonly receipt: LaunchReceipt
  readonly monitor: ChildProcess
  /** Pid 1 in the cell; it reaps, the command is its child. The cell can make it do anything else. */
  readonly init: Init
  readonly cgroup: Cgroup
  readonly listeners: Handle[]
  /** Makes them. */
  readonly listen: () => Promise<Result<readonly Handle[], string>>
  readonly stdio: LinuxStdio
  /** One byte here lets it run. */
  readonly unblock: Handle
  readonly directory: string
  /** True where the command line holds secrets: no evidence repeats it. */
  readonly hidesCommand: boolean
  readonly decoys: readonly FileSpec[]
  readonly upper?: string
  readonly unmount: () => Promise<void>
  readonly freeUid: () => boolean
  readonly mountsUnder: (directory: string) => readonly string[]
  readonly forget: () => void
  readonly mayBegin: () => Result<void, string>
}

/** Freezing a hundred spinning processes takes 5 to 80 ms on two cores; silence past this escalates to a kill. */
export const FREEZE_TIMEOUT_MS = 2_000
/** Killing a hundred takes 9 ms; a process stuck in the kernel is what this bounds. */
export const KILL_TIMEOUT_MS = 5_000
const KILL_AGAIN_TIMEOUT_MS = 1_000

export function cellOf(parts: CellParts): LinuxCell {
  const { receipt, monitor, cgroup, unblock } = parts
  let started = false
  /** True where a freeze was ordered, and no thaw since. */
  let ordered = false
  /** Number of callers that keep it frozen only to look. */
  let looking = 0
  let why: Exit['why'] = 'ended'
  let wall: NodeJS.Timeout | undefined
  let receiptOfEnd: Promise<TeardownReceipt> | undefined
  const seen = new LimitsReached({
    limits: receipt.limits,
    initPid: parts.init.pid,
    descriptors: descriptorsFor(receipt.limits),
    temporary: receipt.root === '/usr' ? ['/tmp', '/dev/shm', CELL_USER.home] : [],
    pids: () => pidsOf(parts),
    counts: () => cgroup.counts(),
    ...(parts.upper === undefined ? {} : { upper: parts.upper }),
  })

  const exited = new Promise<Exit>((resolve) => {
    const settle = (code: number | null, signal: NodeJS.Signals | null): void => {
      clearTimeout(wall)
      const ended = code ?? 128 + signalNumber(signal)
      if (!started) why = 'never-started'
      // Where only a child of it was killed, the command goes on and ends as it will.
      else if (why === 'ended' && ended === KILLED && cgroup.counts().outOfMemoryKills > 0) why = 'out-of-memory'
      seen.look()
      resolve({ code: ended, why, atMs: Date.now(), limits: [...seen.reached(), ...limitsOf(why)] })
    }
    if (monitor.exitCode !== null || monitor.signalCode !== null) settle(monitor.exitCode, monitor.signalCode)
    else monitor.once('exit', settle)
  })

  const kill = async (reason: Exit['why'] = 'killed'): Promise<Result<string, HaltFault>> => {
    if (why === 'ended') why = reason
    const killed = await cgroup.kill(KILL_TIMEOUT_MS)
    if (killed.ok) return ok(GROUP_EMPTY)
    // The end of pid 1 is the end of its namespace, and the kernel waits for all of it.
    parts.init.kill()
    // Not by the end of its monitor, which believes what pid 1 says.
    const ended = await eventually(() => !parts.init.lives(), KILL_TIMEOUT_MS)
    if (!ended) return no({ kind: 'timeout', step: 'kill', afterMs: KILL_TIMEOUT_MS })
    if (cgroup.enforcedBy.freeze === undefined) return ok(PID1_ENDED)
    // Where there is a group, only what the kernel says of it counts.
    const again = await cgroup.kill(KILL_AGAIN_TIMEOUT_MS)
    return again.ok ? ok(GROUP_EMPTY) : again
  }

  return {
    id: receipt.cell,
    uid: receipt.uid,
    receipt,
    listeners: parts.listeners,
    stdio: parts.stdio,
    ...(parts.upper === undefined ? {} : { upper: parts.upper }),
    exited,
    decoys: parts.decoys,
    pids: () => pidsOf(parts),
    // Under the user profile the gateway has the same uid: then what it and we have open are ours.
    async connections(gatewayPid) {
      const pids = pidsFromInit(parts)
      const ours = receipt.profile === 'full' ? { uid: receipt.uid } : { holders: [process.pid, gatewayPid] }
      const seen = await connectionsIn(pids, socketsOf(receipt), ours)
      // Of what has ended, nobody is left to use one; pid 1 shows no table either while it waits for the others' ends.
      const over = cgroup.isEmpty() || (pidsOf(parts).length === 0 && !parts.init.lives())
      return seen ?? (over ? 0 : undefined)
    },
    evidence: () => {
      const all = processEvidence(pidsOf(parts))
      return parts.hidesCommand ? all.map((each) => ({ ...each, command: 'not told: it holds secrets' })) : all
    },
    counts: () => cgroup.counts(),
    look: () => seen.look(),
    start() {
      if (started) return ok(undefined)
      if (!unblock.open) return no('it was ended before it began')
      const may = parts.mayBegin()
      if (!may.ok) return may
      const told = recordBegun(parts.directory)
      if (!told.ok) return told
      started = true
      for (const listener of parts.listeners) listener.close()
      const { wallMs } = receipt.limits
      if (wallMs !== undefined) wall = setTimeout(() => void kill('wall-clock'), wallMs).unref()
      return letGo(unblock)
    },
    async listenAgain() {
      if (!parts.init.lives()) return no('it has ended')
      const listeners = await parts.listen()
      // Those are closed at teardown, too.
      if (listeners.ok) parts.listeners.push(...listeners.value)
      return listeners
    },
    freeze() {
      ordered = true
      return cgroup.freeze(FREEZE_TIMEOUT_MS)
    },
    async thaw() {
      ordered = false
      return looking > 0 ? ok(undefined) : cgroup.thaw(FREEZE_TIMEOUT_MS)
    },
    async whileFrozen(act) {
      looking++
      try {
        const frozen = await cgroup.freeze(FREEZE_TIMEOUT_MS)
        return frozen.ok ? ok(await act()) : frozen
      } finally {
        looking--
        if (looking === 0 && !ordered) await cgroup.thaw(FREEZE_TIMEOUT_MS)
      }
    },
    kill,
    signal: (number) => {
      const command = started ? firstChild(parts.init.pid) : undefined
      return command !== undefined && pidsOf(parts).includes(command) && sendSignal(command, number)
    },
    teardown: () => (receiptOfEnd ??= torn(parts, kill, exited)),
  }
}

const GROUP_EMPTY = 'cgroup.events says populated 0'
/** The end of all threads of pid 1 comes after the end of all that ran below it. pid_namespaces(7) */
const PID1_ENDED = 'pid 1 of it has ended with all its threads, and with it all that ran below it'

/** Exit code by which a shell says that SIGKILL ended a command. */
const KILLED = 128 + 9

function limitsOf(why: Exit['why']): Exit['limits'] {
  if (why === 'wall-clock') return [{ limit: 'wall' }]
  switch (why) {
    case 'file-locks':
    case 'open-files':
    case 'socket-queues':
    case 'unaccepted':
      return [{ limit: why }]
    default:
      return []
  }
}

/** Lets the cell run its first instruction, by one byte; an error where it was killed before that. */
function letGo(unblock: Handle): Result<void, string> {
  try {
    writeSync(unblock.fd, '.')
    return ok(undefined)
  } catch (error) {
    return no(`it was ended before it began (${error instanceof Error ? error.message : String(error)})`)
  } finally {
    unblock.close()
  }
}

async function torn(parts: CellParts, kill: LinuxCell['kill'], exited: Promise<Exit>): Promise<TeardownReceipt> {
  const { monitor, receipt, cgroup } = parts
  const running = monitor.exitCode === null && monitor.signalCode === null
  const killed = running || pidsOf(parts).length > 0 ? await kill() : ok('')
  const ended = await Promise.race([exited.then(() => true), delay(KILL_TIMEOUT_MS, false, { ref: false })])

  for (const listener of parts.listeners) listener.close()
  parts.unblock.close()
  const streams =
    parts.stdio.kind === 'pipes'
      ? [parts.stdio.stdin, parts.stdio.stdout, parts.stdio.stderr]
      : [parts.stdio.controller]
  for (const handle of streams) handle.close()

  // What is killed for want of memory, pid 1 among it, is given back by the kernel a while after its monitor has ended.
  await eventually(() => pidsOf(parts).length === 0 && !parts.init.lives(), killed.ok ? KILL_TIMEOUT_MS : 0)
  const left = pidsOf(parts)
  const cgroupGone = await eventually(() => cgroup.remove(), KILL_TIMEOUT_MS)
  await parts.unmount()
  const mounts = parts.mountsUnder(parts.directory)
  const nothingRuns = ended && left.length === 0 && !parts.init.lives()
  // What says which process is its pid 1 stays while that may live: the guard and the next warden end it by that.
  const directoryGone = nothingRuns && mounts.length === 0
  if (directoryGone) rmSync(parts.directory, { recursive: true, force: true })
  const checks: TeardownCheck[] = [
    {
      what: 'processes',
      gone: nothingRuns,
      detail: nothingRuns ? 'none left' : `left: ${left.join(' ') || monitor.pid}`,
    },
    { what: 'cgroup', gone: cgroupGone, detail: cgroupGone ? cgroup.removal : 'still there' },
    { what: 'mounts', gone: mounts.length === 0, detail: mounts.length === 0 ? 'none in mountinfo' : mounts.join(' ') },
    {
      what: 'listener',
      gone: parts.listeners.every((held) => !held.open),
      detail: `${parts.listeners.length} closed here`,
    },
    { what: 'descriptors', gone: streams.every((held) => !held.open), detail: 'closed or handed over' },
    { what: 'directory', gone: directoryGone, detail: parts.directory },
  ]
  // A uid whose processes or files may still live is not given to another cell.
  const free = directoryGone && parts.freeUid()
  checks.push({ what: 'uid', gone: free, detail: `${receipt.uid}` })
  // Nor is its workspace taken for one on which nobody lives.
  if (nothingRuns) parts.forget()
  return { cell: receipt.cell, gone: checks.every((check) => check.gone), checks, atMs: Date.now() }
}

/** Waits for what comes a moment after a parent has heard of its child's end; a loaded host may take its time. */
async function eventually(done: () => boolean, timeoutMs: number): Promise<boolean> {
  for (let [waitMs, spentMs] = [0, 0]; spentMs <= timeoutMs; spentMs += waitMs, waitMs = waitMs * 2 || 1) {
    if (done()) return true
    await delay(waitMs)
  }
  return done()
}

/** Returns the pids of the cell: from its cgroup; without one, pid 1 of the cell and all below it, while it lives. */
function pidsOf({ cgroup, init }: CellParts): readonly number[] {
  if (cgroup.enforcedBy.freeze !== undefined) return cgroup.pids()
  if (!init.lives()) return []
  const found = [init.pid]
  for (let at = 0; at < found.length && found.length < DESCENDANTS_MAX; at++) found.push(...childrenOf(found[at] ?? 0))
  return found
}

const DESCENDANTS_MAX = 65_536

/** Yields pid 1 of the cell while it lives, and the others only to whoever goes on: to find all of them may take long. */
function* pidsFromInit(parts: CellParts): Generator<number> {
  if (parts.init.lives()) yield parts.init.pid
  yield* pidsOf(parts)
}

function firstChild(pid: number): number | undefined {
  return childrenOf(pid)[0]
}

/** Children of each of its threads: the kernel counts them by the thread that made them. proc(5) */
function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8')
        .split(' ')
        .filter((child) => child !== '')
        .map(Number),
    )
  } catch {
    return []
  }
}

function sendSignal(pid: number, signal: number | NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === 'SIGKILL' ? 9 : signal === 'SIGTERM' ? 15 : signal === 'SIGINT' ? 2 : 1
}

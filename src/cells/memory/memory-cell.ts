import { writeSync } from 'node:fs'
import type { JsonObject } from '../../model/json.ts'
import { no, ok, type Result } from '../../model/result.ts'
import { socketsOf } from '../cell-sockets.ts'
import type { Cell, CellDoor, HaltFault, MayBegin, Proof, Pump, Streams } from '../driver.ts'
import { type Handle, hold } from '../handle.ts'
import { listenLoopback, receiveLoopback } from '../kernel/sockets.ts'
import type { TeardownReceipt } from '../spec.ts'
import { CELL_USER, type CellSpec, type Exit, type LaunchReceipt, type Profile } from '../spec.ts'
import type { Faults } from './faults.ts'
import type { ScriptedProgram, ScriptStep } from './program.ts'

/** The means of one launch. */
export interface MemoryLaunch {
  readonly spec: CellSpec
  readonly profile: Profile
  readonly program: ScriptedProgram
  readonly faults: Faults
  readonly mayBegin: MayBegin
  /** Hears that nothing of the cell is left. */
  readonly onGone: () => void
}

const CONNECTIONS_MAX = 16
/** Exit code by which a shell says that a command was killed. */
const KILLED = 137

/** A cell that is an object: it plays a script, one step in a tick, while it has begun and is not frozen. */
export class MemoryCell implements Cell {
  readonly id: Cell['id']
  readonly receipt: LaunchReceipt
  readonly exited: Promise<Exit>
  readonly door: CellDoor
  readonly #launch: MemoryLaunch
  readonly #listeners: Handle[]
  readonly #steps: Iterator<ScriptStep>
  readonly #end: (exit: Exit) => void
  readonly #said: string[] = []
  readonly #heard = new Set<() => void>()
  #state: 'built' | 'runs' | 'ended' = 'built'
  #begun = false
  #frozen = false
  #timer: NodeJS.Timeout | undefined
  #wall: NodeJS.Timeout | undefined
  #torn: Promise<TeardownReceipt> | undefined

  constructor(launch: MemoryLaunch, listeners: readonly Handle[]) {
    const { promise, resolve } = Promise.withResolvers<Exit>()
    this.#launch = launch
    this.#listeners = [...listeners]
    this.#steps = launch.program(launch.spec.command)[Symbol.iterator]()
    this.#end = resolve
    this.id = launch.spec.id
    this.receipt = receiptOf(launch)
    this.exited = promise
    this.door = { listeners, stdio: { kind: 'none' } }
  }

  start(): Result<void, string> {
    if (this.#begun) return ok(undefined)
    if (this.#state === 'ended') return no('it was ended before it began')
    const may = this.#launch.mayBegin()
    if (!may.ok) return may
    if (this.#launch.faults.begin !== undefined) return no(this.#launch.faults.begin)
    for (const listener of this.#listeners) listener.close()
    this.#state = 'runs'
    this.#begun = true
    const { wallMs } = this.#launch.spec.limits
    if (wallMs !== undefined) this.#wall = setTimeout(() => this.#stop(KILLED, 'wall-clock'), wallMs).unref()
    this.#later(0)
    return ok(undefined)
  }

  async halt(rung: 'frozen' | 'killed'): Promise<Result<Proof, HaltFault>> {
    const step = rung === 'killed' ? 'kill' : 'freeze'
    const problem = this.#launch.faults[step]
    if (problem !== undefined) return no({ kind: 'failed', step, problem })
    if (rung === 'killed') this.#stop(KILLED, 'killed')
    else this.#frozen = true
    clearTimeout(this.#timer)
    const said = rung === 'killed' ? 'its script was dropped' : 'its script does not go on'
    return ok({ by: 'driver', said, atMs: Date.now() })
  }

  async thaw(): Promise<Result<void, HaltFault>> {
    const problem = this.#launch.faults.thaw
    if (problem !== undefined) return no({ kind: 'failed', step: 'thaw', problem })
    this.#frozen = false
    if (this.#state === 'runs') this.#later(0)
    return ok(undefined)
  }

  signal(number: number): boolean {
    if (this.#state !== 'runs') return false
    this.#stop(128 + number, 'ended')
    return true
  }

  async listenAgain(): Promise<Result<readonly Handle[], string>> {
    if (this.#state === 'ended') return no('it has ended')
    const listeners = listenersFor(this.#launch)
    if (listeners.ok) this.#listeners.push(...listeners.value)
    return listeners
  }

  async connections(): Promise<Result<number, string>> {
    const problem = this.#launch.faults.connections
    return problem === undefined ? ok(this.#listeners.filter(({ open }) => open).length) : no(problem)
  }

  async left(): Promise<readonly string[]> {
    return this.#state === 'ended' ? [] : [`script of ${this.id}`]
  }

  async evidence(): Promise<JsonObject> {
    const processes = this.#state === 'ended' ? [] : [{ command: this.#launch.spec.command.join(' ') }]
    return { processes, processesInAll: processes.length }
  }

  pump({ stdout }: Streams): Pump {
    const pass = () => {
      for (const text of this.#said.splice(0)) writeSync(stdout, text)
    }
    pass()
    this.#heard.add(pass)
    return { done: this.exited.then(pass), stop: () => undefined, resized: () => undefined }
  }

  /** Tells nothing: a script makes no system call. */
  sense(): void {}

  teardown(): Promise<TeardownReceipt> {
    this.#torn ??= this.#tearDown()
    return this.#torn
  }

  /** Drops the script, as the end of its warden does. */
  drop(): void {
    this.#stop(KILLED, 'killed')
  }

  isFrozen(): boolean {
    return this.#frozen
  }

  hasBegun(): boolean {
    return this.#begun
  }

  async #tearDown(): Promise<TeardownReceipt> {
    const { faults, onGone } = this.#launch
    if (faults.kill === undefined) this.drop()
    for (const listener of this.#listeners) listener.close()
    const ended = this.#state === 'ended'
    const why = faults.teardown ?? (ended ? undefined : 'its script goes on')
    if (why === undefined) onGone()
    const detail = why ?? 'none left'
    const closed = { gone: true, detail: `${this.#listeners.length} closed here` }
    const checks = [
      { what: 'processes', gone: why === undefined, detail } as const,
      { what: 'listener', ...closed } as const,
    ]
    return { cell: this.id, gone: why === undefined, checks, atMs: Date.now() }
  }

  #later(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#step(), ms)
  }

  #step(): void {
    if (this.#frozen || this.#state !== 'runs') return
    const next = this.#steps.next()
    const step = next.done ? { end: 0 } : next.value
    if ('end' in step) return this.#stop(step.end, 'ended')
    if ('say' in step) {
      this.#said.push(step.say)
      for (const pass of this.#heard) pass()
    }
    this.#later('forMs' in step ? step.forMs : 0)
  }

  #stop(code: number, why: Exit['why']): void {
    if (this.#state === 'ended') return
    clearTimeout(this.#timer)
    clearTimeout(this.#wall)
    const never = this.#state === 'built'
    this.#state = 'ended'
    const limits = why === 'wall-clock' ? ([{ limit: 'wall' }] as const) : []
    this.#end({ code, why: never ? 'never-started' : why, atMs: Date.now(), limits })
  }
}

/** Makes the listeners of a launch, on ports of this host's loopback that the kernel chooses. */
export function listenersFor({
  spec,
  faults,
}: Pick<MemoryLaunch, 'spec' | 'faults'>): Result<readonly Handle[], string> {
  if (faults.listen !== undefined) return no(faults.listen)
  const listeners: Handle[] = []
  for (const { transport } of socketsOf(spec)) {
    const listener = transport === 'tcp' ? listenLoopback(0, CONNECTIONS_MAX) : receiveLoopback(0)
    if (!listener.ok) {
      for (const each of listeners) each.close()
      return no(`no listener (${listener.reason.errno})`)
    }
    listeners.push(hold(listener.value))
  }
  return ok(listeners)
}

function receiptOf({ spec, profile }: MemoryLaunch): LaunchReceipt {
  const { id, command, variables, root, files, workspace, ports, anywhere, limits, accepts = [] } = spec
  return {
    cell: id,
    profile,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
    uidInside: CELL_USER.uid,
    command,
    variables: Object.keys(variables).toSorted(),
    root: root.kind === 'host-usr' ? '/usr' : root.path,
    files,
    ...(workspace && { workspace: { ...workspace, owner: 'nobody' } }),
    ports,
    ...(anywhere?.length && { anywhere }),
    limits,
    filter: 'none',
    enforcedBy: {},
    without: accepts,
  }
}

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { openChannel, openStreamPair, sendDescriptors } from '../../cells/descriptors.ts'
import { COMPILED } from '../../cells/kernel/compile-cache.ts'
import {
  HEARTBEAT_EVERY_MS,
  HEARTBEAT_SILENCE_MS_MAX,
  PULSE_BYTES,
  type Pulse,
  readPulse,
} from '../../gateway/link/pulse.ts'
import { type GatewaySetup, type WardenMessage, writeSetup } from '../../gateway/link/setup.ts'
import { programFile } from '../../model/host/program-file.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { type Code, reachableCode } from '../prepare/code.ts'
import type { State } from '../state/state.ts'

/** The two processes beside the warden: one environment's gateway, and the witness. */
export interface Services {
  /** Tells the gateway; the caller goes on owning the descriptors. */
  readonly tell: (message: WardenMessage, fds?: readonly number[]) => Result<void, string>
  /** Resolves when the gateway has said so of this cell; fails when it cannot, or is gone. */
  readonly said: (kind: Pulse['kind'], number: number, withinMs?: number) => Promise<Result<void, string>>
  /** Resolves with why when the gateway has died, fallen silent or broken its protocol: its cells must not run on. */
  readonly lost: Promise<string>
  /** The same word from the tick on in which it is lost. */
  readonly gone: () => string | undefined
  /**
   * Tells whether it said what no gateway of ours says: what it wrote is not believed either, and none goes on with its
   * cells.
   */
  readonly lied: () => boolean
  /**
   * Sets the one listener for what the gateway asks of the warden: `launch`, `freeze`, `kill`, `given-up`,
   * `credential`.
   */
  readonly onOrder: (listener: (order: Pulse) => void) => void
  readonly gatewayPid: number
  /** The gateway is believed no more: it is ended at once, and with it every listener that it had. */
  readonly distrust: (why: string) => void
  readonly stop: (why: string) => Promise<void>
}

const ORDERS: ReadonlySet<Pulse['kind']> = new Set([
  'launch',
  'freeze',
  'kill',
  'contain',
  'given-up',
  'checkpoint',
  'credential',
])

/** Words that a message with a number is followed by, of which `failed` says that they do not come. */
const ANSWERS = ['cell-ready', 'cell-closed', 'answered', 'ordered', 'undone'] as const satisfies Pulse['kind'][]

const START_MS_MAX = 60_000
const STOP_MS_MAX = 5_000
/** Words of a gateway that are kept before somebody waits for them: one word for each cell; one that floods fills no memory here. */
const UNASKED_MAX = 1_024

export async function startServices(state: State, setup: GatewaySetup): Promise<Result<Services, string>> {
  const uids = { witness: state.uidOf('witness'), gateway: state.uidOf(`gateway-${setup.environment}`) }
  const reachable = await reachableCode([uids.witness, uids.gateway])
  if (!reachable.ok) return no(`the code cannot be shown to the services: ${reachable.reason}`)
  const code = reachable.value
  const pair = openStreamPair()
  const channel = openChannel()
  if (!pair.ok || !channel.ok) {
    code.release()
    return no('no socket pair could be made')
  }
  const log = openSync(state.log(`gateway-${setup.environment}`), 'a', 0o600)
  const witness = spawnService(
    code,
    programFile('ledger/seal/witness-main'),
    ['--directory', '.', '--log', `${setup.environment}=3`],
    {
      directory: state.witness,
      uid: uids.witness,
      stdio: ['ignore', 'ignore', log, pair.value.far],
    },
  )
  const gateway = spawnService(code, programFile('gateway/main'), [], {
    directory: state.ledger(setup.environment),
    uid: uids.gateway,
    stdio: ['ignore', 'ignore', log, 'pipe', 'pipe', channel.value.far, pair.value.near],
  })
  for (const fd of [log, pair.value.far, pair.value.near, channel.value.far]) closeSync(fd)
  const lines = new Gateway(gateway, channel.value.near)
  // The setup holds the environment's secrets: it travels through a pipe, and stands in no argument and no file.
  const pipe = gateway.stdio[3] as Writable
  pipe.on('error', () => undefined)
  pipe.end(writeSetup(setup))
  const ready = await lines.said('ready', 0, START_MS_MAX)
  const ended = async () => {
    await end(gateway)
    await end(witness)
    code.release()
  }
  if (!ready.ok) {
    lines.close()
    await ended()
    return no(`${ready.reason}${lastLine(state.log(`gateway-${setup.environment}`))}`)
  }
  return ok({
    tell: (message, fds = []) => lines.tell(message, fds),
    said: (kind, number, withinMs = START_MS_MAX) => lines.said(kind, number, withinMs),
    lost: lines.lost,
    gone: () => lines.gone,
    lied: () => lines.lied,
    onOrder: (listener) => {
      lines.onOrder = listener
    },
    gatewayPid: gateway.pid ?? 0,
    distrust: (why) => lines.distrust(why),
    async stop(why) {
      lines.tell({ kind: 'stop', why }, [])
      lines.close()
      // The gateway ends with its channel, and the witness with the gateway.
      await ended()
    },
  })
}

/** The words that the warden hears of one gateway, eight bytes at a time. */
export class Gateway {
  readonly lost: Promise<string>
  onOrder: (order: Pulse) => void = () => undefined
  gone: string | undefined
  lied = false
  readonly #channel: number
  readonly #said = new Set<string>()
  readonly #waiting = new Map<string, (result: Result<void, string>) => void>()
  #rest = Buffer.alloc(0)
  #lose: (why: string) => void = () => undefined
  #open = true
  #silence: NodeJS.Timeout | undefined
  /** Turns of the warden's own clock without a word. */
  #missed = 0
  readonly #process: ChildProcess

  constructor(process: ChildProcess, channel: number) {
    this.#process = process
    this.#channel = channel
    this.lost = new Promise((resolve) => {
      this.#lose = resolve
    })
    const pulses = process.stdio[4] as Readable
    pulses.on('data', (chunk: Buffer) => this.#hear(chunk))
    pulses.on('error', () => this.#gave('its pulses broke off'))
    process.once('error', (error) => this.#gave(error.message))
    process.once('exit', (code, signal) => this.#gave(`the gateway ended (${signal ?? code})`))
  }

  tell(message: WardenMessage, fds: readonly number[]): Result<void, string> {
    if (!this.#open) return no('the channel is closed')
    const sent = sendDescriptors(this.#channel, Buffer.from(JSON.stringify(message)), fds)
    return sent.ok ? ok(undefined) : no(`the gateway cannot be told: ${sent.reason.kind}`)
  }

  said(kind: Pulse['kind'], number: number, withinMs: number): Promise<Result<void, string>> {
    const key = `${kind} ${number}`
    if (this.#said.delete(key)) return Promise.resolve(ok(undefined))
    if (this.gone !== undefined) return Promise.resolve(no(this.gone))
    return new Promise((resolve) => {
      const settle = (result: Result<void, string>) => {
        clearTimeout(timer)
        this.#waiting.delete(key)
        resolve(result)
      }
      const timer = setTimeout(() => settle(no(`the gateway did not say "${kind}" within ${withinMs} ms`)), withinMs)
      this.#waiting.set(key, settle)
    })
  }

  distrust(why: string): void {
    this.#gave(why)
  }

  close(): void {
    clearInterval(this.#silence)
    if (this.#open) closeSync(this.#channel)
    this.#open = false
  }

  #hear(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    for (; this.#rest.length >= PULSE_BYTES; this.#rest = this.#rest.subarray(PULSE_BYTES)) {
      const pulse = readPulse(this.#rest.subarray(0, PULSE_BYTES))
      if (pulse === undefined) return this.#lie('it said what is not a pulse')
      this.#alive()
      if (pulse.kind === 'heartbeat') continue
      if (ORDERS.has(pulse.kind)) {
        this.onOrder(pulse)
        continue
      }
      const key = `${pulse.kind} ${pulse.number}`
      const waiting = this.#waiting.get(key)
      if (waiting !== undefined) waiting(ok(undefined))
      else if (pulse.kind === 'failed')
        for (const waitedFor of ANSWERS)
          this.#waiting.get(`${waitedFor} ${pulse.number}`)?.(no('the gateway could not follow: its log says why'))
      else if (this.#said.size < UNASKED_MAX) this.#said.add(key)
      else return this.#lie(`it said ${UNASKED_MAX} things that nobody asked`)
    }
  }

  /**
   * Silence is counted in turns of our own: after a time in which the warden itself stood still (stopped from a terminal,
   * a suspended host), what the gateway said meanwhile is read before it is called silent.
   */
  #alive(): void {
    this.#missed = 0
    if (this.#silence !== undefined || !this.#open) return
    this.#silence = setInterval(() => {
      if (++this.#missed > HEARTBEAT_SILENCE_MS_MAX / HEARTBEAT_EVERY_MS)
        this.#gave(`no heartbeat for ${HEARTBEAT_SILENCE_MS_MAX} ms`)
    }, HEARTBEAT_EVERY_MS)
    this.#silence.unref()
  }

  #lie(why: string): void {
    if (this.gone === undefined) this.lied = true
    this.#gave(why)
  }

  /**
   * Gives the gateway up: it holds secrets and connections, and is trusted no more; it does not outlive this, unless it is
   * being stopped.
   */
  #gave(why: string): void {
    if (this.gone !== undefined) return
    this.gone = why
    clearInterval(this.#silence)
    if (this.#open) this.#process.kill('SIGKILL')
    for (const settle of [...this.#waiting.values()]) settle(no(why))
    this.#lose(why)
  }
}

/** Options of a service: nothing that it is told later can make it open a debugger. */
const NODE_OPTIONS = ['--disable-sigusr1']

interface ServiceOptions {
  /** Directory of the service's own, in which it starts: the way to it may lead through directories that its uid may not pass. */
  readonly directory: string
  readonly uid: number | undefined
  readonly stdio: (number | 'ignore' | 'pipe')[]
}

/** In a session of its own: a key pressed in the person's terminal is not for it. Nothing of the environment reaches it. */
function spawnService(
  code: Code,
  main: string,
  args: readonly string[],
  { directory, uid, stdio }: ServiceOptions,
): ChildProcess {
  const { node, at } = code.as(uid)
  const child = spawn(node, [...NODE_OPTIONS, at(main), ...args, ...(uid === undefined ? [] : ['--uid', `${uid}`])], {
    cwd: directory,
    env: COMPILED,
    detached: true,
    stdio,
  })
  child.on('error', () => undefined)
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await Promise.race([ended, delay(STOP_MS_MAX, undefined, { ref: false })])
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL')
    await ended
  }
}

/** Returns what a service said last of what went wrong, and where the rest of it is. */
function lastLine(path: string): string {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n')
  const last = lines.findLast((line) => /^(?:gateway|witness): |Error\b/.test(line))
  return last === undefined ? '' : ` — ${last.trim()} (more in ${path})`
}

/**
 * A gateway and its witness in this process, for tests of what a gateway does and not of what happens to a process: the
 * code, the ledger on disk, the messages with their descriptors and the witness are those of the services; what is not
 * is their end, their uid and their memory.
 */
import { closeSync, lchownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { type Duplex, duplexPair } from 'node:stream'
import { openChannel, receiveDescriptors, sendDescriptors } from '../../src/cells/descriptors.ts'
import { EnvironmentGateway } from '../../src/gateway/environment.ts'
import { type Pulse, pulseBytes, readPulse } from '../../src/gateway/link/pulse.ts'
import { type GatewaySetup, readSetup, type WardenMessage, writeSetup } from '../../src/gateway/link/setup.ts'
import type { Services } from '../../src/host/services/services.ts'
import type { State } from '../../src/host/state/state.ts'
import { writableLog } from '../../src/ledger/files/writable-log.ts'
import { realDisk } from '../../src/ledger/log/disk.ts'
import { originOf } from '../../src/ledger/log/ledger.ts'
import { openSealStore } from '../../src/ledger/seal/seal-store.ts'
import { serveWriter } from '../../src/ledger/seal/witness.ts'
import { openWitnessKey } from '../../src/ledger/seal/witness-key.ts'
import { no, ok, type Result } from '../../src/model/index.ts'

/** What a warden has of a gateway that is no process of its own. */
export type ServicesHere = Pick<Services, 'tell' | 'said' | 'onOrder' | 'stop'>

/** Answers that a gateway gives, or `failed` in their place. */
const ANSWERS = ['cell-ready', 'answered', 'undone'] as const
const ORDERS: ReadonlySet<Pulse['kind']> = new Set([
  'launch',
  'freeze',
  'kill',
  'contain',
  'given-up',
  'checkpoint',
  'credential',
])
const SAID_MS_MAX = 60_000

/** Starts both; fails as a gateway fails that does not become ready. */
export async function startServicesHere(state: State, setup: GatewaySetup): Promise<Result<ServicesHere, string>> {
  const { environment } = setup
  const directory = state.ledger(environment)
  const [near, far] = duplexPair()
  const witness = await startWitness(state.witness, environment, far)
  const words = new Words()
  const log = writableLog(directory, environment)
  const opened = await EnvironmentGateway.open(readSetup(writeSetup(setup)), log, near, (pulse) => words.hear(pulse))
  if (!opened.ok) {
    near.end()
    await witness.ended
    return opened
  }
  const channel = openChannel()
  if (!channel.ok) return no('no socket pair could be made')
  const gateway = opened.value
  let stopping = false
  const ended = new Promise<void>((resolve) => {
    receiveDescriptors(
      channel.value.far,
      ({ message, fds }) => void gateway.take(JSON.parse(new TextDecoder().decode(message)), fds),
      () => void gateway.stop('the warden is gone').then(resolve),
    )
  })
  return ok({
    tell: (message: WardenMessage, fds = []) => {
      if (stopping) return no('the channel is closed')
      const sent = sendDescriptors(channel.value.near, Buffer.from(JSON.stringify(message)), fds)
      return sent.ok ? ok(undefined) : no(`the gateway cannot be told: ${sent.reason.kind}`)
    },
    said: (kind, number, withinMs = SAID_MS_MAX) => words.said(kind, number, withinMs),
    onOrder: (listener) => {
      words.onOrder = listener
    },
    stop: async (why) => {
      stopping = true
      await gateway.stop(why)
      closeSync(channel.value.near)
      await ended
      near.end()
      await witness.ended
      // A process of its own goes on with it, under its own uid.
      for (const [place, service] of [
        [directory, `gateway-${environment}`],
        [state.witness, 'witness'],
      ] as const)
        giveTo(place, state.uidOf(service))
    },
  })
}

/** Serves one log until its writer's stream ends: `ended` resolves then. */
async function startWitness(
  directory: string,
  name: string,
  stream: Duplex,
): Promise<{ readonly ended: Promise<void> }> {
  const opened = await openWitnessKey(directory)
  if (!opened.ok) throw new Error(opened.reason)
  await realDisk.makeDirectory(join(directory, name), 0o755)
  const store = await openSealStore(realDisk, join(directory, name), opened.value.key)
  if (!store.ok) throw new Error(JSON.stringify(store.reason))
  const say = (message: string) => void process.stderr.write(`witness: ${message}\n`)
  const options = { origin: originOf(name), ...opened.value, store: store.value, nowMs: Date.now, say }
  const ended = serveWriter(stream, options).then(() => store.value.close())
  return { ended }
}

/** What a gateway has said, until somebody asks. */
class Words {
  onOrder: (order: Pulse) => void = () => undefined
  readonly #said = new Set<string>()
  readonly #waiting = new Map<string, (result: Result<void, string>) => void>()

  /** Takes a word in a later turn, as one that came through a pipe. */
  hear(said: Pulse): void {
    const pulse = readPulse(pulseBytes(said))
    if (pulse !== undefined) setImmediate(() => this.#take(pulse))
  }

  said(kind: Pulse['kind'], number: number, withinMs: number): Promise<Result<void, string>> {
    const key = `${kind} ${number}`
    if (this.#said.delete(key)) return Promise.resolve(ok(undefined))
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

  #take(pulse: Pulse): void {
    if (ORDERS.has(pulse.kind)) return this.onOrder(pulse)
    const waiting = this.#waiting.get(`${pulse.kind} ${pulse.number}`)
    if (waiting !== undefined) waiting(ok(undefined))
    else if (pulse.kind === 'failed')
      for (const answer of ANSWERS)
        this.#waiting.get(`${answer} ${pulse.number}`)?.(no('the gateway could not follow: its log says why'))
    else this.#said.add(`${pulse.kind} ${pulse.number}`)
  }
}

function giveTo(directory: string, uid: number | undefined): void {
  if (uid === undefined) return
  for (const entry of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
    lchownSync(join(directory, entry), uid, uid)
}

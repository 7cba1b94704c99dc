import { setTimeout as delay } from 'node:timers/promises'
import type { GatewaySetup } from '../../gateway/link/setup.ts'
import { lowest, no, ok, type Result } from '../../model/index.ts'
import type { FilesDesk } from '../files/files-desk.ts'
import type { SecretDesk } from '../prepare/secret-desk.ts'
import type { Servers } from '../services/servers.ts'
import { type Services, startServices } from '../services/services.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { GatewayRequests } from './gateway-requests.ts'
import { type CellMessage, cellMessage, handOver, stdioUpstreamsOf } from './handing-over.ts'
import type { HostedCell } from './hosted-cell.ts'
import type { Orders } from './orders.ts'

export interface GatewayKeeperOptions {
  readonly ground: EnvironmentGround
  /** Returns the setup of a gateway that would start now. */
  readonly setup: () => GatewaySetup
  readonly orders: Orders
  readonly requests: GatewayRequests
  readonly files: FilesDesk
  readonly secrets: SecretDesk
  readonly servers: Servers
}

interface Halted {
  readonly number: number
  readonly hosted: HostedCell
  /** True when it stands still. */
  readonly ok: boolean
}

/**
 * The keeper of one environment's gateway: hears what it asks, and puts another in its place when it is lost. A gateway
 * that is gone or silent guards nothing: its cells stand still at once. Those that nothing speaks against go on when
 * another gateway serves them; the others end when it is known what they were. They are not fenced: that a process of ours
 * has ended says nothing yet of the agent.
 */
export class GatewayKeeper {
  readonly #options: GatewayKeeperOptions
  /** One gateway is replaced after the other. */
  #replacing: Promise<void> = Promise.resolve()
  /** Gateways that are being replaced. */
  #lost = 0
  readonly #replacedAtMs: number[] = []
  #closing = false

  constructor(options: GatewayKeeperOptions) {
    this.#options = options
    this.#attend(options.ground.gateway.services)
  }

  /** Stops replacing: the environment is being closed. */
  beginClose(): void {
    this.#closing = true
  }

  isReplacing(): boolean {
    return this.#lost > 0
  }

  /** Resolves when no gateway is being replaced. */
  replaced(): Promise<void> {
    return this.#replacing
  }

  #attend(services: Services): void {
    services.onOrder((asked) => void this.#options.requests.follow(asked, services).catch(() => undefined))
    void services.lost.then((why) => this.#halt(services, why))
  }

  #halt(services: Services, lost: string): void {
    const frozen = this.#options.ground.cells
      .all()
      .map(async ([number, hosted]) => ({ number, hosted, ...(await hosted.cell.halt('frozen')) }))
    // They stand until the close ends them.
    if (this.#closing) return
    this.#lost++
    this.#replacing = this.#replacing
      .then(async () => this.#replace(services, lost, await Promise.all(frozen)))
      .catch(() => undefined)
      .then(() => this.#endUnserved(services, lost))
      .finally(() => this.#lost--)
  }

  async #replace(services: Services, lost: string, halted: readonly Halted[]): Promise<void> {
    if (this.#closing) return
    const { ground, files, orders, requests } = this.#options
    const may = ground.gateway.services === services && !services.lied() && this.#mayReplaceNow()
    const goOn = may ? halted.filter(({ number, hosted, ok: stands }) => stands && this.#mayGoOn(number, hosted)) : []
    const ending = halted.filter((each) => !goOn.includes(each)).map(({ number }) => number)
    const ended = orders.endUnserved(ending, lost)
    if (goOn.length > 0) {
      this.#replacedAtMs.push(performance.now())
      const next = await this.#startAgain(services, lost)
      if (next !== undefined) {
        ground.gateway.replaceBy(next)
        requests.beginAnew()
        this.#attend(next)
        void files.tellUntold()
        await Promise.all(goOn.map(({ number, hosted }) => this.#takeOver(number, hosted, next, lost)))
      }
    }
    await ended
  }

  /** Tells whether another gateway may be put in place: one that can be ended again and again is no wall. */
  #mayReplaceNow(): boolean {
    const since = performance.now() - REPLACED_WITHIN_MS
    return this.#replacedAtMs.filter((atMs) => atMs > since).length < REPLACED_MAX
  }

  /**
   * Tells whether a cell may go on with another gateway. What was delegated cannot: the ledger keeps what a person reads
   * of it, and not every limit. Nor can one whose agent was declared no more: another gateway would not know.
   */
  #mayGoOn(number: number, hosted: HostedCell): boolean {
    const { cells } = this.#options.ground
    if (hosted.parent !== undefined || hosted.undeclared) return false
    return cells.get(number) === hosted && !this.#options.orders.isOrdered(number)
  }

  /** Starts a gateway once nothing of the lost one is left: the ledger has one writer, and the kernel sees to that. */
  async #startAgain(lost: Services, why: string): Promise<Services | undefined> {
    const { ground, secrets } = this.#options
    const over = lost.stop(why).then(() => true)
    if (!(await Promise.race([over, delay(STOP_MS_MAX, false, { ref: false })]))) return undefined
    const read = { secrets: [...secrets.values], pastSecrets: secrets.past }
    const setup = this.#options.setup()
    const started = await startServices(ground.state, { ...setup, ...read, replaces: why })
    if (!started.ok) return undefined
    // Another configuration was applied meanwhile, which this one has not heard of.
    const isCurrent = this.#options.setup() === setup
    if (isCurrent && !this.#closing && ground.warden.recordGateway(started.value.gatewayPid).ok) return started.value
    await started.value.stop('it is over')
    return isCurrent ? undefined : this.#startAgain(started.value, why)
  }

  /** Hands a cell to another gateway, and thaws it when that has said that it serves it, and nobody has ordered otherwise. */
  async #takeOver(number: number, hosted: HostedCell, services: Services, why: string): Promise<void> {
    const { ground, servers } = this.#options
    const { cell, agent } = hosted
    await Promise.all([...hosted.kept.map((server) => server.end()), servers.endShared()])
    if (!this.#mayGoOn(number, hosted)) return
    hosted.kept = servers.forCell(stdioUpstreamsOf(ground.config, agent), number, hosted.workspace)
    const listeners = await cell.listenAgain()
    if (!listeners.ok) return
    const message = () => this.#messageAgain(number, hosted, why)
    const given = await handOver(services, listeners.value, hosted.kept, message)
    for (const listener of listeners.value) listener.close()
    if (!given.ok || !(await this.#tellSensedAgain(hosted, services))) return
    if (!this.#mayGoOn(number, hosted) || services.gone() !== undefined || this.#closing) return
    hosted.services = services
    hosted.rung = lowest(hosted.rung, 'watched')
    const thawed = await cell.thaw()
    if (thawed.ok) hosted.onTakenOver?.(why)
    else if (this.#mayGoOn(number, hosted) && services.gone() === undefined) await cell.halt('killed')
  }

  #messageAgain(number: number, hosted: HostedCell, why: string): Result<CellMessage, string> {
    const { ground, orders } = this.#options
    const { cell, agent, sinceMs, issuer } = hosted
    // An order that came since then was told to a gateway that did not know the cell.
    if (!this.#mayGoOn(number, hosted)) return no(`${cell.id} was ordered to stop`)
    const message = cellMessage(ground, { number, cell, agent, issuer })
    if (!message.ok) return message
    const rung = orders.rungAgain(number, hosted)
    const task = hosted.task && { task: hosted.task }
    return rung.ok ? ok({ ...message.value, ...task, rung: rung.value, again: { sinceMs, why } }) : rung
  }

  /**
   * Tells again what was seen last in a cell, which may not have reached the ledger; true when the gateway has followed
   * it.
   */
  async #tellSensedAgain({ sensed }: HostedCell, services: Services): Promise<boolean> {
    for (const { message } of sensed) {
      const detail = { ...message.detail, toldAgain: true }
      if (!services.tell({ ...message, detail }).ok) return false
    }
    return (await this.#options.ground.gateway.order([], 'watched', 'nothing', services)).ok
  }

  /** Ends what no gateway serves, whatever has become of the replacement. */
  async #endUnserved(services: Services, lost: string): Promise<void> {
    if (this.#closing) return
    const { ground, orders } = this.#options
    const unserved = ground.cells.all().filter(([, hosted]) => hosted.services === services)
    await orders.endUnserved(
      unserved.map(([number]) => number),
      lost,
    )
  }
}

/** Gateways that are replaced, and within which time; of one environment that is open. */
const REPLACED_MAX = 3
const REPLACED_WITHIN_MS = 600_000
/** Milliseconds for what is left of a lost gateway and its witness; they are killed before it is over. */
const STOP_MS_MAX = 12_000

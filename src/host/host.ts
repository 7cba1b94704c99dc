import { setTimeout as delay } from 'node:timers/promises'
import type { Driver, Warden, WardenFault } from '../cells/driver.ts'
import type { ConfigurationApplied, EnvironmentName } from '../model/index.ts'
import { no, type Result } from '../model/index.ts'
import { driverFor, type Registered } from './drivers.ts'
import { type EnvironmentRun, openEnvironment } from './environment/environment-run.ts'
import type { Judged } from './prepare/setup.ts'
import { orderedText } from './services/starting.ts'
import { STOP_MS_MAX } from './stop/bounds.ts'
import type { Unwritten } from './stop/fence-again.ts'

/** Milliseconds that the end of a host waits for a change of its configuration that is under way. */
const CHANGE_MS_MAX = 15_000

export interface HostOptions {
  readonly judged: Judged
  readonly stateDirectory: string
  /** The state whose orders to all count, where that is another: what is tried in a state of its own heeds the real one. */
  readonly heeds?: string
  /** Hears that a cell starts, of an agent or a stdio upstream, and what of it was not looked through for secrets. */
  readonly onUnsearched?: (name: string, what: string) => void
  /** The drivers that there are; default: those of this build. */
  readonly drivers?: readonly Registered[]
}

/** The means by which a host's configuration is changed, while nothing opens by itself. */
export interface HostChange {
  /** The environments that are open. */
  readonly open: ReadonlyMap<EnvironmentName, EnvironmentRun>
  /** Opens another one, by the configuration that is in force. */
  openAlso(name: EnvironmentName): Promise<Result<EnvironmentRun, string>>
  adopt(judged: Judged): void
  /** Has an entry recorded when that environment opens next, before anything starts there. */
  owe(name: EnvironmentName, entry: ConfigurationApplied): void
  /** Ends an environment with its cells; `record` is done before its gateway ends. */
  close(name: EnvironmentName, record: (run: EnvironmentRun) => Promise<void>): Promise<void>
}

/**
 * The process with power: holds the cells of any number of agents and environments of one configuration.
 *
 * - HO1  Environments whose cells have the same driver share its warden; each has a gateway, a witness and a door of its
 *        own, and what comes through one changes nothing in another (S6, S14).
 * - HO2  An environment opens when something of it is asked for first, and closes with the host. One whose gateway is
 *        lost for good opens anew.
 * - HO3  No cell of it is left when `close` has resolved, and none is launched from when that was called.
 * - HO4  One configuration is in force: `adopt` puts another in its place, and no environment opens while that is done.
 */
export class Host {
  readonly #options: HostOptions
  /** Wardens by the names of their drivers. */
  readonly #wardens = new Map<string, Promise<Result<Warden, WardenFault>>>()
  readonly #environments = new Map<EnvironmentName, Promise<Result<EnvironmentRun, string>>>()
  /** Orders that no fence had when their environment was closed before the host: it does not open again. */
  readonly #unwritten = new Map<EnvironmentName, readonly Unwritten[]>()
  /** Entries that ledgers do not have yet, since their environment could not be opened. */
  readonly #owed = new Map<EnvironmentName, readonly ConfigurationApplied[]>()
  /** The ends under way of environments that close before the host. */
  readonly #ending = new Set<Promise<void>>()
  #closing = false
  #closed: Promise<readonly Unwritten[]> | undefined
  #judged: Judged
  /** Resolves when no change of the configuration is under way. */
  #changed: Promise<unknown> = Promise.resolve()

  constructor(options: HostOptions) {
    this.#options = options
    this.#judged = options.judged
  }

  get stateDirectory(): string {
    return this.#options.stateDirectory
  }

  /** The configuration that is in force. */
  get judged(): Judged {
    return this.#judged
  }

  /** Does what changes the configuration, one such thing after the other, while no environment opens by itself. */
  changing<T>(act: (change: HostChange) => Promise<T>): Promise<T> {
    const done = this.#changed.then(async () => act(await this.#change()))
    this.#changed = done.catch(() => undefined)
    return done
  }

  async #change(): Promise<HostChange> {
    const all = await Promise.all(
      [...this.#environments].map(async ([name, opening]) => [name, await opening] as const),
    )
    return {
      open: new Map(all.flatMap(([name, opened]) => (opened.ok ? [[name, opened.value] as const] : []))),
      openAlso: (name) => this.#opening(name),
      adopt: (judged) => {
        this.#judged = judged
      },
      owe: (name, entry) => void this.#owed.set(name, [...(this.#owed.get(name) ?? []), entry]),
      close: (name, record) => this.#closeOne(name, record),
    }
  }

  /** Returns an environment that is open, or opens it; an error in words where it cannot be. */
  environment(name: EnvironmentName): Promise<Result<EnvironmentRun, string>> {
    return this.#changed.then(() => this.#opening(name))
  }

  #opening(name: EnvironmentName): Promise<Result<EnvironmentRun, string>> {
    if (this.#closing) return Promise.resolve(no('the host is being closed'))
    const opening = this.#openAgain(name, this.#environments.get(name))
    this.#environments.set(name, opening)
    const forget = () => {
      if (this.#environments.get(name) === opening) this.#environments.delete(name)
    }
    opening.then((opened) => opened.ok || forget(), forget)
    return opening
  }

  /** Returns an environment that is open still; closes one whose gateway is lost for good, and opens it anew. */
  async #openAgain(
    name: EnvironmentName,
    before: Promise<Result<EnvironmentRun, string>> | undefined,
  ): Promise<Result<EnvironmentRun, string>> {
    const known = await before
    if (known?.ok && !known.value.isOver()) return known
    if (known?.ok) await this.#end(name, known.value, 'its gateway was lost')
    const [standing] = this.#unwritten.get(name) ?? []
    return standing === undefined ? this.#open(name) : no(`${orderedText(standing.order)}, and no fence has it`)
  }

  /** Closes an environment with all its cells; `record` is done when they are gone. It opens anew when it is asked for. */
  async #closeOne(name: EnvironmentName, record: (run: EnvironmentRun) => Promise<void>): Promise<void> {
    const known = await this.#environments.get(name)
    if (known?.ok !== true) return
    this.#environments.delete(name)
    const ended = this.#end(name, known.value, 'another configuration was applied', () => record(known.value))
    this.#ending.add(ended)
    await ended.finally(() => this.#ending.delete(ended))
  }

  async #end(
    name: EnvironmentName,
    run: EnvironmentRun,
    why: string,
    whenEnded: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await run.beginClose()
    await run.endCells()
    await whenEnded()
    const unwritten = await run.endClose(why)
    if (unwritten.length > 0) this.#unwritten.set(name, unwritten)
  }

  async #open(environment: EnvironmentName): Promise<Result<EnvironmentRun, string>> {
    const { stateDirectory, heeds = stateDirectory, onUnsearched = () => undefined, drivers } = this.#options
    const judged = this.#judged
    const driver = await driverFor(judged.config, environment, drivers)
    if (!driver.ok) return driver
    const warden = () => this.#wardenOf(driver.value)
    const opened = await openEnvironment({ judged, environment, stateDirectory, warden, heeds, onUnsearched })
    if (opened.ok) await this.#recordOwed(environment, opened.value)
    return opened
  }

  async #recordOwed(environment: EnvironmentName, run: EnvironmentRun): Promise<void> {
    const owed = this.#owed.get(environment) ?? []
    const recorded = await Promise.all(owed.map((entry) => run.record(entry)))
    if (recorded.every((is) => is)) this.#owed.delete(environment)
  }

  #wardenOf(driver: Driver): Promise<Result<Warden, WardenFault>> {
    const opened = this.#wardens.get(driver.name) ?? driver.open({ profile: this.#judged.config.profile })
    this.#wardens.set(driver.name, opened)
    return opened
  }

  /**
   * Closes every environment and ends all cells; returns the orders that no fence has at the end. Calling it again waits
   * for the same end.
   */
  close(why: string): Promise<readonly Unwritten[]> {
    this.#closed ??= this.#close(why)
    return this.#closed
  }

  async #close(why: string): Promise<readonly Unwritten[]> {
    this.#closing = true
    await Promise.race([this.#changed, delay(CHANGE_MS_MAX, undefined, { ref: false })])
    const all = await Promise.allSettled(this.#environments.values())
    const open = all.flatMap((each) => (each.status === 'fulfilled' && each.value.ok ? [each.value.value] : []))
    await Promise.all(open.map((each) => each.beginClose()))
    // The warden ends what a gateway has not closed by then, and what no environment has.
    const ended = Promise.allSettled(open.map((each) => each.endCells()))
    await Promise.race([ended, delay(STOP_MS_MAX, undefined, { ref: false })])
    const wardens = await Promise.all(this.#wardens.values())
    await Promise.all(wardens.map((warden) => warden.ok && warden.value.close()))
    const last = await Promise.all(open.map((each) => each.endClose(why)))
    // One that a change was closing has its own last word.
    await Promise.allSettled(this.#ending)
    return [...this.#unwritten.values(), ...last].flat()
  }
}

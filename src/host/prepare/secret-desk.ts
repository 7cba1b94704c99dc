import type { Config } from '../../config/config.ts'
import { secretsOf } from '../../config/secret-names.ts'
import { openSecrets } from '../../gateway/content/secrets.ts'
import type { WardenMessage } from '../../gateway/link/setup.ts'
import type { EnvironmentName, Result } from '../../model/index.ts'
import { readAgain } from './secrets.ts'

/**
 * Milliseconds between two readings of one secret because an upstream refused it: twice as long each time that nothing
 * new was read, so that an upstream which refuses everything costs little.
 */
const REFUSED_EVERY_MS_MIN = 1_000
const REFUSED_EVERY_MS_MAX = 60_000

export interface SecretDeskOptions {
  readonly config: Config
  readonly environment: EnvironmentName
  /** Values of the secrets, as they were read at the start. */
  readonly values: Iterable<readonly [name: string, value: string]>
  /** Tells the gateway that serves now. */
  readonly tell: (message: Extract<WardenMessage, { kind: 'secrets' }>) => Result<void, string>
  readonly nowMs: () => number
}

/**
 * The secrets of one environment, while its cells run: the warden reads them, and its gateway hears each new value.
 *
 * - SD1  A secret is read again when its `every` has passed, and when an upstream that is sent it refuses it; for refusals
 *        not before `REFUSED_EVERY_MS_MIN` have passed, and ever later while nothing new is read.
 * - SD2  What cannot be read, or not be looked for, changes nothing: the value before stays.
 * - SD3  The gateway chooses none: it names an upstream by its place in the setup, and the configuration says the rest.
 * - SD4  No server is started with a value before its gateway has been told to look for it (S10).
 */
export class SecretDesk {
  readonly #options: SecretDeskOptions
  readonly #values: Map<string, string>
  readonly #past: (readonly [name: string, value: string])[] = []
  /** Time, epoch ms, from which a secret may be read again for a refusal, and the wait after that, in ms. */
  readonly #due = new Map<string, { readonly atMs: number; readonly waitMs: number }>()
  readonly #timers: NodeJS.Timeout[]

  constructor(options: SecretDeskOptions) {
    this.#options = options
    this.#values = new Map(options.values)
    this.#timers = [...options.config.secrets].flatMap(([name, source]) => {
      if (source.kind === 'env' || source.everyMs === undefined || !this.#values.has(name)) return []
      const timer = setInterval(() => void this.#read(name), source.everyMs)
      timer.unref()
      return [timer]
    })
  }

  /** Values of the secrets, as they are now. */
  get values(): ReadonlyMap<string, string> {
    return this.#values
  }

  /** Earlier values, oldest first, a bounded number of them. */
  get past(): readonly (readonly [name: string, value: string])[] {
    return this.#past
  }

  /**
   * Reads the secrets of an upstream that refused what it was sent, by its place among the environment's. The gateway
   * is always answered.
   */
  async refused(index: number): Promise<void> {
    const { config, environment, tell, nowMs } = this.#options
    const upstream = [...config.upstreams.values()].filter((each) => each.environment === environment)[index]
    if (upstream === undefined) return
    const due = secretsOf(upstream.server).filter((name) => nowMs() >= (this.#due.get(name)?.atMs ?? 0))
    await Promise.all(due.map((name) => this.#readRefused(name, nowMs())))
    tell({ kind: 'secrets', upstream: upstream.name, values: [] })
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  async #readRefused(name: string, nowMs: number): Promise<void> {
    const { waitMs } = this.#due.get(name) ?? { waitMs: REFUSED_EVERY_MS_MIN }
    // Before it is read: whoever asks meanwhile is not due.
    this.#due.set(name, { atMs: nowMs + waitMs, waitMs: Math.min(waitMs * 2, REFUSED_EVERY_MS_MAX) })
    if (await this.#read(name))
      this.#due.set(name, { atMs: nowMs + REFUSED_EVERY_MS_MIN, waitMs: REFUSED_EVERY_MS_MIN })
  }

  /** Reads a secret again; true where it has another value than before, and the gateway knows it. */
  async #read(name: string): Promise<boolean> {
    const { config, tell } = this.#options
    const source = config.secrets.get(name)
    if (source === undefined) return false
    const read = await readAgain(source, config.directory)
    const before = this.#values.get(name)
    if (!read.ok || read.value === before || !openSecrets(new Map([[name, read.value]])).ok) return false
    if (!tell({ kind: 'secrets', values: [[name, read.value]] }).ok) return false
    if (before !== undefined) this.#past.push([name, before])
    if (this.#past.length > PAST_MAX) this.#past.shift()
    this.#values.set(name, read.value)
    return true
  }
}

/** Values of all secrets before their present ones, which a gateway that takes another's place is told. */
const PAST_MAX = 256

import type { Cell } from '../../cells/driver.ts'
import type { TeardownReceipt } from '../../cells/spec.ts'
import { no, ok, type Result } from '../../model/index.ts'
import type { UpstreamCell } from './upstream-cell.ts'

export interface KeptServerOptions {
  /** Launches the server's cell, which has not run one instruction. */
  readonly launch: () => Promise<Result<UpstreamCell, string>>
  /** Gives the gateway its pipes, under this number. */
  readonly handOver: (server: UpstreamCell, number: number) => Result<void, string>
  /** Never used before. */
  readonly newNumber: () => number
  /** Hears why there is no server, and none comes soon. */
  readonly onDown: (why: string) => void
  /** For the owner. */
  readonly note: (text: string) => void
}

const OVER = 'the cell that it serves has ended, or was stopped'

/** Restarts right after an end; what follows waits longer each time. */
const RESTARTS_MAX = 5
const RESTART_AFTER_MS = 500
const BACK_OFF_MS_MIN = 60_000
const BACK_OFF_MS_MAX = 15 * 60_000
/** Milliseconds, as long as the longest back-off: whoever ends less often than that needs none. */
const LIVED_MS_MIN = BACK_OFF_MS_MAX
/** Between the end of its input and the end of its cell: a server that ends by itself has time to write what it keeps. */
const END_MS_MAX = 2_000

/**
 * A stdio server, kept running while the cell that it serves lives.
 *
 * - KS1  Another is started only when the cell of the one before is gone, as its teardown has checked.
 * - KS2  One that the gateway has given up, and that does not end of that within END_MS_MAX, is killed with its cell.
 * - KS3  After RESTARTS_MAX restarts each next one waits for a back-off that doubles, and the gateway is told.
 * - KS4  After `end` none runs, and none is started; one that was being launched is gone when it resolves.
 * - KS5  One that has run for LIVED_MS_MIN counts as the first: what ended before it makes nothing wait any more.
 * - KS6  From the tick of `hold` on none begins: one that is being launched is torn down before it has run.
 * - KS7  One that was frozen stands until `end`, also when the gateway has given it up: its files stay in use.
 * - KS8  One that has ended, and of which something may be left, is not forgotten: whoever stops it hears what is left.
 */
export class KeptServer {
  readonly #options: KeptServerOptions
  readonly #over = new AbortController()
  #running: { readonly number: number; readonly cell: Cell; readonly giveUp: () => void; begun?: true } | undefined
  #starting: Promise<Result<void, string>> | undefined
  #keeping: Promise<void> | undefined
  /** True once an order has frozen the server. */
  #frozen = false
  #held = false
  /** Since one of them has lived long, and with that one. */
  #starts = 0

  constructor(options: KeptServerOptions) {
    this.#options = options
  }

  /** The first of them; what fails here fails the launch that it is for. */
  start(): Promise<Result<void, string>> {
    const starting = this.#startOne()
    this.#starting = starting
    return starting
  }

  async #startOne(): Promise<Result<void, string>> {
    if (this.#isOver()) return no(OVER)
    this.#starts++
    const server = await this.#options.launch()
    if (!server.ok) return server
    const { cell } = server.value
    const number = this.#options.newNumber()
    const givenUp = new Promise<void>((resolve) => {
      this.#running = { number, cell, giveUp: resolve }
    })
    // Where the cell that it serves has ended or was stopped meanwhile, it does not begin: asked in the tick in which it would.
    const handed = this.#isOver() ? no(OVER) : this.#options.handOver(server.value, number)
    const begun = handed.ok ? cell.start() : handed
    if (!begun.ok) {
      if ((await cell.teardown()).gone) this.#running = undefined
      return begun
    }
    if (this.#running !== undefined) this.#running.begun = true
    this.#keeping = this.#keep(cell, givenUp)
    return ok(undefined)
  }

  #isOver(): boolean {
    return this.#held || this.#over.signal.aborted
  }

  /** Returns the cell in which it runs now. */
  get cell(): Cell | undefined {
    return this.#running?.cell
  }

  /** Keeps what runs going, as the last one: none is started after it. */
  hold(): void {
    this.#held = true
  }

  /**
   * Holds the server in this tick; resolves when, by the kernel's word, what there is of it stands still, or is gone.
   */
  async halt(how: 'freeze' | 'kill'): Promise<Result<string, string>> {
    this.hold()
    await this.#starting
    const cell = this.#running?.cell
    if (cell === undefined) return ok('none of it runs, and none is started')
    this.#frozen = how === 'freeze'
    const proven = await cell.halt(how === 'kill' ? 'killed' : 'frozen')
    return proven.ok ? ok(proven.value.said) : no(JSON.stringify(proven.reason))
  }

  /**
   * Ends the one that runs, with all that it was told; another is started for whoever it still serves. `onGone` is called
   * before that one is there.
   */
  async renew(onGone: () => void = () => undefined): Promise<Result<string, string>> {
    const running = this.#running
    if (!running?.begun) return ok('none of it runs: the next one has been told nothing')
    // It did not end by itself: that makes nobody wait.
    this.#starts--
    const killed = await running.cell.halt('killed')
    if (!killed.ok) return no(JSON.stringify(killed.reason))
    if (this.#running === undefined || this.#running === running) onGone()
    return ok(`${killed.value.said}; those that it still serves get another`)
  }

  /** The gateway speaks to it no more. A number that is not, or no longer, the running one's says nothing. */
  givenUp(number: number): void {
    if (this.#running?.number === number) this.#running.giveUp()
  }

  async end(): Promise<void> {
    this.#over.abort()
    await this.#running?.cell.teardown()
    // One that was being launched has been torn down, too.
    await this.#starting?.catch(() => undefined)
    await this.#keeping
  }

  async #keep(cell: Cell, givenUp: Promise<void>): Promise<void> {
    const lived = setTimeout(() => {
      this.#starts = 1
    }, LIVED_MS_MIN)
    lived.unref()
    await Promise.race([cell.exited, givenUp.then(() => this.#patience())])
    clearTimeout(lived)
    const receipt = await cell.teardown()
    if (this.#over.signal.aborted) return
    if (receipt.gone) this.#running = undefined
    if (this.#held) return
    if (!receipt.gone) return this.#down(`its server could not be ended: ${leftOf(receipt)}; it is not started again`)
    for (;;) {
      const waitMs = this.#waitMs()
      if (waitMs > RESTART_AFTER_MS) {
        const again = new Date(Date.now() + waitMs).toISOString().replace(/\.\d+Z$/, 'Z')
        this.#down(`its server has ended ${this.#starts} times: not started again before ${again}`)
      }
      await this.#pause(waitMs)
      if (this.#isOver()) return
      const started = await this.start()
      if (started.ok || this.#isOver()) return
      this.#options.note(`its server cannot be started again: ${started.reason}`)
    }
  }

  /** Resolves when a server that is spoken to no more has had its time; one that was frozen stands until it is ended. */
  async #patience(): Promise<void> {
    await this.#pause(END_MS_MAX)
    if (this.#frozen) await new Promise(() => undefined)
  }

  #waitMs(): number {
    const beyond = this.#starts - 1 - RESTARTS_MAX
    return beyond < 0 ? RESTART_AFTER_MS : Math.min(BACK_OFF_MS_MIN * 2 ** beyond, BACK_OFF_MS_MAX)
  }

  #down(why: string): void {
    this.#options.note(why)
    this.#options.onDown(why)
  }

  /** Shorter where it is over. */
  #pause(ms: number): Promise<void> {
    const { signal } = this.#over
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      timer.unref()
      signal.addEventListener('abort', done)
    })
  }
}

function leftOf({ checks }: TeardownReceipt): string {
  return checks.flatMap(({ gone, what, detail }) => (gone ? [] : [`${what} (${detail})`])).join(', ')
}

import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { ActionOutcome, Amounts } from '../../model/index.ts'
import type { Passage, Sent } from '../pipeline/line.ts'

/** Rules for the bytes of one connection. */
export interface PassOptions {
  /** Asked in the tick that writes a piece: a reason not to. */
  readonly lastCheck: () => string | undefined
  /** Ends the connection. */
  readonly signal: AbortSignal
  /** The most bytes that may pass, both ways; absent: as many as come. */
  readonly bytesMax?: number
  /** Milliseconds for which nothing may pass, either way; absent: as many as its sides like. */
  readonly silenceMsMax?: number
}

/** The end of a connection: what passed through it, or why nothing left. */
type Ended = Extract<Sent, { kind: 'not-sent' }> | Passage

/**
 * One connection to an origin while bytes pass through it: each piece is asked for and counted, and where it may not pass, the
 * connection is cut.
 */
export class Passing {
  /** Resolves when the connection has closed, with what passed; `not-sent` where none of its bytes left. */
  readonly ended: Promise<Ended>
  readonly #far: Socket
  readonly #options: PassOptions
  readonly #isRequest: boolean
  readonly #meter: Meter
  readonly #onEnd: (() => void)[] = []
  #began = false
  #answered = false
  /** The reason for which it was cut. */
  #cut: string | undefined
  /** The reason for which it broke. */
  #broke: string | undefined

  /** `isRequest`: it is broken until a whole answer has come. */
  constructor(far: Socket, options: PassOptions, isRequest = false) {
    this.#far = far
    this.#options = options
    this.#isRequest = isRequest
    this.#meter = new Meter(options.bytesMax)
    const { signal, silenceMsMax } = options
    if (silenceMsMax !== undefined)
      far.setTimeout(silenceMsMax, () => void this.cut(`nothing has passed for ${silenceMsMax / 1_000} seconds`))
    const end = () => this.cut('its cell is gone')
    signal.addEventListener('abort', end, { once: true })
    if (signal.aborted) end()
    far.once('error', (error) => {
      this.#broke = error.message
    })
    this.ended = new Promise((resolve) => {
      far.once('close', () => {
        signal.removeEventListener('abort', end)
        for (const each of this.#onEnd) each()
        resolve(this.#ending())
      })
    })
  }

  /** Cuts the connection; returns false. */
  cut(why: string): false {
    this.#cut ??= why
    this.#far.destroy()
    return false
  }

  get hasBegun(): boolean {
    return this.#began
  }

  get wasCut(): boolean {
    return this.#cut !== undefined
  }

  /** True where all that came has come to its end, and nothing cut it: what is left of it is still written out. */
  get isWhole(): boolean {
    return this.#cut === undefined && this.#far.readableEnded
  }

  /** Hears of the end, before `ended` resolves. */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener)
  }

  /** Begins, where its first bytes may leave in this tick; else it is cut. */
  begin(bytes: number): boolean {
    if (this.#far.destroyed || !this.leaves(bytes)) return false
    this.#began = true
    return true
  }

  /** Tells whether a piece may leave in this tick, and counts it; else the connection is cut. */
  leaves(bytes: number): boolean {
    return this.#may() && (this.#meter.send(bytes) || this.cut(OVER))
  }

  /** Tells whether a piece that came back may pass on, and counts it; else the connection is cut. */
  comes(bytes: number): boolean {
    return this.#may() && (this.#meter.receive(bytes) || this.cut(OVER))
  }

  /** Marks a request as answered whole. */
  isAnswered(): void {
    this.#answered = true
  }

  /** Passes what comes back, piece by piece. */
  back(from: Readable, to: Writable): void {
    to.on('drain', () => void from.resume())
    from.on('data', (chunk: Buffer) => {
      if (to.destroyed || !this.comes(chunk.length)) from.destroy()
      else if (!to.write(chunk)) from.pause()
    })
    from.once('end', () => void to.end())
  }

  /** Passes what leaves, piece by piece, each of which may be the first of another request. */
  out(from: Readable, to: Writable): void {
    to.on('drain', () => void from.resume())
    from.on('data', (chunk: Buffer) => {
      if (to.destroyed || to.writableEnded) return
      if (!this.leaves(chunk.length)) {
        to.destroy()
        from.destroy()
      } else if (!to.write(chunk)) from.pause()
    })
    from.once('end', () => void to.end())
    from.once('error', () => to.destroy())
    from.resume()
  }

  #may(): boolean {
    const problem = this.#options.lastCheck()
    return problem === undefined || this.cut(problem)
  }

  #ending(): Ended {
    const unanswered = this.#isRequest && !this.#answered ? 'no whole answer came' : undefined
    const why = this.#cut ?? (this.#answered ? undefined : (this.#broke ?? unanswered))
    if (!this.#began) return { kind: 'not-sent', why: why ?? 'whoever asked for it has gone' }
    const { passed, counted } = this.#meter
    return { kind: 'passed', passed, counted, ...(why !== undefined && { why }) }
  }
}

const OVER = 'more would pass than was reserved of its budget of bytes'

/** The bytes that pass through one connection. */
export class Meter {
  readonly #max: number
  #sent = 0
  #received = 0

  constructor(bytesMax: number = Number.POSITIVE_INFINITY) {
    this.#max = bytesMax
  }

  get passed(): NonNullable<ActionOutcome['passed']> {
    return { sent: this.#sent, received: this.#received }
  }

  get counted(): Amounts {
    return { bytes: this.#sent + this.#received }
  }

  /** Counts a piece that leaves; false where it may not, since with it more would pass than was reserved. */
  send(bytes: number): boolean {
    if (!this.#fits(bytes)) return false
    this.#sent += bytes
    return true
  }

  /** Counts a piece that came back; false where it may not pass on. */
  receive(bytes: number): boolean {
    if (!this.#fits(bytes)) return false
    this.#received += bytes
    return true
  }

  #fits(bytes: number): boolean {
    return this.#sent + this.#received + bytes <= this.#max
  }
}

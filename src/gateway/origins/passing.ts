import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { ActionOutcome, Amounts } from '../../model/index.ts'
import type { Passage, Sent } from '../pipeline/line.ts'
import { NOTICED_EVERY_MS } from '../pipeline/parts.ts'

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
  /**
   * Tells whether the far side may notice now what whoever asked does beside sending what may leave: that it goes, what of it is
   * refused, how fast it reads. Absent: it may.
   */
  readonly isNoticed?: () => boolean
}

/** The end of a connection: what passed through it, or why nothing left. */
type Ended = Extract<Sent, { kind: 'not-sent' }> | Passage

/**
 * One connection to an origin while bytes pass through it: each piece is asked for and counted, and where it may not pass, the
 * connection is cut. Where the far side may not notice that (`isNoticed`), what comes is dropped from then on, until the far
 * side ends or is silent.
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
  /** True once whoever asked takes part no more. */
  #left = false
  /** Looks at what the far side may notice, while that decides over it. */
  #watch: NodeJS.Timeout | undefined

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
        clearInterval(this.#watch)
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

  /**
   * Goes on without whoever asked, who has gone, or may send or be shown no more: the connection ends with it, where that may be
   * noticed now and something could still be sent. `why`: the reason for which it is cut.
   */
  leave(why?: string): void {
    if (this.#left) return
    this.#left = true
    this.#cut ??= why
    if (this.#mayTell()) return void this.#far.destroy()
    const { isNoticed, silenceMsMax = SILENCE_MS_MAX } = this.#options
    clearInterval(this.#watch)
    this.#watch = setInterval(() => isNoticed?.() && this.#far.destroy(), silenceMsMax / LOOKS).unref()
    // Whoever waits to read it reads nothing any more.
    this.#far.removeAllListeners('readable')
    this.#far.on('data', (chunk: Buffer) => void (this.#meter.receive(chunk.length) || this.cut(OVER)))
    this.#far.resume()
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

  /** Begins, where its first bytes may leave in this tick; else it is cut. False also where nobody takes part any more. */
  begin(bytes: number): boolean {
    if (this.#far.destroyed || !this.leaves(bytes)) return false
    this.#began = true
    return !this.#left
  }

  /** Tells whether a piece may leave in this tick, and counts it; else the connection is cut. */
  leaves(bytes: number): boolean {
    return this.#may() && (this.#meter.send(bytes) || this.#refuse(OVER))
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
    to.on('drain', () => {
      if (this.#left) return
      clearInterval(this.#watch)
      from.resume()
    })
    from.on('data', (chunk: Buffer) => {
      if (this.#left) return
      if (!to.destroyed && this.comes(chunk.length)) {
        if (!to.write(chunk)) this.#waitFor(to, from)
      } else if (this.#left) to.destroy()
      else if (this.#options.isNoticed === undefined) from.destroy()
    })
    from.once('end', () => void to.end())
  }

  /** Passes what leaves, piece by piece, each of which may be the first of another request. */
  out(from: Readable, to: Writable): void {
    to.on('drain', () => void from.resume())
    from.on('data', (chunk: Buffer) => {
      if (this.#left || to.destroyed || to.writableEnded) return
      if (!this.leaves(chunk.length)) {
        if (!this.#left) to.destroy()
        from.destroy()
      } else if (!to.write(chunk)) from.pause()
    })
    from.once('end', () => (this.#mayTell() ? void to.end() : this.leave()))
    from.once('error', () => (this.#mayTell() ? void to.destroy() : this.leave('whoever asked broke off')))
    from.resume()
  }

  /** Has what comes wait until what came before was read, while the far side may notice that; then what is not read is lost. */
  #waitFor(to: Writable, from: Readable): void {
    const { isNoticed = () => true } = this.#options
    if (isNoticed()) {
      from.pause()
      clearInterval(this.#watch)
      this.#watch = setInterval(() => {
        if (isNoticed()) return
        clearInterval(this.#watch)
        from.resume()
      }, NOTICED_EVERY_MS).unref()
    } else if (to.writableLength > UNREAD_BYTES_MAX) {
      to.destroy()
      this.leave('it was not read, and the far side may not notice')
    }
  }

  /** Tells whether the far side may be told now that whoever asked has gone: a word, where one may still leave. */
  #mayTell(): boolean {
    const { isNoticed, lastCheck } = this.#options
    return isNoticed === undefined || (isNoticed() && lastCheck() === undefined)
  }

  #may(): boolean {
    const problem = this.#options.lastCheck()
    return problem === undefined || this.#refuse(problem)
  }

  /** Ends it for what may not pass; returns false. Before it has begun, it is no choice of whoever asked. */
  #refuse(why: string): false {
    if (this.#options.isNoticed === undefined || !this.#began) return this.cut(why)
    this.leave(why)
    return false
  }

  #ending(): Ended {
    const unanswered = this.#isRequest && !this.#answered ? 'no whole answer came' : undefined
    const why = this.#cut ?? (this.#answered ? undefined : (this.#broke ?? unanswered))
    if (!this.#began) return { kind: 'not-sent', why: why ?? 'whoever asked for it has gone' }
    const { passed, counted } = this.#meter
    return { kind: 'passed', passed, counted, ...(why !== undefined && { why }) }
  }
}

/** The words for what its budget has no room for. */
export const OVER = 'more would pass than was reserved of its budget of bytes'
/** Bytes that are held for whom the far side does not wait for. */
const UNREAD_BYTES_MAX = 1_048_576
/** Milliseconds for which nothing passes either way, after which a connection ends, where the configuration says nothing. */
export const SILENCE_MS_MAX = 600_000
/** Looks at what may be noticed by now, in the time for which nothing may pass. */
const LOOKS = 10

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

import { Buffer } from 'node:buffer'
import type { RawData, WebSocket } from 'ws'
import type { Secrets } from '../../content/secrets.ts'
import { StreamSearch } from '../../content/stream-search.ts'
import { LookPace } from '../../fairness/look-pace.ts'
import { Meter, OVER } from '../../origins/passing.ts'
import type { Passage, SendOptions } from '../../pipeline/line.ts'
import { NOTICED_EVERY_MS } from '../../pipeline/parts.ts'
import { SILENCE_MS_MAX } from './exchange.ts'

export interface WebSocketPassingOptions {
  readonly send: SendOptions
  readonly secrets: Secrets
  /** Waits for the turn of a piece of work of so many bytes; undefined where it may be done at once. */
  readonly turn: (bytes: number) => Promise<void> | undefined
}

/** One message, as it came. */
interface Message {
  readonly bytes: Buffer
  readonly isBinary: boolean
}

/**
 * Messages of two WebSockets on their way: of its cell's side (`near`), and of the origin's (`far`).
 *
 * - WP1  Each message is asked for in the tick that passes it on, either way, by the labels and grants of then, and counted.
 *        Where it may not pass, its cell's side ends.
 * - WP2  With its cell's side the origin's ends, where the origin may notice that (F1), and the cell may still say something:
 *        by a close with one code or none, whatever code its cell had chosen. Otherwise what comes is dropped, until the origin ends it
 *        or is silent.
 * - WP3  An origin waits for its cell to read only while it may notice that. A cell that does not read then has lost what
 *        comes, and its side ends.
 * - WP4  What comes is searched for secrets as one text. Messages that come one after the other are looked at together, so
 *        many in one turn of the loop: an origin that sends byte by byte takes little of the gateway's time.
 * - WP5  It ends: when nothing passes for so long, and after a day.
 */
export class WebSocketPassing {
  /** Resolves when both sides have ended. */
  readonly ended: Promise<Passage>
  readonly #near: WebSocket | undefined
  readonly #far: WebSocket
  readonly #options: WebSocketPassingOptions
  readonly #search: StreamSearch
  readonly #meter: Meter
  #why: string | undefined
  #leaked: string | undefined
  /** Set when the first of both sides has ended: what it was ended by. */
  #ending: Ending | undefined
  /** True once its cell's side takes part no more: what comes is dropped. */
  #isLeft = false
  /** True once the origin was told so. */
  #isTold = false
  /** The code by which the origin has ended it, until its cell is told. */
  #farCode: number | undefined
  /** Messages of the origin that have not been looked at. */
  readonly #gathered: Message[] = []
  #gatheredBytes = 0
  /** True while what was gathered is about to be looked at. */
  #isToLook = false
  #pace: NodeJS.Timeout | undefined
  readonly #looks = new LookPace()
  /** True while more was gathered than is held. */
  #isFull = false
  /** Looks at whether the origin may still notice that it waits for the cell; absent while it does not. */
  #watch: NodeJS.Timeout | undefined
  /** Messages that each side has not taken yet. */
  readonly #untaken = { near: 0, far: 0 }
  /** Looks since something has passed. */
  #quietLooks = 0

  /** `near` is absent where whoever asked has gone before its side stood. Both are paused. */
  constructor(near: WebSocket | undefined, far: WebSocket, options: WebSocketPassingOptions) {
    this.#near = near
    this.#far = far
    this.#options = options
    this.#search = new StreamSearch(options.secrets)
    this.#meter = new Meter(options.send.bytesMax)
    const { signal, silenceMsMax = SILENCE_MS_MAX } = options.send
    const silence = setInterval(() => this.#listen(silenceMsMax), silenceMsMax / LOOKS).unref()
    const most = setTimeout(() => this.#end(TOO_LONG, GOING_AWAY), STANDS_MS_MAX).unref()
    const end = () => this.#end('it was called off')
    signal.addEventListener('abort', end, { once: true })
    near?.on('message', (data, isBinary) => this.#leaves({ bytes: bytesOf(data), isBinary }))
    far.on('message', (data, isBinary) => this.#comes({ bytes: bytesOf(data), isBinary }))
    const sides = [
      near && this.#closed(near, (code) => this.#nearEnds(code)),
      this.#closed(far, (code) => this.#farEnds(code)),
    ]
    this.ended = Promise.all(sides).then(() => {
      signal.removeEventListener('abort', end)
      for (const timer of [silence, most, this.#pace, this.#watch]) clearTimeout(timer)
      return this.#passage()
    })
    near?.resume()
    far.resume()
    if (signal.aborted) end()
    else if (near === undefined) this.#nearEnds(NO_CLOSE)
  }

  /** Resolves when a side has closed, after `onClose`. */
  #closed(side: WebSocket, onClose: (code: number) => void): Promise<void> {
    side.on('error', (error) => {
      this.#why ??= error.message
    })
    return new Promise((resolve) => {
      const close = (code: number) => {
        onClose(code)
        resolve()
      }
      if (side.readyState === side.CLOSED) close(NO_CLOSE)
      else side.once('close', close)
    })
  }

  /** Passes on a message of the cell. */
  #leaves({ bytes, isBinary }: Message): void {
    const far = this.#far
    if (this.#isLeft || far.readyState !== far.OPEN) return
    const problem = this.#options.send.lastCheck() ?? this.#counts(bytes.length, 'send')
    if (problem !== undefined) return this.#refuse(problem)
    this.#untaken.far++
    far.send(bytes, { binary: isBinary }, () => {
      this.#untaken.far--
      if (!this.#isLeft && !this.#hasEnough('far')) this.#near?.resume()
    })
    if (this.#hasEnough('far')) this.#near?.pause()
  }

  /** Takes a message of the origin. */
  #comes(message: Message): void {
    const problem = this.#counts(message.bytes.length, 'receive')
    if (problem !== undefined) return this.#end(problem)
    if (this.#isLeft) return
    this.#gathered.push(message)
    this.#gatheredBytes += message.bytes.length
    if (this.#gatheredBytes >= LOOK_BYTES || this.#gathered.length >= LOOK_MESSAGES) {
      this.#isFull = true
      this.#flow()
    }
    this.#planLook()
  }

  /** Sees to it that what was gathered is looked at: at once for as many as a model has words in a second. */
  #planLook(): void {
    if (this.#gathered.length === 0 || this.#watch !== undefined) return
    const isMuch = this.#gatheredBytes >= LOOK_BYTES
    // What waits for its pace waits no longer than until it is much.
    if (this.#isToLook && !(isMuch && this.#pace !== undefined)) return
    this.#isToLook = true
    clearTimeout(this.#pace)
    this.#pace = undefined
    const waitMs = isMuch ? 0 : this.#looks.nextMs()
    const go = () => {
      this.#pace = undefined
      this.#waitForTurn()
    }
    if (waitMs > 0) this.#pace = setTimeout(go, waitMs)
    else go()
  }

  #waitForTurn(): void {
    // A look reads again what a secret may have begun in.
    const again = this.#options.secrets.longest() * AGAIN_BYTES
    const messages = Math.min(this.#gathered.length, LOOK_MESSAGES)
    const turn = this.#options.turn(Math.min(this.#gatheredBytes, LOOK_BYTES) + messages * MESSAGE_BYTES + again)
    if (turn === undefined) this.#look()
    else turn.then(() => this.#look())
  }

  /** Looks at the first of what was gathered, and shows it. */
  #look(): void {
    this.#isToLook = false
    if (this.#isLeft || this.#watch !== undefined) return
    const problem = this.#options.send.lastCheck()
    if (problem !== undefined) return this.#refuse(problem)
    const messages = this.#first()
    const looked = this.#search.push(Buffer.concat(messages.map(({ bytes }) => bytes)))
    if (looked.kind === 'leak') {
      this.#leaked = looked.secret
      return this.#end(`it holds the secret "${looked.secret}"`)
    }
    for (const message of messages) this.#show(message)
    this.#goOn()
  }

  /** Takes as many of the gathered messages as one look is for, and at least one. */
  #first(): readonly Message[] {
    let [count, bytes] = [0, 0]
    for (const message of this.#gathered) {
      if (count > 0 && (count === LOOK_MESSAGES || bytes + message.bytes.length > LOOK_BYTES)) break
      count++
      bytes += message.bytes.length
    }
    this.#gatheredBytes -= bytes
    return this.#gathered.splice(0, count)
  }

  #show({ bytes, isBinary }: Message): void {
    const near = this.#near
    if (this.#isLeft || near === undefined || near.readyState !== near.OPEN) return
    const mayNotice = this.#mayNotice()
    if (!mayNotice && this.#hasEnough('near')) {
      this.#why ??= 'its cell does not read, and the origin may not notice'
      near.terminate()
      return this.#leave(() => this.#far.terminate())
    }
    this.#untaken.near++
    near.send(bytes, { binary: isBinary }, () => {
      this.#untaken.near--
      if (!this.#hasEnough('near')) this.#waitNoMore()
    })
    if (mayNotice && this.#hasEnough('near')) this.#waitForCell()
  }

  /** Has the origin wait until the cell has read, or until it may no longer notice that. */
  #waitForCell(): void {
    this.#watch ??= setInterval(() => this.#mayNotice() || this.#waitNoMore(), NOTICED_EVERY_MS).unref()
    this.#flow()
  }

  #waitNoMore(): void {
    if (this.#watch === undefined) return
    clearInterval(this.#watch)
    this.#watch = undefined
    this.#goOn()
  }

  /** Goes on with what was gathered; where that is nothing, its cell hears of the origin's end. */
  #goOn(): void {
    this.#isFull = this.#gatheredBytes >= LOOK_BYTES || this.#gathered.length >= LOOK_MESSAGES
    this.#flow()
    if (this.#gathered.length > 0) this.#planLook()
    else if (this.#farCode !== undefined) this.#near?.close(isSayable(this.#farCode) ? this.#farCode : undefined)
  }

  /** Has the origin send, or wait. */
  #flow(): void {
    if (!this.#isLeft && (this.#isFull || this.#watch !== undefined)) this.#far.pause()
    else this.#far.resume()
  }

  #nearEnds(code: number): void {
    if (!this.#isLeft) this.#ending ??= endingOf(code)
    // What left before it is still sent.
    this.#leave(() => this.#far.close(code === NO_CLOSE ? undefined : NORMAL))
  }

  #farEnds(code: number): void {
    this.#ending ??= endingOf(code)
    this.#farCode = code
    if (!this.#isLeft && this.#gathered.length === 0) this.#goOn()
  }

  /** Ends the cell's side, for what may not pass. */
  #refuse(problem: string): void {
    this.#why ??= problem
    this.#near?.close(POLICY, REFUSED)
    this.#near?.terminate()
    this.#leave(() => this.#far.terminate())
  }

  /** Goes on without the cell's side; `tell` ends the origin's, where that may be. */
  #leave(tell: () => void): void {
    if (this.#isLeft) return
    this.#isLeft = true
    this.#ending ??= 'an end without a close'
    this.#drop()
    this.#isTold = this.#mayNotice() && this.#options.send.lastCheck() === undefined
    if (this.#isTold) tell()
  }

  /** Ends both sides. */
  #end(why: string, code: typeof POLICY | typeof GOING_AWAY = POLICY): void {
    if (!this.#isLeft) this.#why ??= why
    this.#ending ??= 'an end without a close'
    this.#isLeft = true
    this.#drop()
    this.#near?.close(code, code === POLICY ? REFUSED : `ended by Firebreak: ${why}`)
    this.#near?.terminate()
    this.#far.terminate()
  }

  #drop(): void {
    this.#gathered.length = 0
    this.#gatheredBytes = 0
    for (const timer of [this.#pace, this.#watch]) clearTimeout(timer)
    this.#flow()
  }

  /** Ends what nobody takes part in, once it may be noticed, and what has been silent for so long. */
  #listen(silenceMsMax: number): void {
    if (this.#isLeft && !this.#isTold && this.#mayNotice()) this.#far.terminate()
    else if (++this.#quietLooks > LOOKS) this.#end(`nothing has passed for ${silenceMsMax / 1_000} seconds`)
  }

  #mayNotice(): boolean {
    return this.#options.send.mayNotice?.() ?? true
  }

  #hasEnough(side: 'near' | 'far'): boolean {
    const bytes = (side === 'near' ? this.#near : this.#far)?.bufferedAmount ?? 0
    return bytes >= UNTAKEN_BYTES_MAX || this.#untaken[side] >= UNTAKEN_MESSAGES_MAX
  }

  /** Counts bytes; returns why they may not pass. */
  #counts(bytes: number, way: 'send' | 'receive'): string | undefined {
    this.#quietLooks = 0
    return this.#meter[way](bytes) ? undefined : OVER
  }

  #passage(): Passage {
    const { passed, counted } = this.#meter
    const why = this.#why ?? (this.#ending === 'a close' ? undefined : 'one side broke off')
    return {
      kind: 'passed',
      passed,
      counted,
      ...(why !== undefined && { why }),
      ...(this.#leaked !== undefined && { leaked: this.#leaked }),
    }
  }
}

type Ending = 'a close' | 'an end without a close'

/** Codes of a close (RFC 6455, 7.4.1): `NO_CLOSE` is of an end without one, and said by nobody. */
const NORMAL = 1000
const GOING_AWAY = 1001
const NO_CLOSE = 1006
const POLICY = 1008
const REFUSED = 'refused by Firebreak'

/** Milliseconds for which a WebSocket stands: exchanges that have feeds open end them after a day. */
const STANDS_MS_MAX = 86_400_000
const TOO_LONG = 'a WebSocket stands for 24 hours at most'
/** Looks at whether something passes, in the time for which nothing may. */
const LOOKS = 10

/** Bytes, and messages, that one side has not taken yet, from which on the other one waits. */
const UNTAKEN_BYTES_MAX = 1_048_576
const UNTAKEN_MESSAGES_MAX = 1_024

/** Bytes of one look, where they are of several messages. */
const LOOK_BYTES = 65_536
/** Messages of one look: passing one on takes some 10 µs, whatever its length. */
const LOOK_MESSAGES = 128
/** The cost of a message without length, in bytes of a longer one. */
const MESSAGE_BYTES = 256
/** Bytes that a look reads again for each character of the longest secret. */
const AGAIN_BYTES = 14

function endingOf(code: number): Ending {
  return code === NO_CLOSE ? 'an end without a close' : 'a close'
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

/** Tells whether a code may be said to the other side (RFC 6455, 7.4). */
function isSayable(code: number): boolean {
  return [1000, 1001, 1003].includes(code) || (code >= 1007 && code <= 1013) || (code >= 3000 && code <= 4999)
}

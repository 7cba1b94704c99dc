import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { LIMITS } from '../../../model/index.ts'
import type { Secrets } from '../../content/secrets.ts'
import { StreamSearch } from '../../content/stream-search.ts'
import { LookPace } from '../../fairness/look-pace.ts'
import type { Passage, SendOptions, Sent } from '../../pipeline/line.ts'
import { NOTICED_EVERY_MS } from '../../pipeline/parts.ts'
import type { WebReply } from '../../web/web-request.ts'
import { answeredHeaders, encodingOf } from './headers.ts'

/** The head of an answer, as its cell is to see it. */
export interface AnswerHead {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export interface ExchangeOptions {
  readonly send: SendOptions
  readonly secrets: Secrets
  /** Method of the request: an answer to HEAD has no body, whatever its head says (RFC 9110, 9.3.2). */
  readonly method: string
  /** Bytes of a body that leaves as a whole with the head. */
  readonly bodyBytes?: number
  /** Shows the cell what comes; it has begun once the pipeline has let the head pass. */
  readonly reply: WebReply
  /** Head of the answer, from the moment at which it is known until it is written. */
  readonly onHead: (head: AnswerHead) => void
  /** Reads what is shown on its way; absent where nobody does. */
  readonly reader?: AnswerReader
}

/** Reads an answer beside its way to the cell. It never throws, whatever comes. */
export interface AnswerReader {
  /** Hears of the head, before any piece. */
  begin(head: AnswerHead): void
  push(piece: Uint8Array): void
  /** Returns what the pipeline is told of it, once it has ended (`whole`) or broken off. */
  end(whole: boolean): Partial<Pick<Passage, 'counted' | 'spent' | 'bytes' | 'asks' | 'note'>>
}

/**
 * One request to an origin and its answer, which passes on piece by piece.
 *
 * - HX1  `lastCheck` runs in the tick that writes the head of the request, and in the tick that takes each piece of its body
 *        from the cell. What nobody may pass in bytes, either way, is asked for before it passes.
 * - HX2  No byte of an answer is shown before the labels that it brings are on disk (PA4).
 * - HX3  What passes is searched for secrets, counted, and hashed; where it may not pass on, the cell's answer is cut so that
 *        it cannot be taken for a whole one. An answer that cannot be searched, since it is encoded, is not shown.
 * - HX4  Pieces that come one after the other are looked at together, so that an origin that sends byte by byte takes no
 *        more of the gateway's time than one that does not.
 * - HX5  An origin waits for its cell to read only while it may notice that (F1). Whatever the cell has no room for then is
 *        lost to it, and the exchange goes on to its end.
 * - HX6  It ends: when nothing passes for so long, and when it takes too long as a whole.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Resolves when nothing of it is on the wire any more. */
  readonly ended: Promise<Extract<Sent, { kind: 'not-sent' | 'unknown' }> | Passage>
  readonly #options: ExchangeOptions
  readonly #search: StreamSearch
  readonly #digest = createHash('sha256')
  #resolve: (sent: Extract<Sent, { kind: 'not-sent' | 'unknown' }> | Passage) => void = () => undefined
  #controller: Dispatcher.DispatchController | undefined
  #written = false
  readonly #passed = { sent: 0, received: 0 }
  #status = 0
  #cut: string | undefined
  #leaked: string | undefined
  /** The reason for which no more of its body leaves, where the origin may not notice that. */
  #left: string | undefined
  /** Pieces that came before the head might be shown. */
  #early: Uint8Array[] = []
  #waits = false
  #over = false
  #interims = 0
  /** Pieces that have come since the last look. */
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  /** True while what was gathered is about to be looked at. */
  #isToLook = false
  #pace: NodeJS.Timeout | undefined
  readonly #looks = new LookPace()
  /** Bytes that the cell has been shown since it had read all. */
  #unreadBytes = 0
  /** True until the cell has read all. */
  #isUnread = false
  /** True once the rest of the answer is lost to the cell. */
  #isLost = false
  /** Looks at whether the origin may still notice that it waits; absent while it waits for nobody. */
  #watch: NodeJS.Timeout | undefined
  #silence: NodeJS.Timeout | undefined
  /** Looks since something has passed. */
  #quietLooks = 0
  readonly #most: NodeJS.Timeout

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#search = new StreamSearch(options.secrets)
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#most = setTimeout(() => this.cut('it has taken too long'), LIMITS.exchangeMsMax).unref()
    const end = () => this.cut('it was called off')
    options.send.signal.addEventListener('abort', end, { once: true })
    if (options.send.signal.aborted) end()
    this.ended.finally(() => options.send.signal.removeEventListener('abort', end))
  }

  /** Ends it now; what came of it is unknown once a byte has left. */
  cut(why: string): void {
    if (this.#over) return
    this.#cut ??= why
    this.#controller?.abort(new Error(why))
    this.#end()
  }

  /**
   * Yields the pieces of the request's body that may leave, each in the tick in which it is asked for. Where the next may not, or
   * the cell breaks off, the exchange is cut; while the origin may not notice that, it is told nothing more, and goes on for nobody.
   */
  async *leaving(pieces: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void> {
    let problem: string | undefined
    try {
      for await (const piece of pieces) {
        const isBytes = piece instanceof Uint8Array
        problem = isBytes ? this.#options.send.lastCheck() : 'a piece of its body has no bytes'
        if (!isBytes || problem !== undefined) break
        if (this.#over || !this.#passes(piece.length, 'sent')) return
        yield piece
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error)
    }
    // Its end is a word, too.
    problem ??= this.#options.send.lastCheck()
    if (problem === undefined) return
    if (this.#mayNotice()) return this.cut(problem)
    this.#left = problem
    this.#isLost = true
    this.#options.reply.refuse(502, 'refused by Firebreak: no more of its body may be sent')
    await this.ended
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#over) return controller.abort(new Error('it was called off'))
    const withdrawn = this.#options.send.lastCheck()
    if (withdrawn !== undefined) return this.cut(withdrawn)
    if (!this.#passes(this.#options.bodyBytes ?? 0, 'sent')) return
    this.#written = true
    const { silenceMsMax = SILENCE_MS_MAX } = this.#options.send
    this.#silence = setInterval(() => this.#listen(silenceMsMax), silenceMsMax / LOOKS).unref()
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Interim answers (RFC 9110, 15.2) are for whoever speaks with the origin, which is this gateway.
    if (this.#over) return
    this.#quietLooks = 0
    if (status < 200) {
      if (++this.#interims > INTERIMS_MAX) this.cut(`more than ${INTERIMS_MAX} interim answers came`)
      return
    }
    this.#status = status
    const encoding = encodingOf(this.#options.method, status, headers)
    if (encoding !== undefined && this.#options.secrets.longest() > 0)
      return this.cut(`its answer is encoded (${encoding}), and cannot be searched for secrets`)
    const head = { status, headers: answeredHeaders(headers) }
    const text = JSON.stringify(head)
    if (!this.#passes(text.length, 'received')) return
    const leaked = this.#options.secrets.leak(text)
    if (leaked !== undefined) return this.#leaks(leaked)
    this.#options.onHead(head)
    this.#options.reader?.begin(head)
    const shown = this.#options.send.onPart?.({
      said: { status, headers: head.headers.map((each) => [...each]) },
      ofAction: true,
    })
    if (shown === undefined) return this.#isShown(controller)
    this.#waits = true
    controller.pause()
    shown.then(
      () => this.#isShown(controller),
      () => this.cut('whoever asked has gone'),
    )
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Uint8Array): void {
    if (this.#over) return
    if (this.#waits) this.#early.push(piece)
    else this.#pass(controller, piece)
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return
    if (this.#waits) {
      // Its end comes after what waits.
      this.#early.push(END)
      return
    }
    this.#look(controller)
    if (this.#over) return
    const looked = this.#search.end()
    if (looked.kind === 'leak') return this.#leaks(looked.secret)
    if (looked.bytes.length > 0) this.#show(controller, looked.bytes)
    if (this.#over) return
    if (!this.#isLost) this.#options.reply.end()
    this.#end()
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.failed(error)
  }

  failed(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error)
    this.cut(why.replaceAll(/\s+/g, ' ').slice(0, LIMITS.faultCharactersMax))
  }

  #isShown(controller: Dispatcher.DispatchController): void {
    if (this.#over) return
    if (!this.#options.reply.hasBegun) return this.cut('its answer may not be shown')
    const early = this.#early
    this.#early = []
    const paused = this.#waits
    this.#waits = false
    for (const piece of early) {
      if (piece === END) this.onResponseEnd(controller)
      else this.onResponseData(controller, piece)
    }
    if (paused && !this.#over) controller.resume()
  }

  #pass(controller: Dispatcher.DispatchController, piece: Uint8Array): void {
    if (!this.#passes(piece.length, 'received')) return
    this.#gathered.push(piece)
    this.#gatheredBytes += piece.length
    if (this.#gatheredBytes >= GATHERED_BYTES_MAX) return this.#look(controller)
    if (this.#isToLook) return
    this.#isToLook = true
    // The parser brings all that one read of the connection has before a microtask.
    const waitMs = this.#looks.nextMs()
    if (waitMs === 0) queueMicrotask(() => this.#look(controller))
    else this.#pace = setTimeout(() => this.#look(controller), waitMs)
  }

  /** Looks at what was gathered, and shows it. */
  #look(controller: Dispatcher.DispatchController): void {
    this.#isToLook = false
    clearTimeout(this.#pace)
    if (this.#over || this.#gatheredBytes === 0) return
    const piece = Buffer.concat(this.#gathered)
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#digest.update(piece)
    this.#options.reader?.push(piece)
    const looked = this.#search.push(piece)
    if (looked.kind === 'leak') return this.#leaks(looked.secret)
    if (looked.bytes.length > 0) this.#show(controller, looked.bytes)
  }

  #show(controller: Dispatcher.DispatchController, bytes: Uint8Array): void {
    const { reply } = this.#options
    if (this.#isLost) return
    this.#unreadBytes += bytes.length
    // Whoever has gone away is heard of by `signal`, where the origin may know it.
    if (reply.write(bytes)) this.#unreadBytes = 0
    else if (this.#unreadBytes > UNREAD_BYTES_MAX) this.#lose()
    else this.#waitForCell(controller)
    if (reply.hasEnough === true && this.#mayNotice()) this.cut(reply.problem ?? 'no more of it is taken')
  }

  /** Has the origin wait until the cell has read all, or until it may no longer notice that. */
  #waitForCell(controller: Dispatcher.DispatchController): void {
    if (this.#isUnread) return
    this.#isUnread = true
    const go = () => {
      if (this.#watch === undefined) return
      clearInterval(this.#watch)
      this.#watch = undefined
      if (!this.#over) controller.resume()
    }
    if (this.#mayNotice()) {
      controller.pause()
      this.#watch = setInterval(() => this.#mayNotice() || go(), NOTICED_EVERY_MS).unref()
    }
    this.#options.reply.drained(() => {
      this.#isUnread = false
      this.#unreadBytes = 0
      go()
    })
  }

  #lose(): void {
    this.#isLost = true
    this.#options.reply.cut()
  }

  #mayNotice(): boolean {
    return this.#options.send.mayNotice?.() ?? true
  }

  /** Counts bytes that are about to pass; false where they may not, and then it is cut. */
  #passes(bytes: number, way: 'sent' | 'received'): boolean {
    this.#quietLooks = 0
    const { bytesMax = Number.POSITIVE_INFINITY } = this.#options.send
    if (this.#passed.sent + this.#passed.received + bytes > bytesMax) {
      this.cut(`more would pass than the ${bytesMax} bytes that may`)
      return false
    }
    this.#passed[way] += bytes
    return true
  }

  /** Ends it once nothing has passed for so long. Nobody is silent to whom nobody listens. */
  #listen(silenceMsMax: number): void {
    if (this.#watch !== undefined || this.#waits) this.#quietLooks = 0
    else if (++this.#quietLooks > LOOKS) this.cut(`nothing has passed for ${silenceMsMax / 1_000} seconds`)
  }

  #leaks(secret: string): void {
    this.#leaked = secret
    this.cut(`it holds the secret "${secret}"`)
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    for (const timer of [this.#pace, this.#silence, this.#most, this.#watch]) clearTimeout(timer)
    const { reply } = this.#options
    if (this.#cut !== undefined && reply.hasBegun && !this.#isLost) reply.cut()
    if (!this.#written) return this.#resolve({ kind: 'not-sent', why: this.#cut ?? 'it was called off', lives: true })
    if (this.#status === 0) return this.#resolve({ kind: 'unknown', why: this.#left ?? this.#cut ?? 'no answer came' })
    const { sent, received } = this.#passed
    const { counted, ...read } = this.#options.reader?.end(this.#cut === undefined) ?? {}
    const why = this.#left ?? this.#cut ?? (this.#status >= 500 ? `HTTP ${this.#status}` : undefined)
    this.#resolve({
      kind: 'passed',
      passed: { sent, received },
      counted: { bytes: sent + received, ...counted },
      ...read,
      ...(why !== undefined && { why }),
      ...(this.#status >= 400 && { failed: true }),
      ...(this.#leaked !== undefined && { leaked: this.#leaked }),
      digest: this.#digest.digest('hex'),
    })
  }
}

const END = new Uint8Array()
/** Interim answers to one request (RFC 9110, 15.2): servers send one or two. */
const INTERIMS_MAX = 32
const GATHERED_BYTES_MAX = 65_536
/** Bytes that are held for a cell whose origin does not wait for it. */
const UNREAD_BYTES_MAX = 1_048_576
/** Looks at whether something passes, in the time for which nothing may. */
const LOOKS = 10
/** Milliseconds for which nothing may pass, where the configuration says nothing: a model thinks for minutes. */
export const SILENCE_MS_MAX = 600_000

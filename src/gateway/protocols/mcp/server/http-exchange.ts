import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import { LIMITS } from '../../../../model/index.ts'
import { GrowingBytes } from '../../../fairness/growing-bytes.ts'
import type { Room } from '../../../fairness/room.ts'
import type { SendOptions } from '../../../pipeline/line.ts'
import { McpNotification } from '../contract/answer.ts'
import type { RpcId, RpcMessage, RpcResponse } from '../rpc.ts'
import { type SseEvent, SseReader } from '../sse.ts'
import { messagesIn } from './batch.ts'
import type { McpSent } from './connection.ts'
import { type AnsweredRequest, type HttpRefusal, refusalIn } from './http-refusal.ts'
import { readMessage, sentFrom } from './upstream-request.ts'

/** The events of an exchange that its connection hears of. */
export interface ExchangeEvents {
  readonly asked: AnsweredRequest
  readonly onSession: (session: string) => void
  /** A message that is not the answer. */
  readonly onMessage: (message: RpcMessage) => void
  readonly onSessionLost: () => void
  /** Called once, when nothing of it is on the wire any more. */
  readonly onOver: () => void
  /** Asked before an answer of so many bytes is read. */
  readonly turn: (bytes: number) => Promise<void> | undefined
  /** Room of the connection for answers that have not come to their end. */
  readonly room: Room
}

/** Milliseconds, and bytes, that a stream may go on when its answer has come: then it is cut. */
const AFTER_ANSWER_MS_MAX = 1_000
const AFTER_ANSWER_BYTES_MAX = 65_536

/** Bytes that are looked at of the body of a refusal. */
const SAID_BYTES_MAX = 4_096

/** The beginning of a notification, of which the rest may be anything. */
const NOTIFICATION = /^\s*\{[^{}[\]]*"method"\s*:\s*"notifications\//

/** Bytes of a stream that came while it waits for its turn. */
const PENDING_BYTES_MAX = 262_144

/**
 * One request and its answer, as undici reports them. `lastCheck` runs in `onRequestStart`, which undici calls in the
 * tick that writes the request: aborting there leaves no byte on the wire.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #id: RpcId
  readonly #options: SendOptions
  readonly #resolve: (sent: McpSent) => void
  readonly #events: ExchangeEvents
  #controller: Dispatcher.DispatchController | undefined
  #written = false
  #done = false
  #over = false
  #status = 0
  #headers: IncomingHttpHeaders = {}
  readonly #bytes = new GrowingBytes()
  /** Bytes of it that are counted in the room. */
  #held = 0
  #sse: SseReader | undefined
  /** Bytes of a stream that were not read. */
  readonly #unread = new GrowingBytes()
  /** Events that were read and not looked at. */
  #pending: SseEvent[] = []
  #waiting = false
  #ended = false
  #lingering: NodeJS.Timeout | undefined
  #afterAnswer = 0

  constructor(id: RpcId, options: SendOptions, resolve: (sent: McpSent) => void, events: ExchangeEvents) {
    this.#id = id
    this.#options = options
    this.#resolve = resolve
    this.#events = events
    options.signal.addEventListener('abort', this.#onAbort, { once: true })
  }

  /** Ends it now; what came of it is unknown once a byte has left. */
  cut(why: string): void {
    this.#end(this.#written ? { kind: 'unknown', why } : { kind: 'not-sent', why })
    this.#controller?.abort(new Error(why))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#done) return controller.abort(new Error('it was called off'))
    const withdrawn = this.#options.lastCheck()
    if (withdrawn === undefined) {
      this.#written = true
      return
    }
    this.#end({ kind: 'not-sent', why: withdrawn, lives: true })
    controller.abort(new Error(withdrawn))
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    this.#status = status
    this.#headers = headers
    const session = headers['mcp-session-id']
    if (typeof session === 'string' && /^[\x21-\x7e]{1,256}$/.test(session)) this.#events.onSession(session)
    // What another status says is no answer in events: it is read as a refusal. An interim one (1xx) says nothing of what follows.
    const isStream = String(headers['content-type'] ?? '').startsWith('text/event-stream')
    this.#sse = isStream && status >= 200 && status < 300 ? new SseReader() : undefined
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#done) {
      this.#afterAnswer += chunk.length
      if (this.#afterAnswer > AFTER_ANSWER_BYTES_MAX) controller.abort(new Error('its answer has come'))
      return
    }
    if (this.#sse !== undefined) return this.#readEvents(controller, this.#sse, chunk)
    if (this.#bytes.length + chunk.length > LIMITS.answerBytesMax)
      return this.#fail(`its answer is larger than ${LIMITS.answerBytesMax} bytes`, this.#status < 300)
    this.#bytes.push(chunk)
    this.#count(this.#bytes.capacity)
  }

  onResponseEnd(): void {
    this.#isOver()
    if (this.#done) return
    this.#ended = true
    if (this.#sse !== undefined) return this.#endOfStream()
    const turn = this.#events.turn(this.#bytes.length)
    if (turn === undefined) this.#readAnswer()
    else turn.then(() => this.#readAnswer())
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.failed(error)
  }

  failed(error: unknown): void {
    this.#isOver()
    const why = messageOf(error)
    this.#end(this.#written ? { kind: 'unknown', why } : { kind: 'not-sent', why })
  }

  #readAnswer(): void {
    if (this.#done) return
    const bytes = this.#bytes.take()
    // A redirect is never followed, and nothing that it carries is an answer.
    const redirected = this.#status >= 300 && this.#status < 400
    const batch = this.#events.asked.batches && !redirected ? messagesIn(bytes) : undefined
    if (batch !== undefined) return this.#readBatch(batch)
    const read = bytes.length === 0 || redirected ? undefined : readMessage(bytes)
    const message = read?.ok ? read.value : undefined
    const { why, refused } = this.#refusal(bytes, read?.ok === false ? read.reason : undefined)
    if (refused === 'session') this.#events.onSessionLost()
    if (refused === undefined && message?.kind === 'response' && this.#isOurs(message)) {
      return this.#end(sentFrom(message, bytes))
    }
    const status = this.#status
    // A refusal by status is an answer; 5xx and 3xx say nothing of what happened.
    if (status >= 400 && status < 500)
      return this.#end({ kind: 'unreadable', why, status, ...(refused && { refused }) })
    // What came in full and cannot be read says nothing against the connection.
    const unread = status < 300 && read?.ok === false
    this.#end({ kind: 'unknown', why, status, ...(unread && { unread, lives: unread }) })
  }

  /** Reads a batch: what else is in it is heard as on a stream, and one without our answer leaves the outcome open. */
  #readBatch(batch: readonly Uint8Array[]): void {
    for (const bytes of batch) void this.#take({ data: Buffer.from(bytes).toString('utf8') })
    this.#end({ kind: 'unknown', why: 'its batch holds no answer to the request', status: this.#status })
  }

  #isOurs({ id }: RpcResponse): boolean {
    return id === this.#id || (id === undefined && this.#status >= 400)
  }

  #refusal(bytes: Uint8Array, fault: string | undefined): HttpRefusal {
    if (this.#status < 300 && fault !== undefined) return { why: `its answer cannot be read: ${fault}` }
    if (this.#status < 300) return { why: 'its answer is not a JSON-RPC response to the request' }
    const body = Buffer.from(bytes.subarray(0, SAID_BYTES_MAX)).toString('latin1')
    return refusalIn(this.#events.asked, this.#status, this.#headers, body)
  }

  #readEvents(controller: Dispatcher.DispatchController, sse: SseReader, chunk: Uint8Array): void {
    this.#unread.push(chunk)
    this.#count(sse.held + this.#unread.capacity)
    if (this.#done) return
    if (!this.#waiting) return this.#readOn(controller, sse)
    // Pausing is not free: what came is put back and copied. It is done where much has come, or the cell is slow.
    if (this.#unread.length > PENDING_BYTES_MAX) controller.pause()
  }

  /** Reads what has come when it is its turn, whether it holds an event or not. */
  #readOn(controller: Dispatcher.DispatchController, sse: SseReader): void {
    const turn = this.#events.turn(this.#unread.length)
    if (turn !== undefined)
      return this.#wait(
        controller,
        turn.then(() => this.#read(sse)),
      )
    this.#read(sse)
    if (!this.#done) this.#takeEvents(controller)
  }

  #read(sse: SseReader): void {
    if (this.#done) return
    try {
      for (const event of sse.push(this.#unread.take())) this.#pending.push(event)
    } catch (error) {
      return this.#fail(messageOf(error))
    }
    if (sse.passed > LIMITS.answerBytesMax)
      return this.cut(`its stream went on for ${LIMITS.answerBytesMax} bytes without an event`)
    this.#count(sse.held)
  }

  /** Looks at the events that have come; stops where one has to wait for its turn, or the cell for what it was sent. */
  #takeEvents(controller: Dispatcher.DispatchController): void {
    const events = this.#pending
    this.#pending = []
    const passed: Promise<void>[] = []
    for (const [i, event] of events.entries()) {
      const turn = this.#events.turn(event.data.length)
      if (turn !== undefined) {
        this.#pending = events.slice(i + 1)
        const taken = turn.then(() => {
          const passed = this.#take(event)
          if (passed !== undefined) controller.pause()
          return passed
        })
        return this.#wait(controller, taken)
      }
      const promise = this.#take(event)
      if (promise !== undefined) passed.push(promise)
      if (this.#done) return
    }
    if (passed.length > 0) {
      controller.pause()
      this.#wait(controller, Promise.all(passed))
    } else if (this.#sse !== undefined && this.#unread.length > 0) this.#readOn(controller, this.#sse)
    else if (this.#ended) this.#endOfStream()
  }

  #wait(controller: Dispatcher.DispatchController, until: Promise<unknown>): void {
    this.#waiting = true
    until.then(
      () => {
        this.#waiting = false
        if (!this.#done) this.#takeEvents(controller)
        // What comes next may come at once.
        if (!this.#waiting) controller.resume()
      },
      () => this.#fail('the cell went away'),
    )
  }

  #take({ data }: SseEvent): Promise<void> | undefined {
    if (this.#done) return undefined
    const batch = this.#events.asked.batches ? messagesIn(Buffer.from(data)) : undefined
    if (batch !== undefined) {
      const passed = batch.map((bytes) => this.#take({ data: Buffer.from(bytes).toString('utf8') }))
      return Promise.all(passed).then(() => undefined)
    }
    const read = readMessage(data)
    if (!read.ok) {
      // What is only told meanwhile costs nothing but itself.
      if (NOTIFICATION.test(data.slice(0, 512))) return undefined
      this.#fail(`it sent an event that cannot be read: ${read.reason}`, true)
      return undefined
    }
    const message = read.value
    if (message.kind === 'response' && message.id === this.#id) {
      this.#end(sentFrom(message, Buffer.from(data)))
      this.#lingering = setTimeout(() => this.#controller?.abort(new Error('its answer has come')), AFTER_ANSWER_MS_MAX)
      if (this.#over) clearTimeout(this.#lingering)
      return undefined
    }
    const ofAList = message.kind === 'notification' && message.method.endsWith('/list_changed')
    if (message.kind !== 'notification' || ofAList || this.#options.onPart === undefined) {
      this.#events.onMessage(message)
      return undefined
    }
    return this.#options.onPart(new McpNotification(message.method, message.params))
  }

  #endOfStream(): void {
    if (this.#waiting || this.#pending.length > 0) return
    this.#end({ kind: 'unknown', why: 'its stream ended without an answer' })
  }

  /** Memory that is held for an answer until it is whole. */
  #count(held: number): void {
    this.#events.room.give(this.#held)
    this.#held = this.#events.room.take(held) ? held : 0
    if (this.#held < held) this.#fail('too much is being answered at once')
  }

  readonly #onAbort = (): void => this.cut('it was called off')

  #fail(why: string, answers = false): void {
    this.#end({ kind: 'unreadable', why, ...(answers && { answers }) })
    this.#controller?.abort(new Error(why))
  }

  #end(sent: McpSent): void {
    if (this.#done) return
    this.#done = true
    this.#options.signal.removeEventListener('abort', this.#onAbort)
    this.#bytes.take()
    this.#unread.take()
    this.#pending = []
    this.#count(0)
    this.#resolve(sent)
  }

  #isOver(): void {
    clearTimeout(this.#lingering)
    if (this.#over) return
    this.#over = true
    this.#events.onOver()
  }
}

/** A notification or an answer of ours, to which nothing but a status is due. */
export class Statement implements Dispatcher.DispatchHandler {
  readonly #resolve: (fault: string | undefined) => void
  readonly #msMax: number
  #deadline: NodeJS.Timeout | undefined
  #answered = 0

  constructor(msMax: number, resolve: (fault: string | undefined) => void) {
    this.#msMax = msMax
    this.#resolve = resolve
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#deadline = setTimeout(() => controller.abort(new Error('no answer in time')), this.#msMax)
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number): void {
    this.#resolve(status >= 200 && status < 300 ? undefined : `HTTP ${status}`)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#answered += chunk.length
    if (this.#answered > AFTER_ANSWER_BYTES_MAX) controller.abort(new Error('nothing more is due'))
  }

  onResponseEnd(): void {
    clearTimeout(this.#deadline)
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.failed(error)
  }

  failed(error: unknown): void {
    clearTimeout(this.#deadline)
    this.#resolve(messageOf(error))
  }
}

export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message
  return error instanceof Error ? error.message : String(error)
}

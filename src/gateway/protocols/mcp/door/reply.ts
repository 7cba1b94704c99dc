import type { ServerResponse } from 'node:http'
import type { Json, JsonObject } from '../../../../model/index.ts'
import type { Room } from '../../../fairness/room.ts'
import type { RpcAnswer, RpcId } from '../rpc.ts'
import { sseText } from '../sse.ts'

/** Milliseconds that a cell may take to read what was sent to it before its connection is cut. */
const READ_MS_MAX = 30_000

/**
 * The answer to one POST: one JSON object, unless something has to be said before it; then a stream of events that ends
 * with it (Streamable HTTP, "Sending messages to the server").
 */
export class Reply {
  readonly #response: ServerResponse
  readonly #headers: Readonly<Record<string, string>>
  /** Room of the cell for what it does not read. */
  readonly #room: Room
  /** Bytes of this answer that are counted there. */
  #counted = 0
  #deadline: NodeJS.Timeout | undefined
  #watched = false

  constructor(response: ServerResponse, room: Room, headers: Readonly<Record<string, string>> = {}) {
    this.#response = response
    this.#room = room
    this.#headers = headers
  }

  get streaming(): boolean {
    return this.#response.headersSent
  }

  /** Opens the stream, so that the cell sees at once that it was heard. */
  open(): void {
    if (this.#response.headersSent) return
    this.#response.writeHead(200, {
      ...this.#headers,
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
    this.#response.flushHeaders()
  }

  /**
   * Resolves when the cell can take more; whoever waits for it is slowed to the cell's own pace. Rejects when the cell
   * went away: who does not wait need not hear of it.
   */
  notify(method: string, params: JsonObject): Promise<void> | undefined {
    this.open()
    return this.#write(sseText(JSON.stringify({ jsonrpc: '2.0', method, params })))
  }

  answer(id: RpcId, answer: RpcAnswer, status = 200): void {
    this.#end(status, { jsonrpc: '2.0', id, ...answer })
  }

  /** Answers with an error; with no id where the frame could not be read as a request. */
  fault(
    status: number,
    error: { readonly code: number; readonly message: string; readonly data?: Json },
    id: RpcId | null = null,
  ): void {
    this.#end(status, { jsonrpc: '2.0', id, error })
  }

  accepted(): void {
    this.#response.writeHead(202, this.#headers).end()
  }

  empty(status: number, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, headers).end()
  }

  #end(status: number, message: object): void {
    const text = JSON.stringify(message)
    if (this.#response.headersSent) this.#response.end(sseText(text))
    else {
      const length = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }
      this.#response.writeHead(status, { ...this.#headers, ...length }).end(text)
    }
    this.#count()
  }

  /** Counts what the cell has not read yet against all that is kept for it; it waits for the cell only so long. */
  #count(): void {
    const unread = this.#response.destroyed ? 0 : this.#response.writableLength
    if (unread === this.#counted) return
    this.#room.give(this.#counted)
    this.#counted = this.#room.take(unread) ? unread : 0
    if (this.#counted < unread) this.#response.destroy()
    if (this.#counted === 0) {
      clearTimeout(this.#deadline)
      this.#deadline = undefined
      return
    }
    this.#deadline ??= setTimeout(() => this.#response.destroy(), READ_MS_MAX)
    if (!this.#watched) this.#response.once('close', () => this.#count())
    this.#watched = true
  }

  #write(text: string): Promise<void> | undefined {
    if (!this.#response.destroyed && this.#response.write(text)) return undefined
    this.#count()
    return this.#drained()
  }

  #drained(): Promise<void> {
    const drained = new Promise<void>((resolve, reject) => {
      if (this.#response.destroyed) return reject(new Error('the cell went away'))
      const done = (outcome: () => void) => {
        this.#response.off('drain', onDrain)
        this.#response.off('close', onClose)
        this.#count()
        outcome()
      }
      const onDrain = () => done(resolve)
      const onClose = () => done(() => reject(new Error('the cell went away')))
      this.#response.once('drain', onDrain)
      this.#response.once('close', onClose)
    })
    // A rejection that nobody waits for would end the process: one cell could take every cell's gateway away.
    drained.catch(() => undefined)
    return drained
  }
}

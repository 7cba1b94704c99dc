/**
 * WebSockets of a cell to an origin, relayed message by message.
 *
 * - WS1  A WebSocket is an action: decided before anything leaves, and decided anew, by the labels and grants of then, for each
 *        message that leaves. Where a message may not leave, both sides end.
 * - WS2  Frames are ours on both sides: whole messages pass, not compressed; what a close says beside its code stays here, and
 *        so do pings.
 * - WS3  Nothing that comes is shown before its labels are on disk (PA4). Each message is searched for secrets, together with
 *        those before; of one that comes in two messages, the first part passes.
 */
import { Buffer } from 'node:buffer'
import type { Socket } from 'node:net'
import type { RawData, WebSocket } from 'ws'
import { type JsonObject, LIMITS, no, ok, type Result } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { StreamSearch } from '../../content/stream-search.ts'
import { webSocketOver } from '../../origins/web-socket.ts'
import type { Passed, Performed } from '../../pipeline/attempt.ts'
import type { Passage, SendOptions, Sent } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import type { WebReply } from '../../web/web-request.ts'
import type { WebSocketStart } from '../../web/web-socket-start.ts'
import { SILENCE_MS_MAX } from './exchange.ts'
import type { HttpLine } from './line.ts'
import type { RequestPattern } from './pattern.ts'
import { requestHead } from './send-request.ts'
import { originAttempt } from './web-attempt.ts'

const HANDSHAKE_MS_MAX = 10_000
/** Bytes that one side has not taken yet, from which on the other one waits. */
const WAITING_BYTES_MAX = 1_048_576
/** Code of an end without a close (RFC 6455, 7.1.5). */
const NO_CLOSE = 1006
/** Code of a close that a rule has brought about (RFC 6455, 7.4.1). */
const POLICY = 1008

export interface WebSocketAsked {
  readonly pattern: RequestPattern
  readonly args: JsonObject
  readonly path: string
  readonly headers: readonly string[]
  readonly start: WebSocketStart
  readonly reply: WebReply
}

/** Performs a WebSocket where it may be: resolves when it has ended, or with why it was not begun. */
export function performWebSocket(
  gate: EnvironmentContext,
  cell: ServedCell,
  line: HttpLine,
  { pattern, args, path, headers, start, reply }: WebSocketAsked,
): Promise<Performed | Passed> {
  const own = headers.filter((_, i) => !isHandshake(headers[i - (i % 2)] ?? ''))
  return perform(gate, cell, {
    ...originAttempt(line, 'request', pattern.text, args),
    prepare: () => ({
      bytes: requestHead('GET', path, line.origin.authority, [...own, 'upgrade', 'websocket']),
      isStreamed: true,
      send: (options) => new Relay(gate, line, options).run({ path, headers: own, start }),
    }),
    signal: cell.gone.signal,
    calledOff: reply.gone,
    onPart: () => undefined,
  })
}

/** Tells whether a header is of the handshake itself, which is made anew. */
function isHandshake(name: string): boolean {
  return name.startsWith('sec-websocket-') || name === 'upgrade' || name === 'connection' || name === 'accept-encoding'
}

/** Two WebSockets, and what passes between them. */
class Relay {
  readonly #gate: EnvironmentContext
  readonly #line: HttpLine
  readonly #options: SendOptions
  #sent = 0
  #received = 0
  #why: string | undefined
  #leaked: string | undefined
  /** Set when the first of both sides has ended: what it was ended by. */
  #ending: 'a close' | 'an end without a close' | undefined
  /** Looks at all that comes as one text, whatever messages it comes in. */
  readonly #search: StreamSearch
  #silence: NodeJS.Timeout | undefined

  constructor(gate: EnvironmentContext, line: HttpLine, options: SendOptions) {
    this.#gate = gate
    this.#line = line
    this.#options = options
    this.#search = new StreamSearch(gate.secrets)
  }

  async run({
    path,
    headers,
    start,
  }: Pick<WebSocketAsked, 'path' | 'headers' | 'start'>): Promise<
    Extract<Sent, { kind: 'not-sent' | 'unknown' }> | Passage
  > {
    const { lastCheck, signal, onPart } = this.#options
    const dialled = await this.#line.dial(lastCheck, signal)
    if (!dialled.ok) return { kind: 'not-sent', why: dialled.reason, lives: true }
    const far = await this.#open(dialled.value, path, headers, start.protocols)
    if (!far.ok) return { kind: 'unknown', why: far.reason, lives: true }
    far.value.pause()
    const ended = () => far.value.terminate()
    signal.addEventListener('abort', ended, { once: true })
    try {
      await onPart?.({ said: { protocol: far.value.protocol }, ofAction: true })
      const near = signal.aborted ? undefined : await start.accept(far.value.protocol, LIMITS.judgedBodyBytesMax)
      if (near === undefined) {
        far.value.terminate()
        return this.#passage('whoever asked has gone')
      }
      await this.#between(near, far.value)
      if (this.#ending === 'a close') return this.#passage(undefined)
      return this.#passage(signal.aborted ? 'it was called off' : 'one side broke off')
    } finally {
      signal.removeEventListener('abort', ended)
      far.value.terminate()
    }
  }

  async #open(
    socket: Socket,
    path: string,
    headers: readonly string[],
    protocols: readonly string[],
  ): Promise<Result<WebSocket, string>> {
    const { authority } = this.#line.origin
    const all = [...headers, ...[...this.#line.headers].flat()]
    const named: Record<string, string> = { host: authority }
    for (let i = 0; i + 1 < all.length; i += 2) named[all[i] ?? ''] = all[i + 1] ?? ''
    const withdrawn = this.#options.lastCheck()
    if (withdrawn !== undefined) {
      socket.destroy()
      return no(withdrawn)
    }
    const opened = await webSocketOver(socket, {
      ...{ authority, path, headers: named, protocols },
      messageBytesMax: LIMITS.answerBytesMax,
      msMax: HANDSHAKE_MS_MAX,
    })
    if (!opened.ok) return no(opened.reason.why)
    const leaked = this.#gate.secrets.leak(opened.value.protocol)
    if (leaked === undefined) return ok(opened.value)
    opened.value.terminate()
    return no(`its answer holds the secret "${leaked}"`)
  }

  /** Passes messages until both sides have ended. */
  #between(near: WebSocket, far: WebSocket): Promise<void> {
    const end = (why: string) => {
      this.#why ??= why
      near.close(POLICY, 'refused by Firebreak')
      far.terminate()
      near.terminate()
    }
    const heard = () => {
      clearTimeout(this.#silence)
      this.#silence = setTimeout(
        () => end('nothing was said for too long'),
        this.#options.silenceMsMax ?? SILENCE_MS_MAX,
      )
    }
    heard()
    near.on('message', (data, isBinary) => {
      heard()
      const bytes = bytesOf(data)
      const problem = this.#options.lastCheck() ?? this.#counts(bytes.length, 0)
      if (problem !== undefined) return end(problem)
      passOn(far, near, bytes, isBinary, () => undefined)
    })
    far.on('message', (data, isBinary) => {
      heard()
      const bytes = bytesOf(data)
      const problem = this.#counts(0, bytes.length) ?? this.#secretIn(bytes)
      if (problem !== undefined) return end(problem)
      passOn(near, far, bytes, isBinary, () => {
        // How fast its cell takes what comes is a word to the origin.
        if (this.#options.mayNotice?.() === false) end('its cell does not read, and the origin may not notice')
      })
    })
    const closes = [near, far].map((each, i) => {
      const other = i === 0 ? far : near
      return new Promise<void>((resolve) => {
        each.on('error', (error) => {
          this.#why ??= error.message
        })
        each.once('close', (code) => {
          this.#ending ??= code === NO_CLOSE ? 'an end without a close' : 'a close'
          other.close(isSayable(code) ? code : undefined)
          resolve()
        })
      })
    })
    far.resume()
    return Promise.all(closes).then(() => clearTimeout(this.#silence))
  }

  /** Counts bytes; returns why they may not pass. */
  #counts(sent: number, received: number): string | undefined {
    const { bytesMax = Number.POSITIVE_INFINITY } = this.#options
    if (this.#sent + this.#received + sent + received > bytesMax)
      return 'more would pass than was reserved of its budget of bytes'
    this.#sent += sent
    this.#received += received
    return undefined
  }

  #secretIn(bytes: Buffer): string | undefined {
    const looked = this.#search.push(bytes)
    if (looked.kind === 'pass') return undefined
    this.#leaked = looked.secret
    return `it holds the secret "${looked.secret}"`
  }

  #passage(why: string | undefined): Passage {
    const [sent, received] = [this.#sent, this.#received]
    const because = this.#why ?? why
    return {
      kind: 'passed',
      passed: { sent, received },
      counted: { bytes: sent + received },
      ...(because !== undefined && { why: because }),
      ...(this.#leaked !== undefined && { leaked: this.#leaked }),
    }
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)
}

/** Passes a message on; whoever sent it waits while the other side has not taken what came before. */
function passOn(to: WebSocket, from: WebSocket, bytes: Buffer, isBinary: boolean, onWait: () => void): void {
  if (to.readyState !== to.OPEN) return
  to.send(bytes, { binary: isBinary }, () => {
    if (to.bufferedAmount < WAITING_BYTES_MAX && from.readyState === from.OPEN) from.resume()
  })
  if (to.bufferedAmount < WAITING_BYTES_MAX) return
  from.pause()
  onWait()
}

/** Tells whether a code may be said to the other side (RFC 6455, 7.4). */
function isSayable(code: number): boolean {
  return [1000, 1001, 1003].includes(code) || (code >= 1007 && code <= 1013) || (code >= 3000 && code <= 4999)
}

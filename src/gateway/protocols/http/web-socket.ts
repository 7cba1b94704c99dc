/**
 * WebSockets of a cell to an origin, relayed message by message.
 *
 * - WS1  A WebSocket is an action: decided before anything leaves, with the subprotocols that it offers among its arguments,
 *        and decided anew, by the labels and grants of then, for each message, either way (`WebSocketPassing`). A person may let
 *        one through, with its path, query and subprotocols, whose cell has seen nothing that the origin does not accept.
 * - WS2  Frames are ours on both sides: whole messages pass, not compressed; what a close of the cell's says stays here, and so
 *        do pings.
 * - WS3  Nothing that comes is shown before its labels are on disk (PA4), and nothing where they cannot be. Each message is
 *        searched for secrets, together with those before; of one that comes in two messages, the first part passes.
 * - WS4  A handshake ends with its cell, and when it takes too long. Whatever it does not come of leaves no connection behind.
 */
import { type JsonObject, LIMITS, no, ok, type Result } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import type { ServedCell } from '../../admission/served-cell.ts'
import { Room } from '../../fairness/room.ts'
import { webSocketOver } from '../../origins/web-socket.ts'
import type { Passed, Performed } from '../../pipeline/attempt.ts'
import type { Prepared, SendOptions } from '../../pipeline/line.ts'
import { perform } from '../../pipeline/pipeline.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import type { WebReply } from '../../web/web-request.ts'
import type { WebSocketStart } from '../../web/web-socket-start.ts'
import { approvedHeaders } from './headers.ts'
import type { HttpLine } from './line.ts'
import type { RequestPattern } from './pattern.ts'
import { requestHead } from './send-request.ts'
import { originAttempt } from './web-attempt.ts'
import { WebSocketPassing } from './web-socket-passing.ts'

const HANDSHAKE_MS_MAX = 10_000
/** Subprotocols that one handshake may offer, and characters of each: names that are registered have up to some fifty. */
const PROTOCOLS_MAX = 16
const PROTOCOL_CHARACTERS_MAX = 256
/** Bytes of messages that have not come whole, over all WebSockets of a cell, each way: four of the largest. */
const UNFINISHED_BYTES_MAX = 16_777_216

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
  const offered = protocolsIn(start, args)
  if (!offered.ok) {
    const attempt = { upstream: line.name, operation: 'request', target: pattern.text, args } as const
    return refuseUnprepared(gate, cell, attempt, [{ kind: 'arguments', path: '$.protocols', problem: offered.reason }])
  }
  const own = headers.filter((_, i) => !isHandshake(headers[i - (i % 2)] ?? ''))
  const protocols = offered.value
  const handshake = new Handshake(gate, cell, line, { path, protocols, start, reply })
  const prepared = (headers: readonly string[]): Prepared => {
    const offers = protocols.length > 0 ? [PROTOCOLS, protocols.join(',')] : []
    const head = [...headers, 'upgrade', 'websocket', ...offers]
    return {
      bytes: requestHead('GET', path, line.origin.authority, head),
      send: (options) => handshake.send(headers, options),
    }
  }
  return perform(gate, cell, {
    ...originAttempt(line, 'request', pattern.text, { ...args, ...(protocols.length > 0 && { protocols }) }),
    isStreamed: true,
    prepare: () => prepared(own),
    prepareApproved: () => prepared(approvedHeaders(own, new Set())),
    signal: cell.gone.signal,
    calledOff: handshake.calledOff,
    onPart: () => handshake.lets(),
  })
}

/** Returns the subprotocols that a start offers, or what of them is none (RFC 6455, 4.1): clients refuse to send it, too. */
function protocolsIn({ protocols }: WebSocketStart, args: JsonObject): Result<readonly string[], string> {
  if (protocols.length === 0) return ok(protocols)
  if ('protocols' in args)
    return no('its pattern has another argument of that name, and so it may offer no subprotocol')
  if (protocols.length > PROTOCOLS_MAX) return no(`it offers more than ${PROTOCOLS_MAX} subprotocols`)
  if (new Set(protocols).size < protocols.length) return no('it offers a subprotocol twice')
  for (const each of protocols) {
    if (each.length > PROTOCOL_CHARACTERS_MAX)
      return no(`it offers a subprotocol of more than ${PROTOCOL_CHARACTERS_MAX} characters`)
    if (!TOKEN.test(each)) return no('it offers a subprotocol that is no token')
  }
  return ok(protocols)
}

/** Names as headers have them (RFC 9110, 5.6.2). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const PROTOCOLS = 'sec-websocket-protocol'

/** Tells whether a header is of the handshake itself, which is made anew. */
function isHandshake(name: string): boolean {
  return name.startsWith('sec-websocket-') || name === 'upgrade' || name === 'connection' || name === 'accept-encoding'
}

interface Asked extends Pick<WebSocketAsked, 'path' | 'start' | 'reply'> {
  readonly protocols: readonly string[]
}

/** The handshakes of one WebSocket: with the origin, and then with the program that asked. */
class Handshake {
  readonly #gate: EnvironmentContext
  readonly #cell: ServedCell
  readonly #line: HttpLine
  readonly #asked: Asked
  readonly #off = new AbortController()
  /** True once both sides stand: what the cell ends from then on is told of by its WebSocket. */
  #stands = false
  /** True once the origin's answer may be shown. */
  #isLet = false

  constructor(gate: EnvironmentContext, cell: ServedCell, line: HttpLine, asked: Asked) {
    this.#gate = gate
    this.#cell = cell
    this.#line = line
    this.#asked = asked
    const { gone } = asked.reply
    const leave = () => this.#stands || this.#off.abort('gone')
    gone.addEventListener('abort', leave, { once: true })
    if (gone.aborted) leave()
  }

  /** The signal that whoever asked has gone before a WebSocket stood. */
  get calledOff(): AbortSignal {
    return this.#off.signal
  }

  /** Takes the word that what the origin has answered may be shown. */
  lets(): undefined {
    this.#isLet = true
  }

  async send(headers: readonly string[], options: SendOptions): ReturnType<Prepared['send']> {
    const { lastCheck, signal, onPart } = options
    const { path, protocols, start } = this.#asked
    const named = this.#headers(headers)
    if (!named.ok) return { kind: 'not-sent', why: named.reason, lives: true }
    const dialled = await this.#line.dial(lastCheck, signal)
    if (!dialled.ok) return { kind: 'not-sent', why: dialled.reason, lives: true }
    const rooms = roomsOf(this.#cell)
    const opened = await webSocketOver(dialled.value, {
      ...{ authority: this.#line.origin.authority, path, headers: named.value, protocols },
      ...{ messageBytesMax: LIMITS.answerBytesMax, unfinished: rooms.far, msMax: HANDSHAKE_MS_MAX, lastCheck, signal },
    })
    if (!opened.ok) {
      const { isSent, why } = opened.reason
      return { kind: isSent ? 'unknown' : 'not-sent', why, lives: true }
    }
    const far = opened.value
    const end = () => far.terminate()
    signal.addEventListener('abort', end, { once: true })
    try {
      await onPart?.({ said: { protocol: far.protocol }, ofAction: true })?.catch(() => undefined)
      if (!this.#isLet && !this.#off.signal.aborted)
        return { kind: 'unknown', why: 'its answer may not be shown', lives: true }
      const bounds = { messageBytesMax: LIMITS.judgedBodyBytesMax, unfinished: rooms.near }
      const near = this.#isLet && !signal.aborted ? await start.accept(far.protocol, bounds) : undefined
      this.#stands = near !== undefined
      const turn = (bytes: number) => this.#gate.slices.take(this.#cell, bytes)
      return await new WebSocketPassing(near, far, { send: options, secrets: this.#gate.secrets, turn }).ended
    } finally {
      signal.removeEventListener('abort', end)
      far.terminate()
    }
  }

  /** Returns the headers of the handshake by their names, with those that the origin's owner puts in. */
  #headers(own: readonly string[]): Result<Readonly<Record<string, string>>, string> {
    const named: Record<string, string> = { host: this.#line.origin.authority }
    try {
      const all = [...own, ...[...this.#line.headers].flat()]
      for (let i = 0; i + 1 < all.length; i += 2) named[all[i] ?? ''] = all[i + 1] ?? ''
      return ok(named)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return no(why.replaceAll(/\s+/g, ' ').slice(0, LIMITS.faultCharactersMax))
    }
  }
}

/** Rooms of a cell for messages that have not come whole: what it sends takes none of what its origins have. */
interface UnfinishedRooms {
  readonly near: Room
  readonly far: Room
}

const roomsByCell = new WeakMap<ServedCell, UnfinishedRooms>()

function roomsOf(cell: ServedCell): UnfinishedRooms {
  const known = roomsByCell.get(cell)
  if (known !== undefined) return known
  const made = { near: new Room(UNFINISHED_BYTES_MAX), far: new Room(UNFINISHED_BYTES_MAX) }
  roomsByCell.set(cell, made)
  return made
}

import type { Socket } from 'node:net'
import process from 'node:process'
import { type JsonObject, LIMITS, type Result } from '../../model/index.ts'
import type { Refusal } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { Room } from '../fairness/room.ts'
import { Slots } from '../fairness/slots.ts'
import { refuseFrame, refuseUnprepared } from '../pipeline/refused.ts'
import type { Leaf } from '../trust/issuer.ts'
import { type CellWebSocket, WebDoor } from '../web/door.ts'
import { CellNames } from '../web/names.ts'
import { placeText, type WebPlace, type WebReply, type WebRequest } from '../web/web-request.ts'
import { GitLine } from './git/line.ts'
import { PACK_HELD_BYTES_MAX } from './git/pack/pack-walk.ts'
import { serveGit } from './git/serve.ts'
import { HttpLine } from './http/line.ts'
import { OriginLine } from './http/origin-line.ts'
import { serveHttp } from './http/serve.ts'
import { ModelLine } from './model/line.ts'
import { serveModel } from './model/serve.ts'
import { PackageLine } from './package/line.ts'
import { LISTS_WAITING_BYTES_MAX } from './package/lists/package-desk.ts'
import { servePackage } from './package/serve.ts'
import { TunnelLine } from './tunnel/line.ts'
import { serveTunnel } from './tunnel/serve.ts'

/** Lists of packages of one cell that are on their way at once; package managers ask for some fifteen. */
const LISTS_AT_ONCE = 8

/** Bytes of what is asked of models, and answered: two conversations as long as any, one of which is being unpacked. */
const CONVERSATIONS_BYTES_MAX = 100_663_296

const NO_UPGRADE = 'it asks for another protocol on its connection (Upgrade), and there is none'
const NOT_TUNNELLED = { sentence: 'refused by Firebreak: it is reached by a tunnel alone', reference: undefined }

export interface CellWebOptions {
  readonly gate: EnvironmentContext
  readonly cell: ServedCell
  /** Returns a certificate that the cell's programs trust for a host, or why there is none. */
  readonly leaf: (host: string) => Result<Leaf, string>
}

/** All of the web, as one cell reaches it: what a program dials becomes a request to a declared origin, or is refused. */
export class CellWeb {
  readonly #options: CellWebOptions
  readonly #door: WebDoor
  readonly #room = new Room(LIMITS.framesBytesMax)
  /** Room for what is asked of models, and answered. */
  readonly #conversations = new Room(CONVERSATIONS_BYTES_MAX)
  /** One body of a cell is unpacked at a time. */
  readonly #unpacking = new Slots(1)
  /** Room for what of packs is looked at before they are let through. */
  readonly #packs = new Room(2 * PACK_HELD_BYTES_MAX)
  /** Bounds on lists of packages that are read whole. */
  readonly #lists = new Room(LISTS_WAITING_BYTES_MAX)
  readonly #listSlots = new Slots(LISTS_AT_ONCE)
  #complainedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: CellWebOptions) {
    const { gate, cell, leaf } = options
    this.#options = options
    this.#door = new WebDoor({
      names: new CellNames(),
      leaf,
      onRequest: (request, reply) => this.#take(request, reply),
      tunnelAt: (place) => this.#tunnelAt(place),
      onUnfit: (place, problem) => void refuseFrame(gate, cell, `${place}: ${problem}`).catch(() => undefined),
    })
  }

  listen(sockets: readonly CellWebSocket[]): Promise<void> {
    return this.#door.listen(sockets)
  }

  close(): void {
    const { cell } = this.#options
    for (const line of cell.upstreams.values()) {
      if (line instanceof PackageLine || line instanceof ModelLine) line.desk.leave(cell.id)
    }
    this.#door.close()
  }

  #take(request: WebRequest, reply: WebReply): void {
    const { cell } = this.#options
    if (cell.underWay >= LIMITS.requestsUnderWayMax) {
      request.body.resume()
      return reply.refuse(429, `refused by Firebreak: at most ${LIMITS.requestsUnderWayMax} requests may be under way`)
    }
    cell.underWay++
    reply.gone.addEventListener('abort', () => void cell.underWay--, { once: true })
    this.#serve(request, reply).catch((error: unknown) => this.#failed(error, reply))
  }

  /** Takes a bug of ours: the cell learns nothing of it, no door stays open, and its owner is told once in a second at most. */
  #failed(error: unknown, reply: WebReply): void {
    const { gate, cell } = this.#options
    if (performance.now() - this.#complainedAtMs >= 1_000) {
      this.#complainedAtMs = performance.now()
      process.stderr.write(`gateway: ${error instanceof Error ? error.stack : String(error)}\n`)
    }
    refuseFrame(gate, cell, 'the gateway failed').then(
      (action) => reply.refuse(500, 'refused by Firebreak: the gateway failed', action),
      () => reply.refuse(500, 'refused by Firebreak: the gateway failed'),
    )
  }

  async #serve(request: WebRequest, reply: WebReply): Promise<void> {
    const { gate, cell } = this.#options
    const line = this.#lineAt(request.place)
    if (line === undefined) return this.#refuse(request, reply)
    if (request.start !== undefined && !(line instanceof HttpLine)) {
      const action = await refuseFrame(gate, cell, `${placeText(request.place)}: ${NO_UPGRADE}`)
      return reply.refuse(426, `refused by Firebreak: ${NO_UPGRADE}`, action)
    }
    if (line instanceof HttpLine) return serveHttp(gate, cell, line, { request, reply, room: this.#room })
    if (line instanceof ModelLine)
      return serveModel(gate, cell, line, {
        ...{ request, reply, room: this.#conversations },
        unpacking: this.#unpacking,
      })
    if (line instanceof GitLine) return serveGit(gate, cell, line, { request, reply, room: this.#packs })
    if (line instanceof PackageLine)
      return servePackage(gate, cell, line, { request, reply, room: this.#lists, slots: this.#listSlots })
    const { sentence, reference } = (line instanceof TunnelLine ? line.lastRefusal : undefined) ?? NOT_TUNNELLED
    request.body.resume()
    reply.refuse(403, sentence, reference)
  }

  /** Returns the line to the origin that a program means by a place; undefined where it is none of the cell's. */
  #lineAt(place: WebPlace): OriginLine | undefined {
    const lines = [...this.#options.cell.upstreams.values()]
    return lines.find((line): line is OriginLine => line instanceof OriginLine && line.isAt(place))
  }

  /** Returns what connects a program to an origin whose TLS it speaks itself; undefined at any other place. */
  #tunnelAt(place: WebPlace): ((socket: Socket) => Promise<boolean>) | undefined {
    const { gate, cell } = this.#options
    const line = this.#lineAt(place)
    return line instanceof TunnelLine ? (socket) => serveTunnel(gate, cell, line, socket) : undefined
  }

  /** Refuses what leads to no origin of the cell's, and says which it was. */
  async #refuse({ place, method, target, body }: WebRequest, reply: WebReply): Promise<void> {
    const { gate, cell } = this.#options
    body.resume()
    const text = placeText(place)
    const reasons: readonly Refusal[] = [{ kind: 'origin', environment: gate.environment, place: text }]
    const args: JsonObject = { place: text, method, target }
    const attempt = { upstream: undefined, operation: 'request', target: `${method} ${text}`, args } as const
    const { action } = await refuseUnprepared(gate, cell, attempt, reasons)
    const reference = action === undefined ? '' : ` (reference ${action})`
    reply.refuse(403, `refused by Firebreak: ${text} is no place that this cell may reach${reference}`, action)
  }
}

import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { LIMITS, no, ok, type Result } from '../../../model/index.ts'
import { dial } from '../../origins/dial.ts'
import { isPrivateUseName, type Origin } from '../../origins/origin.ts'
import { poolTo } from '../../origins/pool.ts'
import { SILENCE_MS_MAX } from './exchange.ts'
import type { Reached } from './send-request.ts'

export interface OriginClientOptions {
  readonly origin: Origin
  /** Certificates in PEM that alone are trusted to speak for it; absent: those that this host trusts. */
  readonly ca?: string
  /** Places of other environments, which nothing of this one reaches by whatever name. */
  readonly elsewhere: readonly string[]
  /** The key of the configuration that names `ca`, for whoever reads why a certificate is refused. */
  readonly caKey: string
}

/** The client of one origin; its connections are dialled when a request leaves, and not before. It puts no header into requests. */
export class OriginClient implements Reached {
  readonly origin: Origin
  readonly headers: ReadonlyMap<string, string> = new Map()
  readonly #options: OriginClientOptions
  #pool: Dispatcher | undefined

  constructor(options: OriginClientOptions) {
    this.#options = options
    this.origin = options.origin
  }

  get pool(): Dispatcher {
    const { origin, ca, elsewhere, caKey } = this.#options
    this.#pool ??= poolTo(new URL(origin.text), {
      elsewhere,
      mayBePrivate: mayBePrivate(origin),
      ...(ca !== undefined && { ca }),
      caKey,
      connectionsMax: LIMITS.originConnectionsMax,
      silenceMsMax: SILENCE_MS_MAX,
      headerBytesMax: LIMITS.webHeaderBytesMax,
    })
    return this.#pool
  }

  /** Makes a connection of its own, for what goes on after one answer. The error says why there is none. */
  async dial(lastCheck: () => string | undefined, signal: AbortSignal): Promise<Result<Socket, string>> {
    const { origin, ca, elsewhere, caKey } = this.#options
    const { host, port, scheme } = origin
    const tls = { caKey, protocols: ['http/1.1'], ...(ca !== undefined && { ca }) }
    const rules = { elsewhere, mayBePrivate: mayBePrivate(origin), lastCheck, signal }
    const dialled = await dial({ host, port }, { ...rules, ...(scheme === 'https' && { tls }) })
    return dialled.ok ? ok(dialled.value.socket) : no(dialled.reason.why)
  }

  /** Has the next request connect anew; those under way may end. */
  disconnected(): void {
    const before = this.#pool
    this.#pool = undefined
    before?.close().catch(() => undefined)
  }

  close(): void {
    const before = this.#pool
    this.#pool = undefined
    before?.destroy().catch(() => undefined)
  }
}

/**
 * Tells whether an origin may be in a network of its owner's. Over TLS who answers there shows that it is meant; without,
 * whoever controls a name that is given out could send what is for it to any machine there.
 */
function mayBePrivate({ scheme, host }: Origin): boolean {
  return scheme === 'https' || isPrivateUseName(host)
}

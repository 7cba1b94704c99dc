import type { Dispatcher } from 'undici'
import { LIMITS } from '../../../model/index.ts'
import { isPrivateUseName, type Origin } from '../../origins/origin.ts'
import { poolTo } from '../../origins/pool.ts'
import { SILENCE_MS_MAX } from './exchange.ts'

export interface OriginClientOptions {
  readonly origin: Origin
  /** Certificates in PEM that alone are trusted to speak for it; absent: those that this host trusts. */
  readonly ca?: string
  /** Places of other environments, which nothing of this one reaches by whatever name. */
  readonly elsewhere: readonly string[]
  /** The key of the configuration that names `ca`, for whoever reads why a certificate is refused. */
  readonly caKey: string
}

/** The client of one origin; its connections are dialled when a request leaves, and not before. */
export class OriginClient {
  readonly #options: OriginClientOptions
  #pool: Dispatcher | undefined

  constructor(options: OriginClientOptions) {
    this.#options = options
  }

  get pool(): Dispatcher {
    const { origin, ca, elsewhere, caKey } = this.#options
    this.#pool ??= poolTo(new URL(origin.text), {
      elsewhere,
      // Whoever wrote down an origin may mean one of their own network. Over TLS who answers there shows that it is meant;
      // without, whoever controls a name that is given out could send what is for it to any machine there.
      mayBePrivate: origin.scheme === 'https' || isPrivateUseName(origin.host),
      ...(ca !== undefined && { ca }),
      caKey,
      connectionsMax: LIMITS.originConnectionsMax,
      silenceMsMax: SILENCE_MS_MAX,
      headerBytesMax: LIMITS.webHeaderBytesMax,
    })
    return this.#pool
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

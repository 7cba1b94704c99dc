import type { buildConnector, Dispatcher } from 'undici'
import Pool from 'undici/lib/dispatcher/pool.js'
import { LIMITS } from '../../model/index.ts'
import { type DialRules, dial } from './dial.ts'

/** The means of a pool of connections to one origin. */
export interface PoolOptions extends Pick<DialRules, 'elsewhere' | 'mayBePrivate' | 'resolve'> {
  /** Certificates in PEM that alone are trusted to sign for it; absent: those that this host trusts. */
  readonly ca?: string
  /** The place where a person declares `ca`, as a message says it. */
  readonly caKey: string
  readonly connectionsMax: number
  /** Milliseconds that it may be silent. */
  readonly silenceMsMax: number
  /** Bytes of the headers of one answer; absent: LIMITS.headerBytesMax. */
  readonly headerBytesMax?: number
}

/**
 * Returns a client of HTTP/1.1 to one origin, each of whose connections is dialled anew. Redirects are answers. The pool asks
 * `onRequestStart` in the tick that writes a request; what its connections do before is no request of anybody's.
 */
export function poolTo({ protocol, hostname, port, origin }: URL, options: PoolOptions): Dispatcher {
  const { ca, caKey, connectionsMax, silenceMsMax, headerBytesMax = LIMITS.headerBytesMax, ...rules } = options
  const host = hostname.replace(/^\[|\]$/g, '')
  const to = { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
  let session: Buffer | undefined
  const connect: buildConnector.connector = (_, done) => {
    const onSession = (begun: Buffer) => {
      session = begun
    }
    const resumed = session === undefined ? {} : { session }
    const tls = { caKey, protocols: ['http/1.1'], onSession, ...resumed, ...(ca !== undefined && { ca }) }
    dial(to, { ...rules, ...(protocol === 'https:' && { tls }) }).then(
      (dialled) => (dialled.ok ? done(null, dialled.value.socket) : done(new Error(dialled.reason.why), null)),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
    )
  }
  return new Pool(origin, {
    connections: connectionsMax,
    pipelining: 1,
    headersTimeout: silenceMsMax,
    bodyTimeout: silenceMsMax,
    connect,
    maxHeaderSize: headerBytesMax,
  })
}

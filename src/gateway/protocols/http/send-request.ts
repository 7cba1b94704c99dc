import { Buffer } from 'node:buffer'
import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Origin } from '../../origins/origin.ts'
import { type ExchangeOptions, HttpExchange } from './exchange.ts'

/** An origin as a request reaches it: its client, and the headers that its owner puts into requests, secrets among them. */
export interface Reached {
  readonly origin: Origin
  readonly pool: Dispatcher
  readonly headers: ReadonlyMap<string, string>
}

/** A request as it leaves, but for the headers that its origin's owner puts in. */
export interface LeavingRequest {
  readonly method: string
  /** Target in origin form. */
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  /** A body that was read whole, or its pieces as they come; absent where there is none. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined
}

/** Returns the head of a request as it leaves, but for the headers that its origin's owner puts in: those stand in no payload. */
export function requestHead(method: string, path: string, authority: string, headers: readonly string[]): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${authority}`]
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`)
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}

/** Sends a request to an origin, with the headers that its owner puts in, and passes its answer through an exchange. */
export function sendRequest(
  reached: Reached,
  { method, path, headers, body }: LeavingRequest,
  options: Omit<ExchangeOptions, 'method' | 'bodyBytes'>,
): HttpExchange {
  const whole = body instanceof Uint8Array ? body : undefined
  const exchange = new HttpExchange({ ...options, method, bodyBytes: whole?.length ?? 0 })
  try {
    const sent = body === undefined || body instanceof Uint8Array ? body : Readable.from(exchange.leaving(body))
    const all = [...headers, ...[...reached.headers].flat()]
    reached.pool.dispatch(
      { path, method: method as Dispatcher.HttpMethod, headers: all, body: sent ?? null }, // any token is sent as it is
      exchange,
    )
  } catch (error) {
    exchange.failed(error)
  }
  return exchange
}

import type { Readable } from 'node:stream'
import type { WebSocketStart } from './web-socket-start.ts'

/** A place that a program of a cell has reached for: what it dialled, under the name that it was given an address for. */
export interface WebPlace {
  readonly scheme: 'http' | 'https'
  /** A name in lower case, or an IPv4 address. */
  readonly host: string
  readonly port: number
}

/** One request, whatever version of HTTP carried it. Every byte of it was written by the cell. */
export interface WebRequest {
  readonly place: WebPlace
  readonly method: string
  /** The target as it came. */
  readonly target: string
  /** CellNames in lower case and values, in their order; without pseudo-headers. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Bytes that its sender says that the body has; undefined where it does not say. */
  readonly length: number | undefined
  readonly hasBody: boolean
  readonly body: Readable
  /** Set where it asks to go on as a WebSocket. */
  readonly start?: WebSocketStart
}

/** The answer to one request. What it is called with is checked before it is written: an origin's words are not trusted. */
export interface WebReply {
  /** Aborted when whoever asked has gone. */
  readonly gone: AbortSignal
  readonly hasBegun: boolean
  /** True once nothing more of the answer is taken: the exchange ends then. Absent where all of it is. */
  readonly hasEnough?: boolean
  /** The fault of an answer of which nothing more is taken, where something is. */
  readonly problem?: string | undefined
  /** Sends the status and headers. False where they cannot be written: nothing is sent then. */
  begin(status: number, headers: readonly (readonly [name: string, value: string])[]): boolean
  /** Sends a piece; false where whoever asked has not read what came before, until `drained`. */
  write(piece: Uint8Array): boolean
  /** Calls back when there is room again. */
  drained(then: () => void): void
  end(): void
  /** Ends an answer that has begun so that it cannot be taken for a whole one. */
  cut(): void
  /** Answers with a sentence for a person; the reference is that of its entry in the ledger. */
  refuse(status: number, sentence: string, reference?: string): void
}

/** Returns a place as people write it: without the port that its scheme has anyway. */
export function placeText({ scheme, host, port }: WebPlace): string {
  return port === DEFAULT_PORTS[scheme] ? host : `${host}:${port}`
}

export const DEFAULT_PORTS = { http: 80, https: 443 } as const

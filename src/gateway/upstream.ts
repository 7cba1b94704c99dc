import type { Json, JsonObject, UpstreamName } from '../model/index.ts'
import type { ParamHeader } from './protocols/mcp/headers.ts'

/** What an upstream said to one action: `{ result }` or `{ error }`, judged later. */
export interface Answer {
  readonly value: JsonObject
  /** The upstream calls it an error. */
  readonly failed: boolean
}

/** One action, put into the exact bytes that will leave. They are committed to in the ledger before `send` is called. */
export interface Prepared {
  readonly bytes: Uint8Array
  readonly send: (options: SendOptions) => Promise<Sent>
}

export interface SendOptions {
  /** Asked in the tick that writes: a reason not to send. */
  readonly lastCheck: () => string | undefined
  /** Aborted when the cell goes away, cancels, or is contained. */
  readonly signal: AbortSignal
  /** Notifications that belong to this action (progress, log messages); the upstream waits for a promise. */
  readonly onNotification?: (method: string, params: JsonObject) => Promise<void> | undefined | void
}

export type Sent =
  | { readonly kind: 'answered'; readonly answer: Answer; readonly bytes: Uint8Array }
  /** No byte left: a reservation may be returned. */
  | { readonly kind: 'not-sent'; readonly why: string }
  /** Bytes left and no whole answer came: the effect may have happened. */
  | { readonly kind: 'unknown'; readonly why: string }
  /** An answer came that cannot be read, or is larger than it may be; nothing of it is passed on. */
  | { readonly kind: 'unreadable'; readonly why: string }

export interface PrepareOptions {
  readonly progress?: boolean
  readonly logLevel?: string
  /** Arguments that the tool asks to have repeated in headers. */
  readonly paramHeaders?: readonly ParamHeader[]
}

export type ListName = 'tools' | 'resources' | 'prompts'

/** One connection to one upstream, whatever its protocol's revision and transport. */
export interface UpstreamConnection {
  readonly name: UpstreamName
  readonly prepare: (method: string, params: JsonObject, options?: PrepareOptions) => Prepared
  /** Definitions, lists and other questions that are ours, not a cell's action. */
  readonly ask: (method: string, params: JsonObject) => Promise<Sent>
  /** What the upstream says it can do, in its protocol's own words (`tools`, `resources`, `prompts`, …). */
  readonly capabilities: Readonly<Record<string, Json>>
  readonly instructions: string | undefined
  /** Called when the upstream says that a list of its has changed. */
  readonly onListChanged: (listener: (list: ListName) => void) => void
  readonly close: () => void
}

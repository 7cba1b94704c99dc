import type { Json, JsonObject, UpstreamName } from '../../model/index.ts'
import type { ParamHeader } from '../protocols/mcp/headers.ts'

/** What an upstream said to one action: `{ result }` or `{ error }`, judged later. */
export interface Answer {
  readonly value: JsonObject
  /** The upstream calls it an error. */
  readonly failed: boolean
}

/** A definition in a list that cannot be read, while the others can. */
export interface LostItem {
  /** Name as the upstream calls it; empty where that cannot be told either. */
  readonly name: string
  readonly why: string
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
  /** For whom it is sent: where a connection is shared, each has a share of what waits. */
  readonly owner?: object
  /** Notifications that belong to this action (progress, log messages); the upstream waits for a promise. */
  readonly onNotification?: (method: string, params: JsonObject) => Promise<void> | undefined | void
}

/** `lives`: it says nothing against the connection, on which others may be waiting. */
export type Sent =
  | {
      readonly kind: 'answered'
      readonly answer: Answer
      readonly bytes: Uint8Array
      /**
       * Items that cannot be read, where the answer was read item by item, as a list is. Nothing else may be read so.
       */
      readonly lost?: readonly LostItem[]
    }
  /** No byte left: a reservation may be returned. */
  | { readonly kind: 'not-sent'; readonly why: string; readonly lives?: true }
  /**
   * An outcome that is not known: bytes left and no whole answer came, so that the effect may have happened. `status`:
   * of HTTP, where that came. `unread`: an answer came that cannot be read.
   */
  | {
      readonly kind: 'unknown'
      readonly why: string
      readonly lives?: true
      readonly status?: number
      readonly unread?: true
    }
  /**
   * An answer came that cannot be read, or is larger than it may be; nothing of it is passed on. `refused`: it says that
   * the upstream did not look at what it was sent, since it does not know the session, or does not take the credential.
   * `answers`: it is one to what was asked, which then was done, and not a refusal by whoever carries messages.
   */
  | {
      readonly kind: 'unreadable'
      readonly why: string
      readonly status?: number
      readonly refused?: 'session' | 'credential'
      readonly answers?: true
    }

export interface PrepareOptions {
  /** Milliseconds that the upstream may say nothing of it, its progress neither; absent: as long as of anything. */
  readonly silenceMsMax?: number
  readonly logLevel?: string
  /** Arguments that the tool asks to have repeated in headers. */
  readonly paramHeaders?: readonly ParamHeader[]
}

/** An upstream did not take the credential that it was sent, and there is no other. */
export class CredentialRefused extends Error {}

export type ListName = 'tools' | 'resources' | 'prompts'

/** One connection to one upstream, whatever its protocol's revision and transport. */
export interface UpstreamConnection {
  readonly name: UpstreamName
  /** The revision of its protocol that is spoken on it. */
  readonly revision: string
  readonly prepare: (method: string, params: JsonObject, options?: PrepareOptions) => Prepared
  /** Definitions, lists and other questions that are ours, not a cell's action. */
  readonly ask: (method: string, params: JsonObject, signal?: AbortSignal) => Promise<Sent>
  /** What the upstream says it can do, in its protocol's own words (`tools`, `resources`, `prompts`, …). */
  readonly capabilities: Readonly<Record<string, Json>>
  readonly instructions: string | undefined
  /** Called when the upstream says that a list of its has changed. */
  readonly onListChanged: (listener: (list: ListName) => void) => void
  /** Nothing can be sent on it any more. */
  readonly closed: boolean
  /** What is under way may end; then it is closed. */
  readonly retire: () => void
  /** At once, with all that is under way. */
  readonly close: () => void
}

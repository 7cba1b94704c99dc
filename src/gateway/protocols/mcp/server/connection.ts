import type { Json, JsonObject, UpstreamName } from '../../../../model/index.ts'
import type { Prepared, SendOptions, Sent } from '../../../pipeline/line.ts'
import type { McpAnswer } from '../contract/answer.ts'
import type { ParamHeader } from '../contract/headers.ts'
import type { LostItem } from '../rpc.ts'

/** The outcome of one message of MCP. */
export type McpSent =
  | Exclude<Sent, { kind: 'answered' }>
  | (Extract<Sent, { kind: 'answered' }> & {
      readonly answer: McpAnswer
      /** Items that cannot be read, where the answer was read item by item, as a list is. Nothing else may be read so. */
      readonly lost?: readonly LostItem[]
    })

/** One request of MCP, in the bytes that will leave. */
export interface McpPrepared extends Prepared {
  readonly send: (options: SendOptions) => Promise<McpSent>
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

/** The lists that an upstream has, as capabilities name them. */
export type ListName = 'tools' | 'resources' | 'prompts'

/** One connection to one upstream, whatever its revision and transport. */
export interface UpstreamConnection {
  readonly name: UpstreamName
  /** The revision of the protocol that is spoken on it. */
  readonly revision: string
  readonly prepare: (method: string, params: JsonObject, options?: PrepareOptions) => McpPrepared
  /** Definitions, lists and other questions that are ours, not a cell's action. */
  readonly ask: (method: string, params: JsonObject, signal?: AbortSignal) => Promise<McpSent>
  /** Capabilities that the upstream says it has, in its protocol's own words (`tools`, `resources`, `prompts`, …). */
  readonly capabilities: Readonly<Record<string, Json>>
  readonly instructions: string | undefined
  /** Called when the upstream says that a list of its has changed. */
  readonly onListChanged: (listener: (list: ListName) => void) => void
  /** True where nothing can be sent any more. */
  readonly closed: boolean
  /** Closes it once what is under way has ended. */
  readonly retire: () => void
  /** Closes it at once, with all that is under way. */
  readonly close: () => void
}

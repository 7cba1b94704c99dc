/**
 * Upstreams as the pipeline knows them, whatever protocol they speak: contracts, and how one action is put into
 * bytes and sent. A protocol implements these in its own folder; nothing here names one.
 */
import type {
  ActionId,
  ActionOutcome,
  Amounts,
  CellId,
  DeclaredTool,
  EnvironmentName,
  Json,
  JsonPath,
  Money,
  PinnedTool,
  ProtocolName,
  ToolName,
  UpstreamName,
} from '../../model/index.ts'
import type { DefinitionProblem, Reading } from '../../policy/index.ts'
import type { CompiledSchema } from '../content/schema.ts'

/** One upstream of a cell. */
export interface Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** Protocol that is spoken with it. */
  readonly protocol: ProtocolName
  /** Problems of definitions, by `cedarActionId`, for decisions. */
  readonly definitionProblems: ReadonlyMap<string, DefinitionProblem>
  readonly contracts: ReadonlyMap<ToolName, Contract>
  /** Actions whose bytes may have left and that are not answered, each with its cell; oldest first. */
  readonly underWay: Map<ActionId, CellId>
  contract(name: ToolName): Contract | undefined
  /** Has the next action connect anew; what is under way may end first. */
  disconnected(): void
  /** Ends it at once, with all that is under way. */
  close(): void
}

/** One operation as the configuration declares it, and as a person accepted it. */
export interface Contract {
  readonly declared: DeclaredTool
  readonly pinned?: PinnedTool
  /** The most that it may take of measures that its protocol counts, beside the declared bytes and rows of an answer. */
  readonly most?: Amounts
  /** Judges arguments; absent until a definition is accepted, and then nothing is granted. */
  readonly input: CompiledSchema | undefined
  /** Returns what breaks the definition in an answer that its upstream calls a success. */
  judge(answer: Answer): string | undefined
}

/** An upstream's answer to one action, as its protocol has read it. */
export interface Answer {
  /** All that it says, searched for secrets and measured. */
  readonly said: Json
  readonly reading: Reading
  /** True where the upstream calls it an error. */
  readonly failed: boolean
  /**
   * Returns the answer without these fields. Of an error nothing is known that could be masked: it only says that it is
   * one.
   */
  without(mask: readonly JsonPath[]): Answer
}

/** Something that an upstream says of an action before its answer. */
export interface Part {
  readonly said: Json
  /** True where it is of this action alone; false where it may be of any action to that upstream. */
  readonly ofAction: boolean
}

/** Takes a part; the upstream waits for a promise. */
export type OnPart = (part: Part) => Promise<void> | undefined

/** One action, put into the exact bytes that will leave. They are committed to in the ledger before `send` is called. */
export interface Prepared {
  readonly bytes: Uint8Array
  readonly send: (options: SendOptions) => Promise<Sent | Passage>
}

export interface SendOptions {
  /** Asked in the tick that writes: a reason not to send. */
  readonly lastCheck: () => string | undefined
  /** Aborted when the cell goes away, cancels, or is contained. */
  readonly signal: AbortSignal
  /** For whom it is sent: where a connection is shared, each has a share of what waits. */
  readonly owner?: object
  readonly onPart?: OnPart
  /** The most bytes of a connection, both ways, where somebody counts them; what passes more is cut. */
  readonly bytesMax?: number
  /** Tells whether the upstream may notice now what the cell does beside asking: how fast it reads. Absent: it may. */
  readonly mayNotice?: () => boolean
  /** Milliseconds for which nothing may pass, where the configuration says. */
  readonly silenceMsMax?: number
}

/** The outcome of a send. `lives`: it says nothing against the connection, on which others may be waiting. */
export type Sent =
  /** `unread`: why it could not be read whole; then nothing of it is passed on. */
  | {
      readonly kind: 'answered'
      readonly answer: Answer
      readonly bytes: Uint8Array
      readonly unread?: string
      /** Amounts that its protocol has counted itself. */
      readonly counted?: Amounts
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

/** A connection that has ended: what came back has passed on piece by piece, and is no answer. */
export interface Passage {
  readonly kind: 'passed'
  readonly passed: NonNullable<ActionOutcome['passed']>
  /** Amounts that its protocol has counted. */
  readonly counted: Amounts
  /** Money that its protocol has counted, of which the reservation is the most that it could be. */
  readonly spent?: Money
  /** Bytes that came back, where its protocol keeps them. */
  readonly bytes?: Uint8Array
  /** Tools that a model asked its client to call. */
  readonly asks?: NonNullable<ActionOutcome['asks']>
  /** Set where it was cut, or broke, so that nobody knows what of it took place. */
  readonly why?: string
  /** A sentence on what is not kept of it, or otherwise than it came. */
  readonly note?: string
  /** True where what came back says that it was refused or failed. */
  readonly failed?: true
  /** Name of a secret that came back, for which it was cut. */
  readonly leaked?: string
  /** SHA-256 of what came back, in hexadecimal; absent where nobody hashed it. */
  readonly digest?: string
}

/**
 * The port of the gateway's protocols. A protocol lives in its own folder beside this file and is named in `registry.ts`;
 * nothing else of the gateway names one.
 */
import type {
  ActionId,
  EnvironmentName,
  JsonObject,
  ListCut,
  Operation,
  ProtocolName,
  Sha256,
  ToolName,
} from '../../model/index.ts'
import type { DefinitionProblem } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import type { Secrets } from '../content/secrets.ts'
import type { UpstreamSetup } from '../link/setup.ts'
import type { StdioPipes } from '../link/stdio-pipes.ts'
import type { Performed } from '../pipeline/attempt.ts'
import type { Credentials } from '../pipeline/credentials.ts'
import type { Answer, Line } from '../pipeline/line.ts'

/** Reads the bytes that a protocol sent and received, as the ledger keeps them. Without any connection. */
export interface PayloadReader {
  /** Returns the arguments that an action of this name was sent with; undefined of bytes that are none of the protocol's. */
  argumentsIn(sent: Uint8Array, tool: ToolName): JsonObject | undefined
  /** Returns an upstream's answer, read as strictly as when it came; undefined where it cannot be read so. */
  answerIn(received: Uint8Array): Answer | undefined
}

/** One wire protocol. */
export interface Protocol {
  /** Recorded in each intent. */
  readonly name: ProtocolName
  readonly payloads: PayloadReader
  /**
   * Performs an operation that no cell asked for: a compensation, or a look at what an effect has become. Absent where
   * nothing of it can be compensated.
   */
  readonly performOwn?: (
    gate: EnvironmentContext,
    cell: ServedCell,
    line: Line,
    call: OwnCall,
  ) => Promise<Performed | Unreachable>
}

/** A protocol that agents speak with the gateway, and the gateway with upstreams. */
export interface SpokenProtocol extends Protocol {
  /** Makes what opens lines to upstreams; one for each gateway, since it remembers what they were found to speak. */
  dialler(options: DialOptions): Dialler
  /** Opens the door through which a cell speaks it. */
  openDoor(gate: EnvironmentContext, cell: ServedCell): Door
}

/** A door of one cell: it owns the listener, and every connection that comes in. */
export interface Door {
  /** Listens on the cell's own listener (a descriptor). Rejects where that is none. */
  listen(listener: number): Promise<void>
  /** Ends every connection, at once. */
  close(): void
}

/** The means with which every line of a gateway is opened. */
export interface DialOptions {
  readonly secrets: Secrets
  readonly credentials: Credentials
  readonly pipes: StdioPipes
  /** Places of other environments. */
  readonly elsewhere: readonly string[]
  /** Makes what shares the event loop between those who read large answers. */
  readonly turn: () => (bytes: number) => Promise<void> | undefined
  /** Hears of a server that nobody speaks to any more. */
  readonly onGivenUp: (server: number) => void
}

/** Opens a line to one upstream. */
export type Dialler = (setup: UpstreamSetup, options: LineOptions) => Line

/** The options of one line. */
export interface LineOptions {
  readonly environment: EnvironmentName
  /** The number of the cell that it serves alone; null where it is shared. */
  readonly number: number | null
  /** Hears that nobody gets to the upstream, and why; or, with nothing, that it stands again. Once for each change. */
  readonly onStand: (problem?: string) => void
  /** Hears that the upstream offers what was not accepted. */
  readonly onDefinition: (tool: ToolName, offered: OfferedDefinition, problem: DefinitionProblem) => void
  /** Hears that something of a list could not be taken, in words for a person; the rest of it was. */
  readonly onCut: (list: ListCut['list'], what: readonly string[]) => void
}

/** The definition that an upstream offers of a tool, beside what was accepted. */
export interface OfferedDefinition {
  readonly digest: Sha256
  /** True where it differs in nothing but its descriptions. */
  readonly words: boolean
}

/** An operation that is performed on a person's order. */
export interface OwnCall {
  readonly operation: Operation
  /** Name of the operation at its upstream. */
  readonly target: string
  readonly args: JsonObject
  readonly signal: AbortSignal
  /** The effect that it compensates, which is sent once; or that it looks at, which may be asked twice. */
  readonly about: { readonly undoes: ActionId } | { readonly checks: ActionId }
}

/** An attempt that was refused and recorded since nobody gets to the upstream. */
export interface Unreachable {
  readonly kind: 'unreachable'
  readonly action: ActionId | undefined
  /** Set where the upstream does not take the credential that it is sent. */
  readonly refused?: 'credential'
}

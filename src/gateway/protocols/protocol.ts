/**
 * The port of the gateway's protocols. A protocol lives in its own folder beside this file and is named in `registry.ts`;
 * nothing else of the gateway names one.
 */
import type { ActionId, JsonObject, Operation, ProtocolName } from '../../model/index.ts'
import type { CellAtGate } from '../admission/cell.ts'
import type { Gate } from '../admission/gate.ts'
import type { Answer, Line } from '../pipeline/line.ts'
import type { Performed } from '../pipeline/pipeline.ts'

/** Reads the bytes that a protocol sent and received, as the ledger keeps them. Without any connection. */
export interface PayloadReader {
  /** Returns the arguments that an action was sent with; undefined of bytes that are none of the protocol's. */
  argumentsIn(sent: Uint8Array): JsonObject | undefined
  /** Returns an upstream's answer, read as strictly as when it came; undefined where it cannot be read so. */
  answerIn(received: Uint8Array): Answer | undefined
}

/** One wire protocol. */
export interface Protocol {
  /** Recorded in each intent. */
  readonly name: ProtocolName
  readonly payloads: PayloadReader
  /** Performs an operation that no cell asked for: a compensation, or a look at what an effect has become. */
  performOwn(gate: Gate, cell: CellAtGate, line: Line, call: OwnCall): Promise<Performed | Unreachable>
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

/** Nobody gets to the upstream: the attempt was refused, and recorded. */
export interface Unreachable {
  readonly kind: 'unreachable'
  readonly action: ActionId | undefined
  /** Set where the upstream does not take the credential that it is sent. */
  readonly refused?: 'credential'
}

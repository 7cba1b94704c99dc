import type { ActionId, AgentName, CellId, EnvironmentName, Sha256, ToolName, UpstreamName } from './ids.ts'
import type { JsonObject } from './json.ts'
import type { Amounts } from './measure.ts'
import type { Money } from './money.ts'
import type { Operation } from './operation.ts'

/**
 * The kinds of change that an action makes. A tool that declares none counts as `irreversible`; a read that names a
 * destination is declared a `write`.
 */
export type Effect = 'read' | 'write' | 'spend' | 'irreversible'

export const EFFECTS: readonly Effect[] = ['read', 'write', 'spend', 'irreversible']

/**
 * One attempt by a cell to do something, normalised whatever protocol carried it.
 *
 * - A1  The cell picks `upstream`, `operation` and `tool` among what its configuration declares, and writes `args`; all else
 *        comes from its listener or the configuration.
 * - A2  `args` is what a strict parser returned, and exactly what is serialised again when the action is sent.
 * - A3  `effect` is the configuration's word on the tool; absent there, it is `irreversible`. Of several operations it is the
 *        gravest.
 */
export interface Action {
  readonly id: ActionId
  readonly cellId: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  readonly upstream: UpstreamName
  /** The environment that the upstream belongs to; a different one than the cell's is always refused. */
  readonly upstreamEnvironment: EnvironmentName
  readonly operation: Operation
  /** Name of the tool or prompt, or the template that the resource's URI matches; the URI is in `args`. */
  readonly tool: ToolName
  readonly args: JsonObject
  readonly effect: Effect
  /** Digest of the definition that a person accepted and that `args` were validated against. */
  readonly definition: Sha256
  /**
   * The amount that the action costs, read from the arguments that the configuration names. Present for `spend` only.
   */
  readonly spend?: Money
  /** The most that it may take of each measure: more of an answer is withheld, more of a connection is cut. */
  readonly most?: Amounts
  /**
   * For a connection: the call under way on whose word a relay makes it. That call was let through with what the cell has
   * seen, and has taken its place in the budgets of calls.
   */
  readonly during?: ActionId
  /** Further operations of the same upstream that it makes use of: each is decided as its own is, with the same arguments. */
  readonly alongside?: readonly FurtherOperation[]
  /**
   * Says what a person's yes can let through where more leaves than its arguments say: `never` this one; `unlabelled`: this one
   * where its cell has seen nothing that it does not accept. Absent: whatever would wait for a person.
   */
  readonly approvable?: 'never' | 'unlabelled'
  /** The effect that it compensates, or looks at: on a person's order, and no agent's. */
  readonly undoes?: ActionId
  readonly checks?: ActionId
}

/** An operation that an action makes use of beside its own: what the configuration and the accepted definition say of it. */
export interface FurtherOperation extends Pick<Action, 'tool' | 'effect' | 'definition'> {}

/** Returns the gravest of some effects, in the order of `EFFECTS`. */
export function gravest(first: Effect, ...others: readonly Effect[]): Effect {
  return others.reduce((most, each) => (EFFECTS.indexOf(each) > EFFECTS.indexOf(most) ? each : most), first)
}

import type { Reason } from '../../model/decision.ts'
import type { Grant } from '../../model/grant.ts'
import type { AgentName, DelegationId, EnvironmentName, PersonName } from '../../model/ids.ts'
import type { Rung } from '../../model/ladder.ts'
import type { BudgetView } from '../budget/budget.ts'
import type { CompiledPolicies } from '../cedar/compile.ts'
import type { ExposureView } from '../flow/exposure.ts'
import type { Flow } from '../flow/flow.ts'
import type { Restriction } from './restriction.ts'
import type { Task } from './task.ts'

/**
 * All that a cell may do, as it stands at one moment. Nothing of it comes from the cell.
 *
 * - AU1  `grants` are the agent's own; one of another agent in it is ignored.
 */
export interface Authority {
  readonly agent: AgentName
  readonly owner: PersonName
  /** The cell's. */
  readonly environment: EnvironmentName
  readonly rung: Rung
  readonly grants: readonly Grant[]
  readonly policies: CompiledPolicies
  readonly budgets: BudgetView
  /** The labels and values that the cell has seen. */
  readonly exposure: ExposureView
  /** Flows by `cedarActionId`. For a tool without one, every text argument is a destination. */
  readonly flows: Pick<ReadonlyMap<string, Flow>, 'get'>
  readonly task?: Task
  /**
   * The delegation from which this cell has all its authority; `grants` is empty then. The giver's own authority is
   * asked as well, and so on up to the agent that a person granted something.
   */
  readonly above?: Delegation
  /**
   * Problems with the definitions that upstreams offer now, by `cedarActionId`. A digest that differs from the accepted
   * one is found without them.
   */
  readonly definitionProblems?: Pick<ReadonlyMap<string, DefinitionProblem>, 'get'>
}

/**
 * A part of one cell's authority, given to another cell. It holds restrictions and nothing else: the cell that has it may
 * do what the cell that gave it may do at this moment, less what stands here (S5). So nothing has to be proven narrower,
 * and whatever happens to the giver happens to all below it in the same tick.
 */
export interface Delegation {
  readonly id: DelegationId
  /** Levels above it: 1 for one that an agent's own cell gave. */
  readonly depth: number
  readonly restriction: Restriction
  /** The giver's authority, as it stands when it is asked for. */
  readonly from: () => Authority
  /** Epoch ms; absent while it is live. */
  readonly revokedAtMs: () => number | undefined
}

export type DefinitionProblem = Extract<Reason, { kind: 'definition' }>['problem']

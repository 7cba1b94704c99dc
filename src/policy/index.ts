/** What other rooms may use of this one. Cedar's library is loaded by `parsePolicies` alone, and only in a worker. */
export { chargedIn, type Rows, rowsIn } from './answer-cost.ts'
export { labelsMeanwhile } from './answer-labels.ts'
export { valuesOf } from './answer-parts.ts'
export type { Authority, DefinitionProblem } from './authority.ts'
export { BookClock, type ClockMark, type Moment, type Uptime } from './book-clock.ts'
export { BudgetBook, type BudgetReason, type BudgetView, type Reservation } from './budget.ts'
export type { BundledAction, BundledPolicy, PolicyBundle } from './bundle.ts'
export { type Effected, fillTemplate, undoneIn } from './compensation.ts'
export { type CompiledPolicies, compilePolicies } from './compile.ts'
export {
  type Admitted,
  type Allowed,
  admit,
  type Candidate,
  canBeAsked,
  type Decided,
  type Denied,
  decide,
  decideList,
  decideListed,
  type Held,
  isLive,
  type PermitReason,
  type Refusal,
  topOf,
} from './decide.ts'
export type { ArgumentLimit, Delegation, Restriction } from './delegation.ts'
export { explain } from './explain.ts'
export { Exposure, type ExposureView } from './exposure.ts'
export {
  argumentNames,
  compileFlow,
  type Flow,
  HOLD_REASONS_MAX,
  issuedBy,
  type ListedValues,
  listedValues,
} from './flow.ts'
export type { GrantSource } from './grant-permit.ts'
export { noRoomFor } from './no-room.ts'
export { Words } from './own-words.ts'
export { parsePolicies } from './parse.ts'
export { type Operation, type Reach, type ReachInput, reach, WORKSPACE } from './reach.ts'
export { type ReachChange, reachDiff } from './reach-diff.ts'
export { shownDefinition } from './shown-limits.ts'
export { skeleton } from './skeleton.ts'
export { readSpend, type SpendProblem } from './spend.ts'
export type { Task } from './task.ts'
export { type Turn, type TurnInput, turnOf } from './turn.ts'
export { cedarActionId } from './vocabulary.ts'
export { placing } from './where-seen.ts'
export type { PolicySource } from './written.ts'

/** The names that other rooms may use. Cedar's library is loaded by `parsePolicies` alone, and only in a worker. */

export { BookClock, type ClockMark, type Moment, type Uptime } from './budget/book-clock.ts'
export { BudgetBook, type BudgetReason, type BudgetView, type Reservation } from './budget/budget.ts'
export { countsAlike } from './budget/used.ts'
export type { BundledAction, BundledPolicy, PolicyBundle } from './cedar/bundle.ts'
export { type CompiledPolicies, compilePolicies } from './cedar/compile.ts'
export { parsePolicies } from './cedar/load/parse.ts'
export type { PolicySource } from './cedar/load/written.ts'
export { cedarActionId, operationIds } from './cedar/vocabulary.ts'
export { chargedIn, type Rows, rowsIn } from './decide/answer-cost.ts'
export type { Authority, DefinitionProblem, Delegation } from './decide/authority.ts'
export { type Effected, fillTemplate, undoneIn } from './decide/compensation.ts'
export {
  type Admitted,
  admit,
  type Candidate,
  decide,
  decideList,
  decideListed,
  decideStanding,
  isLive,
  personCouldAllow,
  topOf,
} from './decide/decide.ts'
export type { Allowed, Decided, Denied, Held, PermitReason, Refusal } from './decide/decided.ts'
export type { GrantSource } from './decide/grant-permit.ts'
export type { ArgumentLimit, Restriction } from './decide/restriction.ts'
export { readSpend, type SpendProblem } from './decide/spend.ts'
export type { Task } from './decide/task.ts'
export { explain } from './explain/explain.ts'
export { shownInput } from './explain/shown-limits.ts'
export { findSmallestChange, type SmallestChange, type SmallestChangeInput } from './explain/smallest-change.ts'
export { labelsMeanwhile } from './flow/answer-labels.ts'
export { Exposure, type ExposureView } from './flow/exposure.ts'
export {
  argumentNames,
  compileFlow,
  type Flow,
  HOLD_REASONS_MAX,
  issuedBy,
  type ListedValues,
  listedValues,
} from './flow/flow.ts'
export { SentWords } from './flow/sent-words.ts'
export { skeleton } from './flow/skeleton.ts'
export { withWhereSeen } from './flow/where-seen.ts'
export { type Reach, type ReachedOperation, type ReachInput, reach, WORKSPACE } from './reach/reach.ts'
export { type ReachChange, reachDiff } from './reach/reach-diff.ts'
export { forbidsGone, mayMean } from './reach/reach-forbids.ts'
export type { Reading } from './reading.ts'

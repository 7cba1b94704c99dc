import {
  type Action,
  type ActionId,
  type AgentName,
  type CellId,
  type DelegationId,
  type Label,
  type PersonName,
  type Rung,
  UNTRUSTED,
  type UpstreamName,
} from '../../model/index.ts'
import type { Authority, BudgetBook, Exposure, Refusal, Restriction } from '../../policy/index.ts'
import type { Pace } from '../fairness/pace.ts'
import type { LedgerShare } from '../fairness/share.ts'
import type { Line } from '../pipeline/line.ts'
import type { Refusals } from '../pipeline/refusals.ts'
import type { Issuer } from '../trust/issuer.ts'
import type { SavedFirst } from './saved-first.ts'

/**
 * A cell as the gateway knows it: the listener that it comes in on, what it may do, and what of it is under way. All of
 * it comes from the warden and the configuration; nothing of it is told by the cell.
 */
export interface ServedCell {
  readonly id: CellId
  /** The warden's own name for it. */
  readonly number: number
  /** Everything but the rung, which `authorityOf` puts beside it; another object where other rules apply from then on. */
  authority: Omit<Authority, 'rung'> & { readonly budgets: BudgetBook; readonly exposure: Exposure }
  readonly upstreams: ReadonlyMap<UpstreamName, Line>
  rung: Rung
  /** The last order or signal that would lower it, also one that found it as low already; another object each time. */
  lowered?: Lowered
  /** True once a configuration that was applied declared its agent no more: nothing is granted to it again. */
  undeclared?: true
  /** Epoch ms at which its grants begin. */
  readonly sinceMs: number
  /** Aborted once, when the cell ends or is cut off: everything under way ends with it. */
  readonly gone: AbortController
  /** Requests that have not been answered yet. */
  underWay: number
  readonly share: LedgerShare
  /** The pace of its actions while it is watched. */
  readonly pace: Pace
  readonly refusals: Refusals
  /** The last refused actions of the cell that a person could let through, by reference. */
  readonly asked: Map<ActionId, { readonly action: Action; readonly reasons: readonly Refusal[] }>
  /** Labels that the ledger knows of. */
  readonly labelled: Set<Label>
  /** Present while some labels are not on disk yet; resolves with false where they will never be. */
  labelling?: Promise<boolean> | undefined
  /** The saving of its files before an action that cannot be taken back. */
  readonly savedFirst?: { readonly files: SavedFirst; readonly required: boolean }
  /** The certificate authority by which its doors end TLS; absent where no TLS of it ends here. */
  readonly issuer?: Issuer
  /** Delegations that the cell has given. */
  readonly given: Map<DelegationId, Given>
  /** The delegation that the cell was started for. */
  readonly givenBy?: Given
}

export interface Lowered {
  readonly by: 'firebreak' | PersonName
  readonly why: string
  /** Time by `monotonicUs`. */
  readonly atUs: number
  /** Sequence number of the signal, where one has lowered it. */
  readonly signal?: number
}

/** One delegation, and the cell that has it once that is there. */
export interface Given {
  readonly id: DelegationId
  readonly agent: AgentName
  readonly depth: number
  restriction: Restriction
  assignment: string
  /** The newest reports of a delegation, and how many older ones are not kept. */
  readonly reports: string[]
  reportsForgotten: number
  state: 'starting' | 'running' | 'ended'
  /** Epoch ms. Set once, and with it everything below has ended. */
  revokedAtMs: number | undefined
  cell: ServedCell | undefined
  /** Exposure of its cell, once that has ended. */
  seen?: Exposure
  /** Ends it when its time is over. */
  expires?: NodeJS.Timeout
}

/**
 * Forgets work that has ended and binds nobody any more: all that is kept is what it reported, and what its cell had
 * seen.
 */
export function forgetWork(given: Given): void {
  clearTimeout(given.expires)
  if (given.cell !== undefined) given.seen = given.cell.authority.exposure
  given.cell = undefined
  given.assignment = ''
  given.restriction = { arguments: [], budgets: [], expiresAtMs: given.restriction.expiresAtMs }
}

export function authorityOf(cell: ServedCell): Authority & { readonly budgets: BudgetBook } {
  return { ...cell.authority, rung: cell.rung }
}

/**
 * Tells whether an upstream may notice what a cell does beside an allowed call: it accepts every label that the cell
 * carries (F1). `untrusted` binds nothing of that kind: it carries nothing of whom data is meant for.
 */
export function mayNotice({ authority }: ServedCell, accepts: ReadonlySet<Label> | undefined): boolean {
  return [...authority.exposure.labels.keys()].every((label) => label === UNTRUSTED || accepts?.has(label) === true)
}

/** Returns the owners of the agent that asks and of everyone above it. */
export function ownersOf({ owner, above }: Authority): readonly PersonName[] {
  return above === undefined ? [owner] : [owner, ...ownersOf(above.from())]
}

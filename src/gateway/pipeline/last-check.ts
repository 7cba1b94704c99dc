import type { Ledger } from '../../ledger/log/ledger.ts'
import { type Action, type Effect, type GrantId, isConnection } from '../../model/index.ts'
import { type Authority, decideStanding, explain, type Refusal, type Reservation } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { authorityOf, type ServedCell } from '../admission/served-cell.ts'
import type { Attempt } from './attempt.ts'
import { endedSince } from './ended-since.ts'

/** A decision that let an action through, as it stood in its tick. */
export interface DecidedBy {
  /** Grants that were charged; none where a person let it through. */
  readonly charged: readonly GrantId[]
  /** The rules of that tick: each configuration has others. */
  readonly authority: ServedCell['authority']
  /** Number of labels that the cell carried. */
  readonly labels: number
  /** True where a person let it through. */
  readonly isApproved: boolean
}

/** Returns the grants among the holders of a reservation. */
export function grantsOf({ holders }: Reservation): readonly GrantId[] {
  return holders.flatMap(({ id }) => (id.startsWith('d_') ? [] : [id as GrantId])) // a holder is a grant or a delegation
}

/**
 * Returns the check of step 7, for each tick that writes: what may have changed since the decision. A connection is decided
 * anew, and so is what leaves in pieces (`isStreamed`): what its cell writes later, it writes with what it has learned
 * meanwhile. What a person approved was approved of a cell with those labels, and ends with the first that it has more.
 */
export function checkOf(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  attempt: Attempt,
  by: DecidedBy,
): () => string | undefined {
  const last = ({ policies }: Pick<Authority, 'policies'>) => lastCheck(gate, cell, action, by.charged, policies)
  const standing = () => standingOf(gate, cell, action, attempt)
  if (!attempt.isStreamed) return () => last(by.authority)
  if (isConnection(action.operation) && !by.isApproved) return () => last(cell.authority) ?? standing()
  const again = onceChanged(gate, cell, by, standing)
  return () => last(by.isApproved ? by.authority : cell.authority) ?? again()
}

function lastCheck(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  charged: DecidedBy['charged'],
  policies: Authority['policies'],
): string | undefined {
  if (cell.gone.signal.aborted) return 'the cell is gone'
  if (cell.authority.policies !== policies) return 'the configuration has changed since it was decided'
  const ended = endedSince(action, authorityOf(cell), charged, gate.nowMs())
  if (ended !== undefined) return ended
  return whyClosed(gate.ledger, action.effect, gate.nowMs()) === undefined
    ? undefined
    : 'the ledger or its witness is away'
}

/** Returns why what stands may pass no further piece: it is decided anew, by the rules and labels of by now. */
function standingOf(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  { during }: Attempt,
): string | undefined {
  const { during: _, ...rest } = action
  const call = during?.()
  const decided = decideStanding({ ...rest, ...(call && { during: call }) }, authorityOf(cell), gate.nowMs())
  return decided.verdict === 'allow' ? undefined : explain(decided)[0]
}

/**
 * Returns what decides again once a cell has learned more, and for a body that no person approved also where other rules
 * apply or a second has passed: a body may come byte by byte.
 */
function onceChanged(
  gate: EnvironmentContext,
  cell: ServedCell,
  { labels, authority, isApproved }: DecidedBy,
  decide: () => string | undefined,
): () => string | undefined {
  let known = { labels, authority, atMs: gate.nowMs() }
  return () => {
    const now = { labels: cell.authority.exposure.labels.size, authority: cell.authority, atMs: gate.nowMs() }
    const isNew = now.authority !== known.authority || now.atMs - known.atMs >= DECIDED_MS
    if (now.labels === known.labels && (isApproved || !isNew)) return undefined
    const why = decide()
    if (why === undefined) known = now
    return why
  }
}

/** Milliseconds for which a decision on a body that is under way stands, where nothing has changed. */
const DECIDED_MS = 1_000

/**
 * Returns what of this gateway itself stands in the way of an effect (S4): nothing that has one leaves while the ledger or
 * its witness is away, and a read does not leave a dead ledger either.
 */
export function whyClosed(
  ledger: Pick<Ledger, 'fault' | 'effectsAllowed'>,
  effect: Effect,
  nowMs: number,
): Extract<Refusal, { kind: 'unavailable' }> | undefined {
  if (ledger.fault !== undefined) return { kind: 'unavailable', what: 'ledger', problem: 'it cannot be written' }
  if (effect === 'read' || ledger.effectsAllowed(nowMs)) return undefined
  return { kind: 'unavailable', what: 'witness', problem: 'the last seal is too old' }
}

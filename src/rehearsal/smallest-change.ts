import { connectionsFor, toolsOf } from '../host/prepare/catalogue.ts'
import { policiesOf, tenantOf } from '../host/state/tenants.ts'
import type { Log } from '../ledger/store.ts'
import { type ActionId, grantedName } from '../model/index.ts'
import { findSmallestChange, issuedBy, type SmallestChange } from '../policy/index.ts'
import { normalised, type Rehearsal } from './attempt.ts'
import { type Rejudged, type ReplayedMoment, replayLog } from './replay.ts'

/** A recorded action as the configuration at hand decides it, with the smallest change that would flip that. */
export interface DecidedAgain {
  readonly now: Rejudged
  /** Absent where it lets the action through. */
  readonly change?: SmallestChange
}

/**
 * Decides a recorded action again. Plays the log up to it, since the decision depends on what its cell had seen and
 * spent by then.
 */
export async function decideRecordedAgain(
  rehearsal: Rehearsal,
  log: Log,
  action: ActionId,
): Promise<DecidedAgain | undefined> {
  let found: DecidedAgain | undefined
  const replayed = await replayLog(rehearsal, log, (now, moment) => {
    if (now.action !== action) return
    found = now.now === 'allow' ? { now } : { now, change: changeAt(rehearsal, moment) }
  })
  return replayed.ok ? found : undefined
}

function changeAt(rehearsal: Rehearsal, { cell, attempt, atMs }: ReplayedMoment): SmallestChange {
  const { action, refusals } = normalised(rehearsal, cell, attempt)
  const { config, accepted, policies } = rehearsal.judged
  const upstream = config.upstreams.get(attempt.upstream)
  const tools = upstream && new Map([...toolsOf(upstream, accepted), ...connectionsFor(config, upstream)])
  const change = findSmallestChange({
    action,
    authority: cell.authority,
    bundle: policiesOf(config, policies, tenantOf(config, cell.authority.environment)),
    nowMs: atMs,
    tool: tools?.get(grantedName(attempt.operation, attempt.tool)),
    issues: issuedBy(tools?.values() ?? []),
  })
  const own = refusals.flatMap((reason) =>
    reason.kind === 'arguments' || reason.kind === 'spend'
      ? [`${reason.path} ${reason.problem}: only other arguments can pass`]
      : [],
  )
  return { changes: change.changes, inTheWay: [...new Set([...own, ...change.inTheWay])] }
}

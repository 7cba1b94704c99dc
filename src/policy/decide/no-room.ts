import type { UpstreamName } from '../../model/ids.ts'
import type { Authority } from './authority.ts'
import { holdersOf, isLive, topOf } from './decide.ts'

/**
 * Returns why no call of any tool of `upstream` could be admitted any more, whatever its arguments: no live grant names the
 * upstream, or the budgets of those that do, and of each delegation above the cell, are used up. Asking takes nothing.
 */
export function noRoomFor(upstream: UpstreamName, authority: Authority, nowMs: number): string | undefined {
  const { agent, grants } = topOf(authority)
  const live = grants.filter((grant) => grant.agent === agent && grant.upstream === upstream && isLive(grant, nowMs))
  if (live.length === 0) return 'no live grant of its cell names it'
  const least = { rows: 1, bytes: 1 }
  const open = live.some((grant) => authority.budgets.refusals(holdersOf(grant, authority), least, nowMs).length === 0)
  return open ? undefined : 'the budgets of its cell are used up'
}

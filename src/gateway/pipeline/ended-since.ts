import type { Action, Effect, GrantId } from '../../model/index.ts'
import { rungPermits } from '../../model/index.ts'
import { type Authority, isLive, operationIds, topOf } from '../../policy/index.ts'

/**
 * Returns what has ended of an action between its decision and its first byte: the rung of its cell and of every cell
 * above, each delegation between them, the grants that were charged, and the definitions that were accepted. Arguments,
 * policies and labels were judged, and of what leaves whole they cannot become others; a budget is reserved. `charged` is
 * empty where a person let it through.
 */
export function endedSince(
  action: Action,
  authority: Authority,
  charged: readonly GrantId[],
  nowMs: number,
): string | undefined {
  const fallen = fallenFrom(authority, action.effect, nowMs)
  if (fallen !== undefined) return fallen
  const { grants } = topOf(authority)
  const isLiveNow = (id: GrantId) => grants.some((grant) => grant.id === id && isLive(grant, nowMs))
  if (!charged.every(isLiveNow)) return 'its grant has ended'
  for (const id of operationIds(action)) {
    const problem = authority.definitionProblems?.get(id)
    if (problem !== undefined) return `its definition: ${problem}`
  }
  return undefined
}

/**
 * Returns why a cell may have no such effect at all: its own rung, that of a cell above, or an end of what was
 * delegated.
 */
export function fallenFrom(authority: Authority, effect: Effect, nowMs: number): string | undefined {
  for (let asked = authority; ; asked = asked.above.from()) {
    const { rung } = asked
    if (!rungPermits(rung, effect)) return asked === authority ? `the cell is ${rung}` : `a cell above it is ${rung}`
    if (asked.above === undefined) return undefined
    if (asked.above.revokedAtMs() !== undefined) return 'its delegation was revoked'
    if (nowMs >= asked.above.restriction.expiresAtMs) return 'its delegation has expired'
  }
}

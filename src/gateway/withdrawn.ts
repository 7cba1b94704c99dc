import type { Action, GrantId } from '../model/index.ts'
import { type Authority, cedarActionId } from '../policy/index.ts'

/**
 * What of a decision may have ended while its action waited to be sent: the rung of its cell and of everyone above, each
 * delegation between them, the grant that was charged, and the definition that was accepted. Arguments, policies and
 * labels were judged and cannot become others; a budget is reserved. `charged` is absent where a person let it through.
 */
export function withdrawn(
  action: Action,
  authority: Authority,
  charged: GrantId | undefined,
  nowMs: number,
): string | undefined {
  let asked = authority
  for (; ; asked = asked.above.from()) {
    const { rung } = asked
    if (rung !== 'normal' && rung !== 'watched' && !(rung === 'restricted' && action.effect === 'read'))
      return asked === authority ? `the cell is ${rung}` : `a cell above it is ${rung}`
    if (asked.above === undefined) break
    if (asked.above.revokedAtMs() !== undefined) return 'its delegation was revoked'
    if (nowMs >= asked.above.restriction.expiresAtMs) return 'its delegation has expired'
  }
  const grant = asked.grants.find(({ id }) => id === charged)
  const live = grant !== undefined && grant.revokedAtMs === undefined && nowMs < grant.expiresAtMs
  if (charged !== undefined && !live) return 'its grant has ended'
  const id = cedarActionId(action.upstream, action.operation, action.tool)
  const problem = authority.definitionProblems?.get(id)
  return problem === undefined ? undefined : `its definition: ${problem}`
}

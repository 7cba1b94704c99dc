/** Operations that an attempt makes use of beside its own: each is let through as if it were asked for alone, or none is. */
import { type Action, operationIn } from '../../model/index.ts'
import { decide, explain, type Refusal } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { authorityOf, type ServedCell } from '../admission/served-cell.ts'
import type { Attempt } from './attempt.ts'
import { normalise } from './normalise.ts'

/** Returns why one of those operations would not be let through; nothing where all of them would be. */
export function refusedAlongside(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  attempt: Attempt,
): readonly Refusal[] {
  const decided = firstRefused(gate, cell, action, attempt)
  if (decided === undefined) return []
  if (decided.verdict === 'deny') return decided.reasons
  return [{ kind: 'arguments', path: '$', problem: `it makes use of what waits for a person: ${explain(decided)[0]}` }]
}

/** Returns the same in words, in the tick that writes. */
export function whyNotAlongside(gate: EnvironmentContext, cell: ServedCell, action: Action, attempt: Attempt) {
  const decided = firstRefused(gate, cell, action, attempt)
  return decided === undefined ? undefined : explain(decided)[0]
}

function firstRefused(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  { upstream, alongside = [], args, most }: Attempt,
) {
  const { effect: _, definition: __, spend: ___, most: ____, ...asked } = action
  for (const tool of alongside) {
    const own = normalise(
      { ...asked, tool: operationIn(tool).tool, args, ...(most && { cost: most }) },
      upstream.contract(tool),
    )
    const decided = decide(own.action, authorityOf(cell), gate.nowMs())
    if (decided.verdict !== 'allow') return decided
  }
  return undefined
}

import type { Agent } from '../../config/config.ts'
import { type AgentName, cutsOff, no, ok, type Result, type Rung } from '../../model/index.ts'
import { type Fence, type Fenced, fencedIn } from './fences.ts'

/**
 * Returns the rung of an agent before its cell starts; an error where it is contained, since it starts none then (S8).
 */
export function rungIn(fence: Fence, { name }: Pick<Agent, 'name'>): Result<Rung, string> {
  const fenced = fencedIn(fence, name)
  if (fenced === undefined || !cutsOff(fenced.rung)) return ok(fenced?.rung ?? 'normal')
  return no(containedText(name, fenced))
}

export function containedText(agent: AgentName, { rung, by, why, atMs, order }: Fenced): string {
  const at = new Date(atMs).toISOString()
  return `${agent} is ${rung}, since ${at}, by ${by}: ${why} (order ${order}). Only a person lets it go: firebreak release ${agent} --by <person> --reason <text>`
}

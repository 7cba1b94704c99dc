import type { Action } from '../../model/action.ts'
import type { Reason } from '../../model/decision.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import type { Label } from '../../model/label.ts'
import { decimalUnits } from '../../model/money.ts'
import { type JsonPath, pathText } from '../../model/text/path.ts'
import type { Delegation } from './authority.ts'
import { type NamedAction, namesAction } from './named-action.ts'
import type { ArgumentLimit, Restriction } from './restriction.ts'

type DelegationReason = Extract<Reason, { kind: 'delegation' }>

/** Returns every restriction of a delegation itself that an action breaks. `known` is absent where nobody declared it. */
export function restrictionsBroken(
  { id, restriction, revokedAtMs }: Delegation,
  known: NamedAction | undefined,
  args: Action['args'] | undefined,
  labels: ReadonlyMap<Label, unknown>,
  nowMs: number,
): readonly DelegationReason[] {
  const broken: string[] = []
  const revoked = revokedAtMs()
  if (revoked !== undefined) broken.push('it was revoked')
  if (nowMs >= restriction.expiresAtMs) broken.push('it has expired')
  const { tools, labels: allowed } = restriction
  if (tools !== undefined && (known === undefined || !namesAction(tools, known)))
    broken.push('the tool is not part of it')
  for (const label of allowed === undefined ? [] : labels.keys()) {
    if (!allowed?.has(label)) broken.push(`its cell carries ${label}`)
  }
  if (args !== undefined) broken.push(...argumentsBroken(restriction, known?.entity.id, args))
  return broken.map((problem) => ({ kind: 'delegation', delegation: id, problem }))
}

function argumentsBroken({ arguments: limits }: Restriction, tool: string | undefined, args: Action['args']): string[] {
  return limits.flatMap((limit) => {
    if (limit.tool !== tool) return []
    const value = at(args, limit.path)
    if (value !== undefined && within(value, limit)) return []
    return [`${pathText(limit.path)} is ${value === undefined ? 'missing' : 'outside its limit'}`]
  })
}

function within(value: Json, { oneOf, maxUnits }: ArgumentLimit): boolean {
  if (oneOf !== undefined && !oneOf.some((allowed) => allowed === value)) return false
  if (maxUnits === undefined) return true
  if (typeof value !== 'number' && typeof value !== 'string') return false
  const units = decimalUnits(String(value))
  return units.ok && units.value >= 0n && units.value <= maxUnits
}

function at(args: Json, path: JsonPath): Json | undefined {
  let found: Json | undefined = args
  for (const step of path) {
    if (step === 'items' || !isJsonObject(found) || !Object.hasOwn(found, step.name)) return undefined
    found = found[step.name]
  }
  return found
}

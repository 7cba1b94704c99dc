import type { Action } from '../../model/action.ts'
import type { Budget } from '../../model/budget.ts'
import type { Reason } from '../../model/decision.ts'
import type { DelegationId } from '../../model/ids.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import type { Label } from '../../model/label.ts'
import { decimalUnits } from '../../model/money.ts'
import { type JsonPath, pathText } from '../../model/text/path.ts'
import type { Authority } from './authority.ts'

/**
 * A part of one cell's authority, given to another cell. It holds restrictions and nothing else: the cell that has it may
 * do what the cell that gave it may do at this moment, less what stands here (S5). So nothing has to be proven narrower,
 * and whatever happens to the giver happens to all below it in the same tick.
 */
export interface Delegation {
  readonly id: DelegationId
  /** Levels above it: 1 for one that an agent's own cell gave. */
  readonly depth: number
  readonly restriction: Restriction
  /** The giver's authority, as it stands when it is asked for. */
  readonly from: () => Authority
  /** Epoch ms; absent while it is live. */
  readonly revokedAtMs: () => number | undefined
}

export interface Restriction {
  /** `upstream/tool`, as grants name them; all of the giver's where absent. */
  readonly tools?: ReadonlySet<string>
  readonly arguments: readonly ArgumentLimit[]
  readonly budgets: readonly Budget[]
  /** Exclusive, epoch ms. */
  readonly expiresAtMs: number
  /** Labels that its cell may carry and still act; all where absent. */
  readonly labels?: ReadonlySet<Label>
}

/** The values that one argument of one tool may have. An argument that is missing is outside every limit. */
export interface ArgumentLimit {
  readonly tool: string
  readonly path: JsonPath
  readonly oneOf?: readonly Json[]
  /** Units of a decimal with four places. */
  readonly maxUnits?: bigint
}

type DelegationReason = Extract<Reason, { kind: 'delegation' }>

/** Returns every restriction of a delegation itself that an action breaks. `tool` is absent where none is known. */
export function restrictionsBroken(
  { id, restriction, revokedAtMs }: Delegation,
  tool: string | undefined,
  args: Action['args'] | undefined,
  labels: ReadonlyMap<Label, unknown>,
  nowMs: number,
): readonly DelegationReason[] {
  const broken: string[] = []
  const revoked = revokedAtMs()
  if (revoked !== undefined) broken.push('it was revoked')
  if (nowMs >= restriction.expiresAtMs) broken.push('it has expired')
  const { tools, labels: allowed } = restriction
  if (tools !== undefined && (tool === undefined || !tools.has(tool))) broken.push('the tool is not part of it')
  for (const label of allowed === undefined ? [] : labels.keys()) {
    if (!allowed?.has(label)) broken.push(`its cell carries ${label}`)
  }
  if (args !== undefined) broken.push(...argumentsBroken(restriction, tool, args))
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

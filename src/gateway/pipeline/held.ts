import {
  type Action,
  type ActionId,
  LIMITS,
  moneyText,
  no,
  ok,
  type PersonName,
  type Result,
  type Sha256,
} from '../../model/index.ts'
import { type Refusal, withWhereSeen } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { authorityOf, ownersOf, type ServedCell } from '../admission/served-cell.ts'
import { cutMarked } from '../content/cut-shown.ts'
import type { Performed } from './attempt.ts'
import { heldBytes } from './held-payload.ts'
import { bindingOf } from './holds.ts'
import { reasonsJson, redacted } from './record.ts'
import { aboutOf, noticedIn, refuse, unrecorded } from './refused.ts'

/** An attempt that waits. The cell may try it again as often as it likes: it stays the same hold. */
export async function recordHeld(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  reasons: readonly Refusal[],
): Promise<Performed> {
  const binding = holdBinding(gate, cell, action)
  const notBy = notByOf(gate, cell)
  const known = gate.holds.waiting(binding, gate.nowMs())
  const opened = gate.holds.open(action, binding, gate.nowMs(), notBy)
  if (!opened.ok) {
    const full = { kind: 'unavailable', what: 'holds', problem: 'too many wait already' } as const
    return refuse(gate, cell, action, [...reasons, full])
  }
  const hold = opened.value
  if (known === hold) {
    const reference = await cell.refusals.again(gate, cell, hold, (more) => {
      const again = writeHeld(gate, cell, { ...action, id: gate.newActionId() }, reasons, {
        binding,
        hold,
        notBy,
        more,
      })
      return again.ok ? again.value : undefined
    })
    return { kind: 'held', action: reference ?? hold, hold }
  }
  const written = writeHeld(gate, cell, action, reasons, { binding, hold, notBy })
  if (!written.ok) return refuse(gate, cell, action, [...reasons, unrecorded(written.reason)])
  return { kind: 'held', action: action.id, hold }
}

export function holdBinding(gate: EnvironmentContext, cell: ServedCell, action: Action): Sha256 {
  return bindingOf(action, cell.authority.exposure.labels.keys(), notByOf(gate, cell))
}

/** Returns who cannot approve what this cell asks for: in a hardened environment, the owners of it and of all above it. */
function notByOf(gate: EnvironmentContext, cell: ServedCell): readonly PersonName[] {
  return gate.hardened ? ownersOf(authorityOf(cell)) : []
}

interface Holding {
  readonly binding: Sha256
  readonly hold: ActionId
  readonly notBy: readonly PersonName[]
  /**
   * Number of attempts beside this further one; absent for the first. People read the first, so that this one is short.
   */
  readonly more?: number
}

function writeHeld(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  reasons: readonly Refusal[],
  { binding, hold, notBy, more }: Holding,
): Result<ActionId, string> {
  const whole = more === undefined
  const payload = whole ? gate.ledger.payloads.put(cell.id, heldBytes(action.args, gate.secrets)) : undefined
  if (payload?.ok === false) return no(payload.reason.kind)
  const appended = gate.ledger.append({
    kind: 'action.held',
    action: action.id,
    hold,
    cell: cell.id,
    agent: action.agent,
    environment: action.environment,
    upstream: action.upstream,
    operation: action.operation,
    tool: action.tool,
    effect: action.effect,
    definition: action.definition,
    args: redacted(action.args, whole ? LIMITS.recordedArgumentBytesMax : LIMITS.heldAgainBytesMax),
    ...(payload && { payload: payload.value }),
    binding,
    labels: [...cell.authority.exposure.labels.keys()],
    reasons: whole
      ? reasonsJson(reasons.map(withWhereSeen(cell.authority.exposure)))
      : reasonsJson(reasons, LIMITS.heldAgainBytesMax),
    ...(more !== undefined && more > 0 && { more }),
    expiresAtMs: gate.holds.expiresAtMs(hold),
    ...(notBy.length > 0 && { notBy }),
    ...(action.spend && { spend: moneyText(action.spend) }),
    ...noticedIn(gate, action),
    ...aboutOf(action),
  })
  if (!appended.ok) return no(appended.reason.kind)
  cell.share.wrote(appended.value.seq, (payload?.value.bytes ?? 0) + appended.value.bytes)
  return ok(action.id)
}

/** Opens a hold for a refused action: the exact call, once, if a person agrees. */
export async function requestRefused(
  gate: EnvironmentContext,
  cell: ServedCell,
  reference: string,
  why: string,
): Promise<Performed | undefined> {
  const refused = [...cell.asked.values()].find(({ action }) => action.id === reference)
  if (refused === undefined) return undefined
  const { action, reasons } = refused
  return recordHeld(gate, cell, action, [...reasons, { kind: 'requested', why: cutMarked(why, 500) }])
}

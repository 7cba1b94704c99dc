import {
  type Action,
  type ActionId,
  type ActionIntent,
  type JsonObject,
  LIMITS,
  type Operation,
  type UpstreamName,
} from '../../model/index.ts'
import { personCouldAllow, type Refusal } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { type Refused, recordable } from './attempt.ts'
import { redacted } from './record.ts'

/** Returns what the sentinel watches for in an action, each thing once, however many of its operations show it. */
export function noticedIn(
  gate: EnvironmentContext,
  { upstream, operation, tool, alongside = [], args }: Action,
): Pick<ActionIntent, 'noticed'> {
  const targets = [tool, ...alongside.map((further) => further.tool)]
  const all = targets.flatMap((target) => gate.notice.in({ upstream, operation, target }, args).noticed ?? [])
  const noticed = [...new Map(all.map((each) => [JSON.stringify(each), each])).values()]
  return noticed.length === 0 ? {} : { noticed }
}

/** Returns what an action says of others: its further operations, an effect that it compensates or looks at, its call. */
export function aboutOf({
  alongside,
  undoes,
  checks,
  during,
}: Pick<Action, 'alongside' | 'undoes' | 'checks' | 'during'>): About {
  return {
    ...(alongside && { alongside: alongside.map(({ tool }) => tool) }),
    ...(undoes && { undoes }),
    ...(checks && { checks }),
    ...(during && { during }),
  }
}

type About = Pick<ActionIntent, 'alongside' | 'undoes' | 'checks' | 'during'>

export function unrecorded(problem: string): Refusal {
  return { kind: 'unavailable', what: 'ledger', problem }
}

/** Refuses an action, records that, and returns its reference for the cell, if the ledger has it. */
export async function refuse(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  reasons: readonly Refusal[],
): Promise<Refused> {
  const about = {
    upstream: action.upstream,
    operation: action.operation,
    tool: action.tool,
    effect: action.effect,
    args: redacted(action.args, LIMITS.refusedArgumentBytesMax),
    ...noticedIn(gate, action),
    ...aboutOf(action),
  }
  const reference = await cell.refusals.record(gate, cell, { action: action.id, reasons, about })
  if (reference !== undefined) rememberRefused(cell, action, reasons)
  return { kind: 'refused', action: reference, reasons }
}

/** Keeps the last few refused actions of a cell that a person could let through: it may ask for them. */
function rememberRefused({ asked }: ServedCell, action: Action, reasons: readonly Refusal[]): void {
  const [first, ...more] = reasons
  if (first === undefined || !personCouldAllow({ verdict: 'deny', reasons: [first, ...more] }, action)) return
  asked.set(action.id, { action, reasons })
  const [oldest] = asked.keys()
  if (asked.size > LIMITS.refusalsRememberedMax && oldest !== undefined) asked.delete(oldest)
}

/** An attempt that is refused before it is an action: what it names is not here, or it says what no action has. */
export interface Unprepared {
  readonly upstream: UpstreamName | undefined
  readonly operation: Operation
  readonly target: string
  readonly args: JsonObject
  readonly undoes?: ActionId
  readonly checks?: ActionId
  readonly during?: ActionId
}

/** Refuses what this gateway has no route to: another environment's upstream, or one that does not exist. */
export function refuseUnrouted(gate: EnvironmentContext, cell: ServedCell, attempt: Unprepared): Promise<Refused> {
  const { upstream } = attempt
  const environment = upstream && gate.environments.get(upstream)
  const reasons: Refusal[] = []
  if (environment !== undefined && environment !== gate.environment) {
    reasons.push({ kind: 'environment', cell: gate.environment, upstream: environment })
  }
  reasons.push({ kind: 'no-grant', upstream: upstream ?? NO_UPSTREAM, tool: recordable(attempt.target) })
  return refuseUnprepared(gate, cell, attempt, reasons)
}

/** Refuses an attempt that is no action yet, and records that under a reference. */
export async function refuseUnprepared(
  gate: EnvironmentContext,
  cell: ServedCell,
  attempt: Unprepared,
  reasons: readonly Refusal[],
): Promise<Refused> {
  const { upstream, operation } = attempt
  const about = {
    ...(upstream && { upstream }),
    operation,
    tool: recordable(attempt.target),
    args: redacted(attempt.args, LIMITS.refusedArgumentBytesMax),
    ...gate.notice.in(attempt, attempt.args),
    ...aboutOf(attempt),
  }
  const reference = await cell.refusals.record(gate, cell, { action: gate.newActionId(), reasons, about })
  return { kind: 'refused', action: reference, reasons }
}

/** Records the refusal of what belongs to no action: a frame, a list, an answer of ours that may not be told. */
export function refuseFrame(
  gate: EnvironmentContext,
  cell: ServedCell,
  problem: string,
  frame = '',
): Promise<ActionId | undefined> {
  const about = frame === '' ? {} : gate.notice.inText(frame)
  const reasons = [{ kind: 'arguments', path: '$', problem }] as const
  return cell.refusals.record(gate, cell, { action: gate.newActionId(), reasons, about })
}

const NO_UPSTREAM = 'none' as UpstreamName // a name by its shape

import type { Action, Effect } from '../../model/action.ts'
import type { Holder } from '../../model/budget.ts'
import type { HoldReason } from '../../model/decision.ts'
import type { Grant } from '../../model/grant.ts'
import type { EnvironmentName, GrantId, Sha256, ToolName, UpstreamName } from '../../model/ids.ts'
import { rungPermits } from '../../model/ladder.ts'
import { type Cost, stepOf } from '../../model/measure.ts'
import type { BudgetBook, BudgetReason, BudgetView, Reservation } from '../budget/budget.ts'
import type { CompiledAction } from '../cedar/compile.ts'
import { type Judgement, judge } from '../cedar/judge.ts'
import type { EntityData } from '../cedar/request.ts'
import { type CedarRecord, Fault, Withheld } from '../cedar/value.ts'
import { compileFlow, type Flow, flowHolds } from '../flow/flow.ts'
import { refuseArguments } from './arguments.ts'
import type { Authority, DefinitionProblem } from './authority.ts'
import { contextOf } from './context.ts'
import {
  type Allowed,
  type ApprovedReason,
  type Decided,
  type Denied,
  decidedBy,
  type Held,
  type PermitReason,
  permitsOf,
  type Refusal,
} from './decided.ts'
import { restrictionsBroken } from './delegation.ts'
import { namesAction } from './named-action.ts'
import { chargedFor, differing, operationsOf, together } from './several.ts'
import { asksFor } from './task.ts'

/** Long on purpose: one decision from top to bottom, so that the order of its checks can be read in one place. */

/**
 * Decides an action by an authority; default deny. Pure and total: the verdict depends on nothing but its arguments,
 * and not on the order of grants. Checks rung, environment, task, grant, definition, arguments, policy, labels and
 * provenance, budget. `Decided` is a `Decision` of the model.
 */
export function decide(action: Action, authority: Authority, nowMs: number): Decided {
  return decideAsked(action, authority, nowMs, false)
}

/**
 * Decides anew on a connection that stands, before another piece of it leaves: as `decide` would, but that it has its
 * reservation.
 */
export function decideStanding(action: Action, authority: Authority, nowMs: number): Decided {
  return decideAsked(action, authority, nowMs, true)
}

function decideAsked(action: Action, authority: Authority, nowMs: number, stands: boolean): Decided {
  return together(operationsOf(action).map((each) => decideOperation(each, authority, nowMs, stands)))
}

function decideOperation(action: Action, authority: Authority, nowMs: number, stands: boolean): Decided {
  const known = authority.policies.action(action.upstream, action.operation, action.tool)
  const badArguments = refuseArguments(action.args)
  const badSpend = refusedAmount(action)
  const own: Refusal[] = []
  if (badArguments) own.push({ kind: 'arguments', ...badArguments })
  if (badSpend) own.push({ kind: 'spend', path: '$', problem: badSpend })
  const args = known?.definition && !badArguments ? known.map(action.args) : undefined
  const { effect, definition } = action
  const subject = { ...place(action), effect, definition, args }
  const { permitting, refusals } = weighAll(
    subject,
    known,
    own,
    authority,
    badArguments ? undefined : action.args,
    nowMs,
  )
  const flow = known && authority.flows.get(known.entity.id)
  const { task } = topOf(authority)
  const asked = task !== undefined && known !== undefined && asksFor(task, known.entity.id)
  const holds = badArguments ? [] : flowHolds(action.args, flow ?? UNDECLARED, authority.exposure, asked)
  // What a cell has seen was judged when the call was let through on whose word a relay connects.
  const waits = action.during === undefined ? holds : holds.filter(({ kind }) => kind !== 'label')
  return afterBudgets(permitting, refusals, waits, (grant) =>
    brokenBy(action, holdersOf(grant, authority), authority, nowMs, stands),
  )
}

/**
 * Returns the amounts that an action takes from budgets. A connection takes the bytes that are left, where that is less
 * than the most that may pass through it; where nobody counts them, none.
 */
function costOf(
  { spend, most }: Action,
  holders: readonly Holder[],
  budgets: Pick<BudgetView, 'room'>,
  nowMs: number,
): Cost {
  const cost: Cost = { ...(spend && { spend }), ...most }
  if (stepOf(cost) === 'call') return cost
  const { bytes = 0, ...others } = cost
  const room = budgets.room(holders, 'bytes', nowMs)
  if (room === undefined) return others
  return { ...others, bytes: room >= BigInt(bytes) ? bytes : Math.max(1, Number(room)) }
}

/**
 * Returns the budgets that an action would break. A connection takes no call, but needs room for one where none is under
 * way: what a relay does when its cell may call nothing any more, it does on nobody's word. `stands`: it has its
 * reservation already.
 */
function brokenBy(
  action: Action,
  holders: readonly Holder[],
  { budgets }: Pick<Authority, 'budgets'>,
  nowMs: number,
  stands = false,
): readonly BudgetReason[] {
  const own = stands ? [] : budgets.refusals(holders, costOf(action, holders, budgets, nowMs), nowMs)
  const isOnItsOwn = action.most?.connections !== undefined && action.during === undefined
  return isOnItsOwn ? [...own, ...budgets.refusals(holders, LEAST_CALL, nowMs)] : own
}

/** A call that brings next to nothing. */
const LEAST_CALL: Cost = { rows: 1, bytes: 0 }

/**
 * Returns the holders that are charged for what a grant permits: the grant, and every delegation between it and the
 * cell that acts.
 */
export function holdersOf(grant: Grant, authority: Authority): readonly Holder[] {
  return [grant, ...delegationsOf(authority)]
}

/** A decision after which an allowed action has its budgets reserved. */
export type Admitted =
  | Denied
  | Held
  | ((Allowed | { readonly verdict: 'allow'; readonly reasons: readonly [ApprovedReason] }) & {
      readonly reservation: Reservation
    })

/**
 * Tells whether a person could allow an action that is denied or held: the only reasons against it are that no grant covers
 * it, or ones that would hold it anyway. No person's answer allows what a rule forbids, or a definition that was never
 * accepted; nor that unseen data leaves its cell for who may not have it.
 */
export function personCouldAllow({ reasons }: Denied | Held, { approvable }: Pick<Action, 'approvable'>): boolean {
  if (approvable === 'never') return false
  return reasons.every(({ kind }) => ASKABLE.has(kind) && (approvable === undefined || kind !== 'label'))
}

const ASKABLE: ReadonlySet<Refusal['kind']> = new Set([
  'no-grant',
  'grant-condition',
  'grant-expired',
  'label',
  'destination',
  'link',
])

/** Decides, and reserves the budgets in the same tick. What it returns as reserved was counted by the book. */
export function admit(
  action: Action,
  authority: Authority & { readonly budgets: BudgetBook },
  nowMs: number,
  approves: (waiting: Held | Denied) => boolean = () => false,
): Admitted {
  const all = operationsOf(action).map((each) => decideOperation(each, authority, nowMs, false))
  const decided = together(all)
  if (decided.verdict === 'deny')
    return personCouldAllow(decided, action) ? unlessApproved(decided, action, authority, nowMs, approves) : decided
  if (decided.verdict === 'hold' && !(personCouldAllow(decided, action) && approves(decided))) return decided
  const charged = chargedFor(all.map((each) => permitsOf(each).map(({ grant }) => grant)))
  const reservation = reserve(action, charged, authority, nowMs)
  return { verdict: 'allow', reasons: decided.verdict === 'hold' ? decided.permits : decided.reasons, reservation }
}

/**
 * Takes an action from the budgets of grants and of every delegation above the cell, from each of them once. The book
 * answered this very question a moment ago, in the same tick: another answer is a bug.
 */
function reserve(
  action: Action,
  charged: readonly GrantId[],
  authority: Authority & { readonly budgets: BudgetBook },
  nowMs: number,
): Reservation {
  const { grants } = topOf(authority)
  const own = charged.flatMap((id) => grants.find((grant) => grant.id === id) ?? [])
  const holders = [...own, ...delegationsOf(authority)]
  const taken = authority.budgets.reserve(holders, costOf(action, holders, authority.budgets, nowMs), nowMs)
  if (!taken.ok || own.length < charged.length)
    throw new Error('a budget changed between its decision and its reservation')
  return taken.value
}

/**
 * Reserves budgets for an action that a person approved, or keeps it denied. The approval takes from budgets like
 * everything else (S7): from the first live grant by id that covers the tool, whatever its condition says, and has
 * room, and from every delegation above the cell. Where no live grant covers the tool, the approval stands alone. Where
 * there is no room no person is asked, and no approval is used up.
 */
function unlessApproved(
  decided: Denied,
  action: Action,
  authority: Authority & { readonly budgets: BudgetBook },
  nowMs: number,
  approves: (waiting: Denied) => boolean,
): Admitted {
  const all = operationsOf(action).map((each) => {
    const grants = [...liveGrants(each, authority, nowMs)].sort((a, b) => (a.id < b.id ? -1 : 1))
    const chains = (grants.length === 0 ? [undefined] : grants).map((grant) => {
      const holders = grant === undefined ? delegationsOf(authority) : holdersOf(grant, authority)
      return { grant, broken: brokenBy(each, holders, authority, nowMs) }
    })
    return { chains, open: chains.filter(({ broken }) => broken.length === 0) }
  })
  const full = all.filter(({ open }) => open.length === 0)
  if (full.length > 0) {
    const broken = full.flatMap(({ chains }) => chains.flatMap((chain) => chain.broken))
    return { verdict: 'deny', reasons: [...decided.reasons, ...differing(broken)] }
  }
  if (!approves(decided)) return decided
  const charged = chargedFor(
    all.map(({ open }) => open.flatMap(({ grant }) => (grant === undefined ? [] : [grant.id]))),
  )
  const reservation = reserve(action, charged, authority, nowMs)
  const grant = topOf(authority).grants.find(({ id }) => id === charged[0])
  const reason: ApprovedReason = { kind: 'approved', ...(grant && { grant: grant.id, source: grant.source }) }
  return { verdict: 'allow', reasons: [reason], reservation }
}

function delegationsOf({ above }: Authority): readonly Holder[] {
  return above === undefined
    ? []
    : [...delegationsOf(above.from()), { id: above.id, budgets: above.restriction.budgets }]
}

/** The flow of a tool without a declaration: any text it takes may say where something goes. */
const UNDECLARED: Flow = compileFlow(
  { declared: { name: 'undeclared' as ToolName, effect: 'irreversible' } }, // a name by its shape
  new Set(),
)

/** A tool, resource or prompt that a list would show. */
export interface Candidate {
  readonly environment: EnvironmentName
  readonly upstream: UpstreamName
  readonly upstreamEnvironment: EnvironmentName
  readonly operation: Action['operation']
  readonly tool: ToolName
}

/** Returns the candidates that a list may show: those of which some call could be allowed now. Budgets do not count. */
export function decideList<C extends Candidate>(candidates: readonly C[], authority: Authority, nowMs: number): C[] {
  return candidates.filter((candidate) => decideListed(candidate, authority, nowMs).verdict === 'allow')
}

/**
 * The decision on a call whose arguments are not known yet: a permit that could still hold permits, a forbid that could
 * still not hold does not forbid. Never denies what `decide` would allow for some arguments.
 */
export function decideListed(candidate: Candidate, authority: Authority, nowMs: number): Decided {
  const known = authority.policies.action(candidate.upstream, candidate.operation, candidate.tool)
  const args = known?.definition && UNKNOWN_ARGUMENTS
  const subject = { ...place(candidate), effect: known?.effect, args }
  const { permitting, refusals } = weighAll(subject, known, [], authority, undefined, nowMs)
  return decided(permitting, refusals, [])
}

/** The subject of a decision, on a call or on an item of a list. */
interface Subject extends Candidate {
  /** The declared effect; undefined where no configuration declares the operation. */
  readonly effect: Effect | undefined
  readonly definition?: Sha256
  /** Arguments as policies see them; absent where there is no policy to ask. */
  readonly args: CedarRecord | Withheld | undefined
}

const UNKNOWN_ARGUMENTS = new Withheld(new Fault('unknown', 'the arguments are not known yet'))

function place({ environment, upstream, upstreamEnvironment, operation, tool }: Candidate): Candidate {
  return { environment, upstream, upstreamEnvironment, operation, tool }
}

function refusedAmount({ effect, spend }: Action): string | undefined {
  if (spend === undefined) return effect === 'spend' ? 'no amount was read' : undefined
  return spend.units < 0n ? 'negative' : undefined
}

interface Weighed {
  /** Live grants whose permit holds. */
  readonly permitting: readonly Grant[]
  readonly refusals: Refusal[]
}

/** The live grants of a person that cover a tool: one of them has to permit whatever is done with it. */
export function liveGrants(
  { upstream, operation, tool }: Pick<Candidate, 'upstream' | 'operation' | 'tool'>,
  authority: Authority,
  nowMs: number,
): readonly Grant[] {
  const top = topOf(authority)
  const known = top.policies.action(upstream, operation, tool)
  return top.grants.filter((grant) => covers(grant, known, top) && isLive(grant, nowMs))
}

/** The authority that a person granted, from which all delegations in between come. */
export function topOf(authority: Authority): Authority {
  return authority.above === undefined ? authority : topOf(authority.above.from())
}

/**
 * Asks the authority of the cell that acts, and that of everyone above it as they stand now (S5): any of them can
 * refuse, and only what the first was granted permits. What was seen is what the cell that acts has seen.
 */
function weighAll(
  subject: Subject,
  known: CompiledAction | undefined,
  own: readonly Refusal[],
  authority: Authority,
  args: Action['args'] | undefined,
  nowMs: number,
  depth: number = authority.above?.depth ?? 0,
): Weighed {
  const { above, exposure } = authority
  if (above === undefined) return weigh(subject, known, own, authority, nowMs, depth)
  const giver = { ...above.from(), exposure }
  const { permitting, refusals } = weighAll(subject, known, own, giver, args, nowMs, depth)
  if (!rungAllows(authority, subject, known)) refusals.push({ kind: 'rung', rung: authority.rung })
  if (outsideTask(known, authority)) refusals.push({ kind: 'task', tool: subject.tool })
  refusals.push(...restrictionsBroken(above, known, args, exposure.labels, nowMs))
  if (known && subject.args) {
    const told = new Set(refusals.map((reason) => 'policy' in reason && reason.policy))
    const more = forbidden(ask(subject.args, known, authority, nowMs, depth))
    refusals.push(...more.filter(({ policy }) => !told.has(policy)))
  }
  return { permitting, refusals }
}

/** Runs every check but budgets. `own` are the problems of the arguments themselves. */
function weigh(
  subject: Subject,
  known: CompiledAction | undefined,
  own: readonly Refusal[],
  authority: Authority,
  nowMs: number,
  depth: number,
): Weighed {
  const refusals: Refusal[] = []
  const covering = authority.grants.filter((grant) => covers(grant, known, authority))
  const live = covering.filter((grant) => isLive(grant, nowMs))
  if (!rungAllows(authority, subject, known)) refusals.push({ kind: 'rung', rung: authority.rung })
  outsideEnvironment(subject, authority, refusals)
  if (outsideTask(known, authority)) refusals.push({ kind: 'task', tool: subject.tool })
  if (live.length === 0) refusals.push(...withoutGrant(covering, subject, authority, nowMs))
  const problem = definitionProblem(subject, known, authority)
  if (problem) refusals.push({ kind: 'definition', tool: subject.tool, problem })
  refusals.push(...own)
  if (!known || !subject.args) return { permitting: [], refusals }
  const judgement = ask(subject.args, known, authority, nowMs, depth)
  refusals.push(...forbidden(judgement))
  const permitting = permitted(live, judgement)
  if (permitting.length === 0) refusals.push(...live.map((grant) => conditionFailed(grant, judgement, authority)))
  return { permitting, refusals }
}

function outsideEnvironment(subject: Subject, { environment: cell }: Authority, refusals: Refusal[]): void {
  const { environment, upstreamEnvironment } = subject
  if (environment !== cell) refusals.push({ kind: 'environment', cell, upstream: environment })
  if (upstreamEnvironment === cell || upstreamEnvironment === environment) return
  refusals.push({ kind: 'environment', cell, upstream: upstreamEnvironment })
}

function outsideTask(known: CompiledAction | undefined, { task }: Authority): boolean {
  return task?.tools !== undefined && (known === undefined || !namesAction(task.tools, known))
}

/** A read is what both the action and the catalogue call a read. */
function rungAllows({ rung }: Authority, { effect }: Subject, known: CompiledAction | undefined): boolean {
  return rungPermits(rung, effect ?? 'write') && rungPermits(rung, known?.effect ?? 'write')
}

/** A tool that nobody declared is covered by no grant, whatever its name. */
function covers(grant: Grant, known: CompiledAction | undefined, { agent }: Authority): boolean {
  return (
    known !== undefined &&
    grant.agent === agent &&
    grant.upstream === known.upstream &&
    (grant.tools.has(known.tool) || (known.isConnection && grant.tools.size > 0))
  )
}

/** A grant revoked for a time to come is revoked now: nobody means to leave a door open that they have closed. */
export function isLive(grant: Grant, nowMs: number): boolean {
  return grant.revokedAtMs === undefined && nowMs < grant.expiresAtMs
}

function withoutGrant(
  covering: readonly Grant[],
  { upstream, tool }: Subject,
  authority: Authority,
  nowMs: number,
): Refusal[] {
  const dead = covering.map(({ id, source, revokedAtMs, expiresAtMs }): Refusal => {
    if (revokedAtMs !== undefined) return { kind: 'grant-revoked', grant: id, source, atMs: revokedAtMs }
    return { kind: 'grant-expired', grant: id, source, atMs: expiresAtMs }
  })
  if (dead.length > 0) return dead
  const own = authority.grants.filter((grant) => grant.agent === authority.agent && isLive(grant, nowMs))
  const closest = own.find((grant) => grant.upstream === upstream) ?? own.find(({ tools }) => tools.has(tool))
  return [{ kind: 'no-grant', upstream, tool, ...(closest && { closest: closest.id, source: closest.source }) }]
}

function definitionProblem(
  { definition }: Subject,
  known: CompiledAction | undefined,
  { definitionProblems }: Authority,
): DefinitionProblem | undefined {
  if (!known) return 'not accepted'
  const told = definitionProblems?.get(known.entity.id)
  if (told) return told
  if (!known.definition) return 'not accepted'
  return definition === undefined || definition === known.definition ? undefined : 'changed since it was accepted'
}

function ask(
  args: CedarRecord | Withheld,
  known: CompiledAction,
  authority: Authority,
  nowMs: number,
  delegationDepth: number,
): Judgement {
  const { agent, owner, rung, environment, policies, exposure } = authority
  const principal = policies.principal(agent)
  const data: EntityData = { attributes: new Map([['owner', owner]]), ancestors: NO_ANCESTORS }
  const entities = { get: (key: string) => (key === principal.key ? data : policies.entities.get(key)) }
  const context = contextOf({
    args,
    effect: known.effect,
    environment,
    owner,
    rung,
    labels: exposure.labels,
    delegationDepth,
    nowMs,
  })
  const slice = policies.slice(principal, known.entity, known.resource, entities)
  return judge(slice, { principal, action: known.entity, resource: known.resource, context, entities })
}

const NO_ANCESTORS: ReadonlySet<string> = new Set()

type RuleReason = Extract<Refusal, { readonly policy: string }>

/** A forbid that faults forbids: Cedar would skip it, and whoever can make it fault would pass. */
function forbidden({ forbids, faults }: Judgement): RuleReason[] {
  const refusals: RuleReason[] = forbids.map(({ id, source, annotations: { advice } }) => ({
    kind: 'forbid',
    policy: id,
    source,
    ...(advice !== undefined && { advice }),
  }))
  for (const { policy, fault } of faults) {
    const { id, source, effect } = policy
    if (effect === 'permit' || fault.kind === 'unknown') continue
    if (fault.kind === 'unrepresentable') {
      refusals.push({ kind: 'unrepresentable', path: fault.path, problem: fault.text, policy: id, source })
    } else refusals.push({ kind: 'forbid', policy: id, source, error: fault.text })
  }
  return refusals
}

/**
 * Returns the live grants whose permit holds, or could hold where arguments are unknown; by id, so that their order
 * changes nothing.
 */
function permitted(live: readonly Grant[], { permits, faults }: Judgement): readonly Grant[] {
  const holding = new Set(permits.map(({ grant }) => grant))
  for (const { policy, fault } of faults) if (fault.kind === 'unknown') holding.add(policy.grant)
  return live.filter(({ id }) => holding.has(id)).sort((a, b) => (a.id < b.id ? -1 : 1))
}

function conditionFailed({ id, source }: Grant, { faults }: Judgement, { policies }: Authority): Refusal {
  const found = faults.find(({ policy }) => policy.grant === id)
  const condition = policies.grantText(id)
  if (found?.fault.kind === 'unrepresentable') {
    const { path, text } = found.fault
    return { kind: 'unrepresentable', path, problem: text, policy: id, source: found.policy.source }
  }
  return { kind: 'grant-condition', grant: id, source, condition, ...(found && { error: found.fault.text }) }
}

/** The grant that is charged is the first by id whose budgets have room. */
function afterBudgets(
  permitting: readonly Grant[],
  refusals: Refusal[],
  holds: readonly HoldReason[],
  brokenOf: (grant: Grant) => readonly BudgetReason[],
): Decided {
  const asked = permitting.map((grant) => ({ grant, broken: brokenOf(grant) }))
  const open = asked.filter(({ broken }) => broken.length === 0).map(({ grant }) => grant)
  if (open.length === 0) refusals.push(...asked.flatMap(({ broken }) => broken))
  return decided(open, refusals, holds)
}

function decided(open: readonly Grant[], refusals: readonly Refusal[], holds: readonly HoldReason[]): Decided {
  const permits = open.map(({ id, source }): PermitReason => ({ kind: 'permit', grant: id, source }))
  return decidedBy(permits, refusals, holds)
}

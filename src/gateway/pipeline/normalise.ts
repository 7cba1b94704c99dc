import {
  type Action,
  amountsIn,
  type Cost,
  type FurtherOperation,
  gravest,
  sha256,
  type ToolName,
} from '../../model/index.ts'
import {
  type Admitted,
  type Authority,
  admit,
  type BudgetBook,
  type Denied,
  decide,
  type Held,
  type Refusal,
  readSpend,
} from '../../policy/index.ts'
import { mostOf } from './bill.ts'
import type { Contract } from './line.ts'

/**
 * An action as it was asked for, by whoever asks: a gateway, or a rehearsal that sends nothing. `definition` is the digest
 * of the one that its upstream offered, where that is known; else it is of the accepted one.
 */
export type Asked = Omit<Action, 'effect' | 'definition' | 'spend' | 'most' | 'alongside'> &
  Partial<Pick<Action, 'definition'>> & {
    /** The most that it takes, where its protocol has reckoned that. */
    readonly cost?: Cost
    /** Bytes that leave with it and pass beside what comes back, where that is known. */
    readonly leaving?: number
    /** Further operations that it makes use of, each with its contract. */
    readonly alongside?: readonly AskedFurther[]
  }

/** A further operation that is asked for: its bare name, and its contract where there is one. */
export interface AskedFurther {
  readonly tool: ToolName
  readonly known: Contract | undefined
}

export interface Normalised {
  readonly action: Action
  /** Faults that stand before any policy is asked. */
  readonly refusals: readonly Refusal[]
}

/** Steps 2 and 3 of the path of an action: what is asked for, held against the accepted definitions. Pure. */
export function normalise(asked: Asked, known: Contract | undefined): Normalised {
  const { args, cost, leaving, alongside = [] } = asked
  const refusals: Refusal[] = []
  const effect = known?.declared.effect ?? 'irreversible'
  for (const contract of [known, ...alongside.map((further) => further.known)]) {
    const fault = contract?.input?.check(args)
    if (fault !== undefined && refusals.length === 0) refusals.push({ kind: 'arguments', ...fault })
  }
  const isRead = known !== undefined && effect === 'spend' && cost === undefined
  const spend = isRead ? readSpend(known.declared, args) : undefined
  if (spend?.ok === false) refusals.push({ kind: 'spend', ...spend.reason })
  const further = alongside.map(
    ({ tool, known: own }): FurtherOperation => ({
      tool,
      effect: own?.declared.effect ?? 'irreversible',
      definition: own?.pinned?.digest ?? UNKNOWN_DEFINITION,
    }),
  )
  const action: Action = {
    id: asked.id,
    cellId: asked.cellId,
    agent: asked.agent,
    environment: asked.environment,
    upstream: asked.upstream,
    upstreamEnvironment: asked.upstreamEnvironment,
    operation: asked.operation,
    tool: asked.tool,
    args,
    effect: gravest(effect, ...further.map((each) => each.effect)),
    definition: asked.definition ?? known?.pinned?.digest ?? UNKNOWN_DEFINITION,
    ...(spend?.ok && { spend: spend.value }),
    ...(cost?.spend && { spend: cost.spend }),
    ...(known && { most: { ...mostOf(known, leaving), ...(cost && amountsIn(cost)) } }),
    ...(asked.during && { during: asked.during }),
    ...(asked.approvable && { approvable: asked.approvable }),
    ...(further.length > 0 && { alongside: further }),
  }
  return { action, refusals }
}

const UNKNOWN_DEFINITION = sha256('0'.repeat(64))

/** Step 4. What is wrong already (`own`) is told beside what a policy says, not instead of it. */
export function judgeAction(
  own: readonly Refusal[],
  action: Action,
  authority: Authority & { readonly budgets: BudgetBook },
  nowMs: number,
  approves: (waiting: Denied | Held) => boolean,
): Admitted {
  if (own.length === 0) return admit(action, authority, nowMs, approves)
  const decided = decide(action, authority, nowMs)
  const others = decided.verdict === 'allow' ? [] : decided.reasons
  const reasons = [...own, ...others.filter(({ kind }) => !own.some((reason) => reason.kind === kind))]
  const [first, ...rest] = reasons
  if (first === undefined) throw new Error('a denial without a reason')
  return { verdict: 'deny', reasons: [first, ...rest] }
}

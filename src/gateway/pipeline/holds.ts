import { createHash } from 'node:crypto'
import { canonicalText } from '../../ledger/log/canonical.ts'
import { type HoldAnswerFault, Holds } from '../../ledger/views/holds.ts'
import type { Entry } from '../../model/entry.ts'
import {
  type Action,
  type ActionId,
  type AgentName,
  type Json,
  type Label,
  LIMITS,
  no,
  ok,
  type PersonName,
  type Result,
  type Sha256,
  sha256,
} from '../../model/index.ts'

/**
 * The holds of one gateway. They are what the ledger says: `restore` makes the same book of its entries.
 *
 * - H1  An approval is for one binding: the exact arguments, the tool's accepted definition, the agent, the labels, and
 *       who cannot approve it. It lets one action through, before its time is up, and nothing beside it that its cell
 *       chose (a level of log messages, a header, a spelling); what passes later, over no label (PA6).
 * - H2  Only an answer that a person gave opens a hold, and nothing that a cell sends answers one.
 * - H3  A hold is used in the tick that takes it; its intent, which names it, is durable before anything is sent.
 * - H4  Whoever is among `notBy` approves nothing. They may deny: that narrows.
 * - H5  The release of a contained agent withdraws what was approved before it: whoever approved has not seen why it was
 *       contained, and whoever releases has not seen what was approved.
 */
export class HoldBook {
  readonly #holds = new Holds()

  /** Returns the hold that an earlier attempt at this has opened, while it can be answered. */
  waiting(binding: Sha256, nowMs: number): ActionId | undefined {
    const known = this.#holds.newest(binding)
    return known?.state.kind === 'waiting' && nowMs < known.expiresAtMs ? known.id : undefined
  }

  /** Returns the hold that this action waits for: a new one, or the one that its earlier attempt opened. */
  open(
    action: Action,
    binding: Sha256,
    nowMs: number,
    notBy: readonly PersonName[] = [],
  ): Result<ActionId, 'too many'> {
    const known = this.waiting(binding, nowMs)
    if (known !== undefined) return ok(known)
    this.#holds.forget(nowMs)
    const waiting = [...this.#holds.values()].filter(({ agent, state }) => {
      return agent === action.agent && state.kind === 'waiting'
    })
    if (waiting.length >= LIMITS.holdsMax) return no('too many')
    const { id, agent } = action
    this.#holds.open({ id, binding, agent, expiresAtMs: nowMs + LIMITS.holdMsMax, notBy })
    return ok(id)
  }

  answer(
    id: ActionId,
    approved: boolean,
    by: PersonName,
    expiresAtMs: number,
    nowMs: number,
  ): HoldAnswerFault | undefined {
    return this.#holds.answer(id, approved, by, expiresAtMs, nowMs)
  }

  /** Returns the reason for which `answer` would not be taken; undefined where it would be. */
  fault(id: ActionId, approved: boolean, by: PersonName, nowMs: number): HoldAnswerFault | undefined {
    return this.#holds.fault(id, approved, by, nowMs)
  }

  /** Tells whether `take` would find an approval for this binding. */
  approved(binding: Sha256, nowMs: number): boolean {
    const state = this.#holds.newest(binding)?.state
    return state?.kind === 'approved' && nowMs < state.expiresAtMs
  }

  /** Uses the approval for this binding up. Undefined where there is none. */
  take(binding: Sha256, nowMs: number): { readonly hold: ActionId; readonly by: PersonName } | undefined {
    const hold = this.#holds.newest(binding)
    if (hold?.state.kind !== 'approved' || nowMs >= hold.state.expiresAtMs) return undefined
    this.#holds.use(hold.id)
    return { hold: hold.id, by: hold.state.by }
  }

  /** Ends the approvals of an agent that were not used. */
  withdraw(agent: AgentName): void {
    this.#holds.withdraw(agent)
  }

  /** Takes an entry of an earlier gateway. */
  restore(entry: Entry): void {
    this.#holds.take(entry)
  }

  /** Returns when the hold with this id would have to be answered; 0 for one that is not known. */
  expiresAtMs(id: ActionId): number {
    return this.#holds.get(id)?.expiresAtMs ?? 0
  }
}

/**
 * Returns the digest of what an approval is for, to the byte. Another argument, definition or label, and it is another
 * action; so it is where other people may not approve it, since a hold is judged by those of its first attempt.
 */
export function bindingOf(action: Action, labels: Iterable<Label>, notBy: readonly PersonName[]): Sha256 {
  const { agent, environment, upstream, operation, tool, args, definition, alongside } = action
  const about = { agent, environment, upstream, operation, tool, args, definition, ...(alongside && { alongside }) }
  const bound = { ...about, labels: [...labels].sort(), notBy: [...new Set(notBy)].sort() }
  const text = canonicalText(bound as unknown as Json)
  // The strict parser let the arguments in: they have a canonical form, but for nesting past the ledger's limit.
  if (!text.ok) throw new Error(`an action has no canonical form: ${text.reason.problem}`)
  return sha256(createHash('sha256').update(text.value).digest('hex'))
}

import { createHash } from 'node:crypto'
import { canonicalText } from '../../ledger/log/canonical.ts'
import {
  type Action,
  type ActionHeld,
  type ActionId,
  type HoldAnswered,
  isReleased,
  type Json,
  type Label,
  LIMITS,
  no,
  ok,
  type PersonName,
  type Result,
  type RungChanged,
  type Sha256,
  samePerson,
  sha256,
} from '../../model/index.ts'

/** One hold: an action that waits for a person, named after its first attempt. */
interface Hold {
  readonly id: ActionId
  readonly binding: Sha256
  readonly agent: string
  /** An answer must come before, epoch ms. */
  readonly expiresAtMs: number
  /** Who cannot approve it. */
  readonly notBy: readonly PersonName[]
  state:
    | { readonly kind: 'waiting' }
    /** Until then, and once. */
    | { readonly kind: 'approved'; readonly by: PersonName; readonly expiresAtMs: number }
    | typeof CLOSED
}

/** Denied, or used up. */
const CLOSED = { kind: 'closed' } as const

export type AnswerFault = 'unknown' | 'answered already' | 'expired' | 'another person has to approve'

/**
 * The holds of one gateway. They are what the ledger says: `restore` makes the same book of its entries.
 *
 * - H1  An approval is for one binding: the exact arguments, the tool's accepted definition, the agent, the labels, and
 *       who cannot approve it. It lets one action through, before its time is up, and nothing beside it that its cell
 *       chose (a level of log messages).
 * - H2  Only an answer that a person gave opens a hold, and nothing that a cell sends answers one.
 * - H3  A hold is used in the tick that takes it; its intent, which names it, is durable before anything is sent.
 * - H4  Whoever is among `notBy` approves nothing. They may deny: that narrows.
 * - H5  The release of a contained agent withdraws what was approved before it: whoever approved has not seen why it was
 *       contained, and whoever releases has not seen what was approved.
 */
export class HoldBook {
  readonly #holds = new Map<ActionId, Hold>()
  readonly #byBinding = new Map<Sha256, Hold>()

  /** Returns the hold that an earlier attempt at this has opened, while it can be answered. */
  waiting(binding: Sha256, nowMs: number): ActionId | undefined {
    const known = this.#byBinding.get(binding)
    return known?.state.kind === 'waiting' && nowMs < known.expiresAtMs ? known.id : undefined
  }

  /** The hold that this action waits for: a new one, or the one that its earlier attempt opened. */
  open(
    action: Action,
    binding: Sha256,
    nowMs: number,
    notBy: readonly PersonName[] = [],
  ): Result<ActionId, 'too many'> {
    const known = this.waiting(binding, nowMs)
    if (known !== undefined) return ok(known)
    this.#forget(nowMs)
    const waiting = [...this.#holds.values()].filter(({ agent, state }) => {
      return agent === action.agent && state.kind === 'waiting'
    })
    if (waiting.length >= LIMITS.holdsMax) return no('too many')
    this.#add({
      id: action.id,
      binding,
      agent: action.agent,
      expiresAtMs: nowMs + LIMITS.holdMsMax,
      notBy,
      state: { kind: 'waiting' },
    })
    return ok(action.id)
  }

  answer(id: ActionId, approved: boolean, by: PersonName, expiresAtMs: number, nowMs: number): AnswerFault | undefined {
    const fault = this.fault(id, approved, by, nowMs)
    if (fault !== undefined) return fault
    const hold = this.#holds.get(id)
    if (hold !== undefined) hold.state = approved ? { kind: 'approved', by, expiresAtMs } : CLOSED
    return undefined
  }

  /** Why `answer` would not be taken. */
  fault(id: ActionId, approved: boolean, by: PersonName, nowMs: number): AnswerFault | undefined {
    const hold = this.#holds.get(id)
    if (hold === undefined) return 'unknown'
    if (hold.state.kind !== 'waiting') return 'answered already'
    if (approved && hold.notBy.some((person) => samePerson(person, by))) return 'another person has to approve'
    return nowMs >= hold.expiresAtMs ? 'expired' : undefined
  }

  /** Tells whether `take` would find an approval for this binding. */
  approved(binding: Sha256, nowMs: number): boolean {
    const state = this.#byBinding.get(binding)?.state
    return state?.kind === 'approved' && nowMs < state.expiresAtMs
  }

  /** Uses the approval for this binding up. Undefined where there is none. */
  take(binding: Sha256, nowMs: number): { readonly hold: ActionId; readonly by: PersonName } | undefined {
    const hold = this.#byBinding.get(binding)
    if (hold?.state.kind !== 'approved' || nowMs >= hold.state.expiresAtMs) return undefined
    const { by } = hold.state
    hold.state = CLOSED
    return { hold: hold.id, by }
  }

  /** Ends the approvals of an agent that nobody has used. */
  withdraw(agent: string): void {
    for (const hold of this.#holds.values())
      if (hold.agent === agent && hold.state.kind === 'approved') hold.state = CLOSED
  }

  restore(
    entry: (ActionHeld | HoldAnswered | RungChanged | { readonly kind: 'used'; readonly hold: ActionId }) & {
      atMs: number
    },
  ) {
    if (entry.kind === 'action.held') {
      const { hold: id, binding, agent, expiresAtMs, notBy = [] } = entry
      if (!this.#holds.has(id)) this.#add({ id, binding, agent, expiresAtMs, notBy, state: { kind: 'waiting' } })
    } else if (entry.kind === 'hold.answered') {
      this.answer(entry.hold, entry.approved, entry.by, entry.expiresAtMs, entry.atMs)
    } else if (entry.kind === 'rung.changed') {
      if (isReleased(entry)) this.withdraw(entry.agent)
    } else {
      const hold = this.#holds.get(entry.hold)
      if (hold !== undefined) hold.state = CLOSED
    }
  }

  /** When the hold with this id would have to be answered. */
  expiresAtMs(id: ActionId): number {
    return this.#holds.get(id)?.expiresAtMs ?? 0
  }

  #add(hold: Hold): void {
    this.#holds.set(hold.id, hold)
    this.#byBinding.set(hold.binding, hold)
  }

  /** What nobody can answer or use any more. */
  #forget(nowMs: number): void {
    for (const [id, hold] of this.#holds) {
      const { state } = hold
      const openUntilMs =
        state.kind === 'waiting' ? hold.expiresAtMs : state.kind === 'approved' ? state.expiresAtMs : 0
      if (nowMs < openUntilMs) continue
      this.#holds.delete(id)
      if (this.#byBinding.get(hold.binding) === hold) this.#byBinding.delete(hold.binding)
    }
  }
}

/**
 * Returns the digest of what an approval is for, to the byte. Another argument, definition or label, and it is another
 * action; so it is where other people may not approve it, since a hold is judged by those of its first attempt.
 */
export function bindingOf(action: Action, labels: Iterable<Label>, notBy: readonly PersonName[]): Sha256 {
  const { agent, environment, upstream, operation, tool, args, definition } = action
  const about = { agent, environment, upstream, operation, tool, args, definition }
  const bound = { ...about, labels: [...labels].sort(), notBy: [...new Set(notBy)].sort() }
  const text = canonicalText(bound as unknown as Json)
  // The strict parser let the arguments in: they have a canonical form, but for nesting past the ledger's limit.
  if (!text.ok) throw new Error(`an action has no canonical form: ${text.reason.problem}`)
  return sha256(createHash('sha256').update(text.value).digest('hex'))
}

import {
  type ActionHeld,
  type ActionId,
  type AgentName,
  type Entry,
  isReleased,
  type PersonName,
  type Sha256,
  samePerson,
} from '../../model/index.ts'

/** An action that waits for a person, named after its first attempt. */
export interface Hold {
  readonly id: ActionId
  /** Digest of all that an approval is for. */
  readonly binding: Sha256
  readonly agent: AgentName
  /** Time before which an answer must come, epoch ms. */
  readonly expiresAtMs: number
  /** People who cannot approve it. */
  readonly notBy: readonly PersonName[]
  readonly state: HoldState
}

/** The state of a hold; `by` is the person who answered it. */
export type HoldState =
  | { readonly kind: 'waiting'; readonly by?: never }
  /** Usable once, and only before `expiresAtMs`. */
  | { readonly kind: 'approved' | 'withdrawn'; readonly by: PersonName; readonly expiresAtMs: number }
  | { readonly kind: 'denied'; readonly by: PersonName }
  | { readonly kind: 'used'; readonly by?: PersonName }

/** The reason for which an answer to a hold is not taken. */
export type HoldAnswerFault = 'unknown' | 'answered already' | 'expired' | 'another person has to approve'

/**
 * Holds and their states, as the entries of a log tell them: the one state machine that gateway and commands share. The
 * gateway makes each step in the tick that decides it, before the step's entry is written.
 *
 * - HV1  A waiting hold takes one answer, in time. A person in its `notBy` approves nothing, and may deny.
 * - HV2  An intent that names a hold uses it up. The release of an agent that was cut off withdraws its unused approvals,
 *        and so does a configuration by which the agent may do less.
 * - HV3  No step leads back to `waiting`, and entries of other kinds change nothing.
 */
export class Holds {
  readonly #holds = new Map<ActionId, Hold>()
  readonly #byBinding = new Map<Sha256, ActionId>()

  /** Returns the holds, oldest first. */
  values(): Iterable<Hold> {
    return this.#holds.values()
  }

  get(id: ActionId): Hold | undefined {
    return this.#holds.get(id)
  }

  /** Returns the newest hold of a binding. */
  newest(binding: Sha256): Hold | undefined {
    const id = this.#byBinding.get(binding)
    return id === undefined ? undefined : this.#holds.get(id)
  }

  take(entry: Entry): void {
    if (entry.kind === 'action.held') this.open({ ...entry, id: entry.hold })
    else if (entry.kind === 'hold.answered')
      this.answer(entry.hold, entry.approved, entry.by, entry.expiresAtMs, entry.atMs)
    else if (entry.kind === 'action.intent') {
      if (entry.hold !== undefined) this.use(entry.hold)
    } else if (isReleased(entry)) this.withdraw(entry.agent)
    else if (entry.kind === 'configuration.applied') for (const agent of entry.narrowed ?? []) this.withdraw(agent)
  }

  /** Adds a hold that waits; a further attempt at a known one changes nothing. */
  open({ id, binding, agent, expiresAtMs, notBy = [] }: Opened): void {
    if (this.#holds.has(id)) return
    this.#holds.set(id, { id, binding, agent, expiresAtMs, notBy, state: { kind: 'waiting' } })
    this.#byBinding.set(binding, id)
  }

  answer(
    id: ActionId,
    approved: boolean,
    by: PersonName,
    expiresAtMs: number,
    nowMs: number,
  ): HoldAnswerFault | undefined {
    const fault = this.fault(id, approved, by, nowMs)
    if (fault === undefined) this.#become(id, approved ? { kind: 'approved', by, expiresAtMs } : { kind: 'denied', by })
    return fault
  }

  /** Returns the reason for which `answer` would not be taken; undefined where it would be. */
  fault(id: ActionId, approved: boolean, by: PersonName, nowMs: number): HoldAnswerFault | undefined {
    const hold = this.#holds.get(id)
    if (hold === undefined) return 'unknown'
    if (hold.state.kind !== 'waiting') return 'answered already'
    if (approved && hold.notBy.some((person) => samePerson(person, by))) return 'another person has to approve'
    return nowMs >= hold.expiresAtMs ? 'expired' : undefined
  }

  use(id: ActionId): void {
    const by = this.#holds.get(id)?.state.by
    this.#become(id, { kind: 'used', ...(by && { by }) })
  }

  /** Ends the approvals of an agent that were not used. */
  withdraw(agent: AgentName): void {
    for (const { id, agent: own, state } of this.#holds.values())
      if (own === agent && state.kind === 'approved') this.#become(id, { ...state, kind: 'withdrawn' })
  }

  /** Drops the holds that can be neither answered nor used any more. */
  forget(nowMs: number): void {
    for (const hold of [...this.#holds.values()]) {
      if (nowMs < openUntilMs(hold)) continue
      this.#holds.delete(hold.id)
      if (this.#byBinding.get(hold.binding) === hold.id) this.#byBinding.delete(hold.binding)
    }
  }

  #become(id: ActionId, state: HoldState): void {
    const hold = this.#holds.get(id)
    if (hold !== undefined) this.#holds.set(id, { ...hold, state })
  }
}

type Opened = Omit<Hold, 'state' | 'notBy'> & Partial<Pick<Hold, 'notBy'>>

function openUntilMs({ state, expiresAtMs }: Hold): number {
  if (state.kind === 'waiting') return expiresAtMs
  return state.kind === 'approved' ? state.expiresAtMs : 0
}

/** A hold with the attempt that opened it, as a command shows it. */
export interface KnownHold {
  readonly held: ActionHeld & { readonly atMs: number }
  readonly log: string
  readonly attempts: number
  readonly state: HoldState['kind'] | 'expired'
  readonly by?: PersonName
}

/** Reads every hold in entries of one or more logs, oldest first, with its state at `nowMs`. */
export async function holdsIn(
  entries: AsyncIterable<Entry & { readonly log: string }>,
  nowMs: number,
): Promise<readonly KnownHold[]> {
  const holds = new Holds()
  const attempts = new Map<ActionId, Pick<KnownHold, 'held' | 'log' | 'attempts'>>()
  for await (const entry of entries) {
    holds.take(entry)
    if (entry.kind !== 'action.held') continue
    const known = attempts.get(entry.hold)
    const more = known && { ...known, attempts: known.attempts + 1 + (entry.more ?? 0) }
    attempts.set(entry.hold, more ?? { held: entry, log: entry.log, attempts: 1 })
  }
  return [...holds.values()].flatMap((hold) => {
    const attempt = attempts.get(hold.id)
    return attempt === undefined ? [] : [{ ...attempt, ...stateAt(hold, nowMs) }]
  })
}

/** Returns a hold's state as it is shown: an answer that did not come, or an approval that was not used, ends in time. */
function stateAt({ state, expiresAtMs }: Hold, nowMs: number): Pick<KnownHold, 'state' | 'by'> {
  const endsAtMs = 'expiresAtMs' in state ? state.expiresAtMs : expiresAtMs
  const ends = state.kind === 'waiting' || 'expiresAtMs' in state
  return { state: ends && nowMs >= endsAtMs ? 'expired' : state.kind, ...(state.by && { by: state.by }) }
}

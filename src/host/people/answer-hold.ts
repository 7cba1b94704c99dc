import { holdsIn, type KnownHold } from '../../ledger/views/holds.ts'
import { no, ok, type PersonName, type Result, samePerson } from '../../model/index.ts'
import { containedNow } from '../files/commit.ts'
import { entriesOf, stateOfLog } from '../state/logs.ts'
import { storesOf } from '../state/stores.ts'
import { askWardens, NOT_MINE } from './control-socket.ts'
import { wholeOf } from './held-whole.ts'
import type { HoldAnswer } from './mailbox.ts'

/** A person's answer to a hold. */
export interface AnswerAsk {
  readonly hold: KnownHold
  readonly approved: boolean
  readonly by: PersonName
  /** Milliseconds that an approval may be used, from when the gateway hears of it. */
  readonly forMs: number
  readonly why?: string
  /** Digest of all that the call would carry, by a person who has read it; absent where the entry shows all of it. */
  readonly read?: string
}

/** The reasons why an answer does not count. */
export type AnswerFault =
  /** Another person has to approve it. */
  | { readonly kind: 'another-person'; readonly environment: string }
  | { readonly kind: 'contained'; readonly problem: string }
  /** An approval of a call that nobody can see whole. */
  | { readonly kind: 'unseen'; readonly problem: string }
  /** An approval of a call that carries more than its entry shows, by a person who has not read that. */
  | { readonly kind: 'unread' }
  /** An answer lies there already. */
  | { readonly kind: 'given'; readonly problem: string }
  /** Another answer was heard before this one came. */
  | { readonly kind: 'answered'; readonly hold: KnownHold }
  | { readonly kind: 'not-taken' }

/**
 * Returns why this answer to a hold would not count; undefined where it would. The owner of the agent that asks may not
 * approve in a hardened environment, and nobody may while it is contained; anybody may deny, which narrows. The gateway
 * holds to it whatever it is told.
 */
export async function answerFault(
  stateDirectory: string,
  { hold: { held, log }, approved, by }: Pick<AnswerAsk, 'hold' | 'approved' | 'by'>,
): Promise<AnswerFault | undefined> {
  if (!approved) return undefined
  if (held.notBy?.some((person) => samePerson(person, by)))
    return { kind: 'another-person', environment: held.environment }
  const now = containedNow(await stateOfLog(stateDirectory, log), held.agent)
  const problem = now.ok ? now.value?.text : now.reason
  return problem === undefined ? undefined : { kind: 'contained', problem }
}

/** Returns why a person cannot have read all that they approve; undefined where they have, and of a denial. */
async function unreadFault(
  stateDirectory: string,
  { hold: { held, log }, approved, read }: AnswerAsk,
): Promise<AnswerFault | undefined> {
  if (!approved) return undefined
  const whole = await wholeOf(stateDirectory, log, held)
  if (!whole.ok) return { kind: 'unseen', problem: whole.reason }
  const { digest } = whole.value
  return digest === undefined || digest === read ? undefined : { kind: 'unread' }
}

/**
 * Gives an answer to the gateway that runs; where none does, it is kept for the next one. Returns true when it is in
 * force.
 */
export async function answerHold(stateDirectory: string, ask: AnswerAsk): Promise<Result<boolean, AnswerFault>> {
  const fault = await answerFault(stateDirectory, ask)
  if (fault !== undefined) return no(fault)
  const unread = await unreadFault(stateDirectory, ask)
  if (unread !== undefined) return no(unread)
  const { hold, approved, by, forMs, why } = ask
  const { hold: id, environment } = hold.held
  const state = await stateOfLog(stateDirectory, hold.log)
  const answer: HoldAnswer = { hold: id, environment, approved, by, forMs, ...(why !== undefined && { why }) }
  const given = await storesOf(state).mailbox.put(answer)
  if (!given.ok) return no({ kind: 'given', problem: given.reason })
  const heard = await askWardens(state, { kind: 'answers', environment, hold: id }, () => undefined)
  const [own] = heard.filter(({ said }) => said !== NOT_MINE)
  if (own === undefined) return ok(false)
  const known = await holdsIn(entriesOf(stateDirectory), Date.now())
  const now = known.find((each) => each.held.hold === id)
  if (now !== undefined && now.state !== 'waiting' && (now.state === 'denied') === approved)
    return no({ kind: 'answered', hold: now })
  if (own.ok) return ok(true)
  return own.silent === undefined ? no({ kind: 'not-taken' }) : ok(false)
}

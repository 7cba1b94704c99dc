import type { Action, ActionOutcome, Commitment } from '../../model/index.ts'
import type { Reservation } from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import type { ServedCell } from '../admission/served-cell.ts'
import { cutShown } from '../content/cut-shown.ts'
import type { Bill } from './bill.ts'
import { settledOf } from './charge.ts'
import type { Answer, Passage, Sent } from './line.ts'
import { complain } from './refusals.ts'

interface Judged {
  readonly outcome: ActionOutcome['outcome']
  readonly answer?: Answer
  readonly why: string
  /** Secrets that were found in what it said, and kept from the cell. */
  readonly leaked?: readonly string[]
}

/** An answer, and whether it may be passed on. */
export type JudgedAnswer =
  | (Judged & { readonly answer: Answer /** The answer as the cell sees it. */; readonly shown: Answer })
  | {
      /** `done`, `failed`: what came back has passed on already. */
      readonly outcome: 'done' | 'failed' | 'withheld' | 'not-sent' | 'unknown'
      readonly answer?: undefined
      readonly why: string
      readonly leaked?: readonly string[]
    }

/** The end of an action: what came, how it was judged, and what was reserved for it. */
interface Ended {
  readonly judged: JudgedAnswer
  readonly sent: Sent | Passage
  readonly bill: Bill
  readonly reservation: Reservation
}

/**
 * Records the outcome of an action (step 9). One that cannot be recorded leaves its intent *unknown*, which is the truth: the
 * next gateway counts in full. The cell hears of a call that charged more than was reserved when that is on disk.
 */
export async function recordOutcome(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  { judged, sent, bill, reservation }: Ended,
): Promise<void> {
  const { budgets } = cell.authority
  const { cost, up, note } = bill.settle(judged.outcome, sent)
  const took = happened(action, sent, judged.outcome)
  const counts = took === 'yes' ? 'it answered: its effect counts as one that happened' : ''
  await cell.share.waitForShare(gate.ledger, gate.nowMs)
  const nowMs = gate.nowMs()
  const settled = cost && budgets.settle(reservation, cost, nowMs)
  if (judged.outcome === 'not-sent') budgets.release(reservation)
  else budgets.keep(reservation)
  const bytes = sent.kind === 'answered' || sent.kind === 'passed' ? sent.bytes : undefined
  const put = bytes && gate.ledger.payloads.put(cell.id, bytes)
  const payload: Commitment | undefined = put?.ok ? put.value : undefined
  const { asks: asked = [], note: told = '' } = sent.kind === 'passed' ? sent : {}
  const asks = withinRoom(asked)
  const why = [
    ...[judged.why, counts, note, told],
    put?.ok === false ? `what came back is not kept (${put.reason.kind})` : '',
    asks.length < asked.length ? `${asked.length - asks.length} more tools are asked for, and not named here` : '',
  ].filter((text) => text !== '')
  const base = {
    kind: 'action.outcome',
    action: action.id,
    outcome: judged.outcome,
    ...(took !== undefined && took !== 'yes' && { happened: took }),
    ...(cost && settled && { settled: settledOf(cost, settled, nowMs) }),
    ...(judged.leaked && { leaked: judged.leaked }),
    ...(sent.kind === 'passed' && { passed: sent.passed }),
    ...(payload && { payload }),
  } as const
  const detail = why.length === 0 ? {} : { detail: cutShown(why.join('; '), DETAIL_CHARACTERS_MAX) }
  const whole = gate.ledger.append({ ...base, ...(asks.length > 0 && { asks }), ...detail })
  // What it cost counts in the next gateway, too: it stands there without what only tells.
  const appended =
    whole.ok || (whole.reason.kind !== 'too-large' && whole.reason.kind !== 'not-canonical')
      ? whole
      : gate.ledger.append({ ...base, detail: `its details could not be recorded (${whole.reason.kind})` })
  if (appended.ok) cell.share.wrote(appended.value.seq, (payload?.bytes ?? 0) + appended.value.bytes)
  else complain('an outcome', appended.reason)
  if (up && appended.ok) await gate.ledger.durable(appended.value.seq)
}

const DETAIL_CHARACTERS_MAX = 500
/** Bytes of an entry for the tools that a model asked for: what 256 calls take whose names are of a usual length. */
const ASKS_BYTES_MAX = 65_536

type Asks = NonNullable<Passage['asks']>

/** Returns the first of the tools that a model asked for, as many as an entry has room for. Their names are the model's. */
function withinRoom(asks: Asks): Asks {
  let left = ASKS_BYTES_MAX
  const plain = asks.map(({ name, id, args }) => ({
    name: name.toWellFormed(),
    ...(id !== undefined && { id: id.toWellFormed() }),
    ...(args !== undefined && { args }),
  }))
  const rest = plain.findIndex((each) => {
    left -= Buffer.byteLength(JSON.stringify(each)) + 1
    return left < 0
  })
  return rest === -1 ? plain : plain.slice(0, rest)
}

/**
 * Tells whether an effect happened whose answer is withheld; undefined for anything else. The owner and the cell have to
 * know: done again, it happens twice; and compensated without having happened, it is harm.
 */
export function happened(
  { effect }: Action,
  sent: Sent | Passage,
  outcome: ActionOutcome['outcome'],
): 'yes' | 'no' | 'unknown' | undefined {
  if (effect === 'read' || outcome !== 'withheld') return undefined
  if (sent.kind === 'answered') return sent.answer.failed ? 'unknown' : 'yes'
  if (sent.kind !== 'unreadable') return 'unknown'
  return sent.answers === true ? 'yes' : sent.refused === undefined ? 'unknown' : 'no'
}

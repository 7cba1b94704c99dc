import {
  type Action,
  type ActionIntent,
  isConnection,
  moneyText,
  type ProtocolName,
  type Reason,
} from '../../model/index.ts'
import {
  type Admitted,
  decide,
  operationIds,
  personCouldAllow,
  type Refusal,
  type Reservation,
} from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { authorityOf, type ServedCell } from '../admission/served-cell.ts'
import { runYielding, yieldIfLong } from '../fairness/share.ts'
import { type Attempt, asked, type Passed, type Performed } from './attempt.ts'
import { Bill } from './bill.ts'
import { chargeOf } from './charge.ts'
import { holdBinding, recordHeld } from './held.ts'
import { checkOf, grantsOf, whyClosed } from './last-check.ts'
import type { Answer, Contract, Passage, Sent } from './line.ts'
import { judgeAction, normalise } from './normalise.ts'
import { happened, type JudgedAnswer, recordOutcome } from './outcome.ts'
import {
  atItsPace,
  bytesMaxOf,
  callingOff,
  noticing,
  saveFirst,
  seen,
  unlessCalledOff,
  withoutSecrets,
} from './parts.ts'
import { reasonsJson, recordLabels, redacted } from './record.ts'
import { aboutOf, noticedIn, refuse, unrecorded } from './refused.ts'

/**
 * The path of an action (ARCHITECTURE.md), steps 2 to 9. One way, no detours: every protocol comes through here.
 *
 * - PA1  Nothing leaves without an allow, and without its intent in the ledger; with an effect, without the intent on disk.
 * - PA2  Between that and the first byte, the rung, the ledger and the witness are asked once more.
 * - PA3  A reservation returns only when no byte left.
 * - PA4  What the cell is shown, it is known to have seen, before it sees it.
 * - PA5  An upstream hears nothing of an attempt that is refused or held: nobody connects to it for that one.
 * - PA6  A person's yes stands for what they were shown. Of an action of which more leaves, none stands over a label that its
 *        cell carries, and of a body that its arguments do not say, none at all: it is refused where another would wait.
 */
export async function perform(
  gate: EnvironmentContext,
  cell: ServedCell,
  attempt: Attempt,
): Promise<Performed | Passed> {
  await yieldIfLong()
  await cell.share.waitForShare(gate.ledger, gate.nowMs)
  if (cell.rung === 'watched') await cell.pace.waitForPace(gate.nowMs)
  const known = attempt.upstream.contract(attempt.tool)
  const { action: normal, refusals } = normalise(asked(gate, cell, attempt), known)
  const action = { ...normal, ...attempt.about }
  // At once where a connection stands, so that the decision below falls in the same tick.
  const connecting = attempt.connect(() => mayLeave(gate, cell, action, refusals))
  const unreachable = connecting && (await connecting)
  if (unreachable !== undefined) return refuse(gate, cell, action, [unreachable])
  let approval: Approval | undefined
  const decided = judge(gate, cell, action, refusals, () => {
    approval = gate.holds.take(holdBinding(gate, cell, action), gate.nowMs())
    return approval !== undefined
  })
  const { authority } = cell
  const labels = authority.exposure.labels.size
  if (decided.verdict === 'hold') {
    if (personCouldAllow(decided, action)) return recordHeld(gate, cell, action, decided.reasons)
    const reasons = decided.reasons.map((reason) => ({ ...reason, unseen: true as const }))
    return refuse(gate, cell, action, reasons)
  }
  if (decided.verdict === 'deny') return refuse(gate, cell, action, decided.reasons)
  if (known === undefined) throw new Error('an action was allowed that nobody declared')
  const unsaved = await saveFirst(cell, action)
  if (unsaved !== undefined) {
    cell.authority.budgets.release(decided.reservation)
    return refuse(gate, cell, action, [unsaved])
  }
  const prepare = approval === undefined ? attempt.prepare : attempt.prepareApproved
  if (prepare === undefined) throw new Error('a person was asked for what nobody can approve')
  const prepared = prepare(known)
  const unrecorded = await recordIntent(gate, cell, {
    action,
    protocol: attempt.upstream.protocol,
    bytes: prepared.bytes,
    reasons: decided.reasons,
    approval,
    reservation: decided.reservation,
  })
  if (unrecorded !== undefined) {
    cell.authority.budgets.release(decided.reservation)
    return refuse(gate, cell, action, [unrecorded])
  }
  const bill = new Bill(known, decided.reservation)
  // What a relay asks for is not in its cell's words.
  if (action.effect !== 'read' && !isConnection(action.operation)) {
    const names = cell.authority.flows.get(`${action.upstream}/${known.declared.name}`)?.names
    await runYielding(cell.authority.exposure.recordSentInSteps(action.args, names))
  }
  const leaks = new Set<string>()
  const [permit] = decided.reasons
  const charged = permit.kind === 'permit' ? grantsOf(decided.reservation) : []
  attempt.upstream.underWay.set(action.id, cell.id)
  const mayNotice = noticing(cell, action)
  const ending = callingOff(attempt, mayNotice)
  const { timeoutMs } = known.declared
  const sent = await prepared
    .send({
      lastCheck: checkOf(gate, cell, action, attempt, {
        charged,
        authority,
        labels,
        isApproved: approval !== undefined,
      }),
      signal: ending.signal,
      owner: cell,
      mayNotice,
      ...(timeoutMs !== undefined && { silenceMsMax: timeoutMs }),
      ...bytesMaxOf(action, decided.reservation, known),
      ...(attempt.onPart && {
        onPart: seen(
          gate,
          cell,
          action,
          { known, bill },
          {
            hears: attempt.hears ?? (() => true),
            onPart: withoutSecrets(gate, atItsPace(mayNotice, unlessCalledOff(attempt, attempt.onPart)), leaks),
          },
        ),
      }),
    })
    .finally(() => {
      attempt.upstream.underWay.delete(action.id)
      ending.forget()
    })
  // Judging millions of characters takes its time; others come in between.
  await yieldIfLong()
  const judged = noting(leaks, withinBill(bill, judgeAnswer(gate, known, sent)))
  await recordOutcome(gate, cell, action, { judged, sent, bill, reservation: decided.reservation })
  if (sent.kind === 'passed') return { kind: 'passed', action: action.id }
  if (judged.answer !== undefined) {
    const answer = judged.shown
    const labelling = absorb(gate, cell, action, answer)
    if (labelling === undefined || (await labelling)) return { kind: 'answered', action: action.id, answer }
    return { kind: 'unanswered', action: action.id, outcome: 'withheld', why: 'the ledger does not take its labels' }
  }
  const refused = sent.kind === 'unreadable' ? sent.refused : undefined
  const { outcome, why } = judged
  if (outcome === 'done' || outcome === 'failed') throw new Error('an action is answered without an answer')
  const done = happened(action, sent, outcome) === 'yes' && { happened: true as const }
  return { kind: 'unanswered', action: action.id, outcome, why, ...(refused && { refused }), ...done }
}

type Approval = NonNullable<ReturnType<EnvironmentContext['holds']['take']>>

/** Returns an answer as its cell is shown it: masked fields stay behind. */
function shown(answer: Answer, { declared: { mask } }: Contract): Answer {
  return mask === undefined ? answer : answer.without(mask)
}

/** Raises the labels of an answer and learns from it; returns what waits for them to be on disk, as `recordLabels` does. */
function absorb(gate: EnvironmentContext, cell: ServedCell, action: Action, shown: Answer) {
  const { exposure, flows } = cell.authority
  const learn = function* () {
    for (const tool of operationIds(action)) {
      const flow = flows.get(tool)
      const where = { action: action.id, tool }
      if (flow === undefined) exposure.recordUntrusted(JSON.stringify(shown.said), { tool, path: '$' })
      else yield* exposure.recordAnswerInSteps(flow, shown.reading, where, action.args)
    }
  }
  const learning = runYielding(learn())
  const labelling = recordLabels(gate.ledger, cell)
  return learning === undefined ? labelling : learning.then(() => recordLabels(gate.ledger, cell) ?? labelling ?? true)
}

/** Step 4, with what stands in the way of this gateway itself. */
function judge(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  refusals: readonly Refusal[],
  approves: () => boolean,
): Admitted {
  const nowMs = gate.nowMs()
  const shut = whyClosed(gate.ledger, action.effect, nowMs)
  const own = shut === undefined ? refusals : [...refusals, shut]
  return judgeAction(own, action, authorityOf(cell), nowMs, approves)
}

/** Tells, before there is a connection, whether this attempt would be let through as things stand. */
function mayLeave(gate: EnvironmentContext, cell: ServedCell, action: Action, refusals: readonly Refusal[]): boolean {
  const nowMs = gate.nowMs()
  if (refusals.length > 0 || whyClosed(gate.ledger, action.effect, nowMs) !== undefined) return false
  const decided = decide(action, authorityOf(cell), nowMs)
  if (decided.verdict === 'allow') return true
  return personCouldAllow(decided, action) && gate.holds.approved(holdBinding(gate, cell, action), nowMs)
}

/** Tells whether an attempt would be let through as things stand. Nothing is charged, and nothing recorded. */
export function wouldLeave(gate: EnvironmentContext, cell: ServedCell, attempt: Attempt): boolean {
  const { action, refusals } = normalise(asked(gate, cell, attempt), attempt.upstream.contract(attempt.tool))
  return mayLeave(gate, cell, action, refusals)
}

/** An action that was let through, and what is going to leave for it. */
interface Intended {
  readonly action: Action
  readonly protocol: ProtocolName
  readonly bytes: Uint8Array
  readonly reasons: readonly Reason[]
  readonly approval: Approval | undefined
  readonly reservation: Reservation
}

/** Records an intent (step 5). Returns why nothing may be sent. */
async function recordIntent(
  gate: EnvironmentContext,
  cell: ServedCell,
  { action, protocol, bytes, reasons, approval, reservation }: Intended,
): Promise<Refusal | undefined> {
  const payload = gate.ledger.payloads.put(cell.id, bytes)
  if (!payload.ok) return unrecorded(payload.reason.kind)
  const charge = chargeOf(reservation, gate.nowMs())
  const body: ActionIntent = {
    kind: 'action.intent',
    action: action.id,
    cell: cell.id,
    agent: action.agent,
    environment: action.environment,
    upstream: action.upstream,
    operation: action.operation,
    tool: action.tool,
    protocol,
    effect: action.effect,
    definition: action.definition,
    args: redacted(action.args),
    payload: payload.value,
    reasons: reasonsJson(reasons),
    ...(action.spend && { spend: moneyText(action.spend) }),
    ...(charge && { charge }),
    ...(approval && { hold: approval.hold }),
    ...noticedIn(gate, action),
    ...aboutOf(action),
  }
  const appended = gate.ledger.append(body)
  if (!appended.ok) return unrecorded(appended.reason.kind)
  cell.share.wrote(appended.value.seq, bytes.length + appended.value.bytes)
  // A read that a budget counts waits for the disk, or a crash would count too little; and all of a cell that is watched.
  const counted = reservation.holders.some(({ budgets }) => budgets.length > 0)
  const mayGo = action.effect === 'read' && !counted && cell.rung === 'normal'
  if (mayGo && gate.ledger.readMayGo(gate.nowMs())) return undefined
  const durable = await gate.ledger.durable(appended.value.seq)
  return durable.ok ? undefined : unrecorded(durable.reason.kind)
}

function noting(leaks: ReadonlySet<string>, judged: JudgedAnswer): JudgedAnswer {
  if (leaks.size === 0) return judged
  const leaked = [...new Set([...(judged.leaked ?? []), ...leaks])]
  if (judged.why !== '') return { ...judged, leaked }
  return { ...judged, why: `what it said meanwhile held the secret "${[...leaks].join('", "')}"`, leaked }
}

/** Step 8: an answer is passed on only if it is what the definition promised, and carries no secret. */
function judgeAnswer(gate: EnvironmentContext, known: Contract, sent: Sent | Passage): JudgedAnswer {
  if (sent.kind === 'not-sent' || sent.kind === 'unknown') return { outcome: sent.kind, why: sent.why }
  if (sent.kind === 'unreadable') return { outcome: 'withheld', why: sent.why }
  if (sent.kind === 'passed') {
    const outcome = sent.why !== undefined ? 'unknown' : sent.failed ? 'failed' : 'done'
    return { outcome, why: sent.why ?? '', ...(sent.leaked !== undefined && { leaked: [sent.leaked] }) }
  }
  // Read item by item it is not what came, and may be more than anybody else's answer.
  const leaked =
    sent.unread === undefined
      ? gate.secrets.leakIn(sent.answer.said)
      : gate.secrets.leak(Buffer.from(sent.bytes).toString('utf8'))
  if (leaked !== undefined) return { outcome: 'withheld', why: `it holds the secret "${leaked}"`, leaked: [leaked] }
  if (sent.unread !== undefined) return { outcome: 'withheld', why: sent.unread }
  const broken = sent.answer.failed ? undefined : known.judge(sent.answer)
  if (broken !== undefined) return { outcome: 'withheld', why: broken }
  const answer = sent.answer
  return { outcome: answer.failed ? 'failed' : 'done', answer, shown: shown(answer, known), why: '' }
}

/** An answer of more than was reserved for it is not passed on. */
function withinBill(bill: Bill, judged: JudgedAnswer): JudgedAnswer {
  if (judged.answer === undefined) return judged
  const excess = bill.excess(judged.answer, judged.shown)
  return excess === undefined ? judged : { outcome: 'withheld', why: excess }
}

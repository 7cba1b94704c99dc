import { setTimeout as delay } from 'node:timers/promises'
import {
  type Action,
  type ActionId,
  type ActionIntent,
  type ActionOutcome,
  type Commitment,
  type GrantId,
  type JsonObject,
  type Label,
  LIMITS,
  moneyText,
  no,
  type Operation,
  ok,
  type PersonName,
  type ProtocolName,
  type Reason,
  type Result,
  type Sha256,
  type ToolName,
  toolName,
  UNTRUSTED,
  type UpstreamName,
} from '../../model/index.ts'
import {
  type Admitted,
  decide,
  labelsMeanwhile,
  personCouldAllow,
  type Refusal,
  type Reservation,
  withWhereSeen,
} from '../../policy/index.ts'
import type { EnvironmentContext } from '../admission/environment-context.ts'
import { authorityOf, mayNotice, ownersOf, type ServedCell } from '../admission/served-cell.ts'
import { cutMarked, cutShown } from '../content/cut-shown.ts'
import { runYielding, yieldIfLong } from '../fairness/share.ts'
import { Bill } from './bill.ts'
import { chargeOf, settledOf } from './charge.ts'
import { whyClosed } from './closed.ts'
import { endedSince } from './ended-since.ts'
import { heldBytes } from './held-payload.ts'
import { bindingOf } from './holds.ts'
import type { Answer, Contract, Line, OnPart, Part, Prepared, Sent } from './line.ts'
import { type Asked, judgeAction, normalise } from './normalise.ts'
import { reasonsJson, recordLabels, redacted } from './record.ts'
import { complain } from './refusals.ts'

/** One attempt by a cell, as its protocol has understood it. */
export interface Attempt {
  readonly upstream: Line
  readonly operation: Operation
  /** The tool's or prompt's own name, the resource's URI. */
  readonly target: string
  /** The name in the configuration; of a resource the template that its URI matches. */
  readonly tool: ToolName
  readonly args: JsonObject
  /**
   * Sees to a way to the upstream; resolves with why there is none. It makes one only where `mayLeave` says that this
   * attempt could use it.
   */
  readonly connect: (mayLeave: () => boolean) => Promise<Refusal | undefined> | undefined
  /** `approved`: a person let exactly these arguments through, and nothing else that its cell chose may go with them. */
  readonly prepare: (known: Contract, approved: boolean) => Prepared
  readonly signal: AbortSignal
  /** Aborted by the cell itself, which may not always be known outside: see `callingOff`. */
  readonly calledOff?: AbortSignal
  /** Takes what the upstream says of it before its answer. */
  readonly onPart?: OnPart
  /** Tells which of those reach the cell; all where it is left out. */
  readonly hears?: (part: Part) => boolean
  /** The effect that it compensates, or looks at: on a person's order. */
  readonly about?: Pick<Action, 'undoes' | 'checks'>
}

export type Performed =
  | { readonly kind: 'answered'; readonly action: ActionId; readonly answer: Answer }
  /**
   * Refused before anything was sent. The cell is told the reference, if the ledger has it, and what is wrong with its own
   * arguments.
   */
  | { readonly kind: 'refused'; readonly action: ActionId | undefined; readonly reasons: readonly Refusal[] }
  /** The attempt waits for a person, under the reference of the first one. */
  | { readonly kind: 'held'; readonly action: ActionId; readonly hold: ActionId }
  /** Sent or not, there is no answer that may be passed on. */
  | {
      readonly kind: 'unanswered'
      readonly action: ActionId
      readonly outcome: 'withheld' | 'not-sent' | 'unknown'
      readonly why: string
      /** Set where the upstream did not look at it: it forgot the session, or does not take the credential. */
      readonly refused?: 'session' | 'credential'
      /** True where the effect has happened, as far as can be told: an answer came. */
      readonly happened?: true
    }

/** Characters of a name that a cell calls: a longer one is refused, declared or not. */
const NAME_CHARACTERS_MAX = 200

type Refused = Extract<Performed, { kind: 'refused' }>

/**
 * The path of an action (DESIGN.md), steps 2 to 9. One way, no detours: every protocol comes through here.
 *
 * - PA1  Nothing leaves without an allow, and without its intent in the ledger; with an effect, without the intent on disk.
 * - PA2  Between that and the first byte, the rung, the ledger and the witness are asked once more.
 * - PA3  A reservation returns only when no byte left.
 * - PA4  What the cell is shown, it is known to have seen, before it sees it.
 * - PA5  An upstream hears nothing of an attempt that is refused or held: nobody connects to it for that one.
 */
export async function perform(gate: EnvironmentContext, cell: ServedCell, attempt: Attempt): Promise<Performed> {
  await yieldIfLong()
  await cell.share.waitForShare(gate.ledger, gate.nowMs)
  if (cell.rung === 'watched') await cell.pace.waitForPace(gate.nowMs)
  const known = attempt.upstream.contract(attempt.tool)
  const { action: normal, refusals } = normalise(asked(gate, cell, attempt), known)
  const action = { ...normal, ...attempt.about }
  // Without a wait nothing changes before it is decided.
  const connecting = attempt.connect(() => mayLeave(gate, cell, action, refusals))
  const unreachable = connecting && (await connecting)
  if (unreachable !== undefined) return refuse(gate, cell, action, [unreachable])
  let approval: Approval | undefined
  const decided = judge(gate, cell, action, refusals, () => {
    approval = gate.holds.take(holdBinding(gate, cell, action), gate.nowMs())
    return approval !== undefined
  })
  if (decided.verdict === 'hold') return recordHeld(gate, cell, action, decided.reasons)
  if (decided.verdict === 'deny' || known === undefined) {
    return refuse(gate, cell, action, decided.verdict === 'deny' ? decided.reasons : refusals)
  }
  const unsaved = await saveFirst(cell, action)
  if (unsaved !== undefined) {
    cell.authority.budgets.release(decided.reservation)
    return refuse(gate, cell, action, [unsaved])
  }
  const prepared = attempt.prepare(known, approval !== undefined)
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
  if (action.effect !== 'read') {
    const names = cell.authority.flows.get(`${action.upstream}/${known.declared.name}`)?.names
    await runYielding(cell.authority.exposure.recordSentInSteps(action.args, names))
  }
  const leaks = new Set<string>()
  const [permit] = decided.reasons
  const charged = permit.kind === 'permit' ? permit.grant : undefined
  attempt.upstream.underWay++
  const { accepts } = cell.authority.flows.get(`${action.upstream}/${known.declared.name}`) ?? {}
  const ending = callingOff(cell, attempt, accepts)
  const sent = await prepared
    .send({
      lastCheck: () => lastCheck(gate, cell, action, charged),
      signal: ending.signal,
      owner: cell,
      ...(attempt.onPart && {
        onPart: seen(gate, cell, action, known, bill, {
          hears: attempt.hears ?? (() => true),
          onPart: withoutSecrets(gate, atItsPace(cell, accepts, unlessCalledOff(attempt, attempt.onPart)), leaks),
        }),
      }),
    })
    .finally(() => {
      attempt.upstream.underWay--
      ending.forget()
    })
  // Judging millions of characters takes its time; others come in between.
  await yieldIfLong()
  const judged = noting(leaks, withinBill(bill, judgeAnswer(gate, known, sent)))
  await recordOutcome(gate, cell, action, judged, sent, bill, decided.reservation)
  if (judged.answer !== undefined) {
    const answer = judged.shown
    const labelling = absorb(gate, cell, action, known, answer)
    if (labelling === undefined || (await labelling)) return { kind: 'answered', action: action.id, answer }
    return { kind: 'unanswered', action: action.id, outcome: 'withheld', why: 'the ledger does not take its labels' }
  }
  const refused = sent.kind === 'unreadable' ? sent.refused : undefined
  const { outcome, why } = judged
  const done = happened(action, sent, outcome) === 'yes'
  const more = { ...(refused && { refused }), ...(done && { happened: true as const }) }
  return { kind: 'unanswered', action: action.id, outcome, why, ...more }
}

/**
 * Returns the signal that ends a call under way. That its cell calls it off is a word to the upstream, so that it
 * passes only while the call accepts every label that the cell carries by then (F1); otherwise the exchange runs on to
 * its end, for nobody. `untrusted` binds no such word: it carries nothing of whom data is meant for.
 */
function callingOff(cell: ServedCell, { signal, calledOff }: Attempt, accepts: ReadonlySet<Label> | undefined) {
  const own = new AbortController()
  const pass = () => {
    if (mayNotice(cell, accepts)) own.abort()
  }
  calledOff?.addEventListener('abort', pass, { once: true })
  if (calledOff?.aborted) pass()
  const forget = () => calledOff?.removeEventListener('abort', pass)
  return { signal: AbortSignal.any([signal, own.signal]), forget }
}

/** Drops what an upstream says of a call that its cell has called off: it reaches nobody, and does not end the exchange. */
function unlessCalledOff({ calledOff }: Attempt, onPart: OnPart): OnPart {
  return (part) => {
    if (calledOff?.aborted) return undefined
    return onPart(part)?.catch((error: unknown) => {
      if (!calledOff?.aborted) throw error
    })
  }
}

/**
 * Has the upstream wait until its cell has read what it says of a call, while it may notice how fast that is; otherwise
 * nobody waits, and what the cell has no room for is dropped.
 */
function atItsPace(cell: ServedCell, accepts: ReadonlySet<Label> | undefined, onPart: OnPart): OnPart {
  let unread: Promise<void> | undefined
  return (part) => {
    if (unread !== undefined && !mayNotice(cell, accepts)) return undefined
    const passed = onPart(part)
    if (passed === undefined) return undefined
    const reading = passed.finally(() => {
      if (unread === reading) unread = undefined
    })
    unread = reading
    return noticed(cell, accepts, reading)
  }
}

/** Waits for a cell's reading for as long as an upstream may notice it: the cell may learn something meanwhile. */
async function noticed(cell: ServedCell, accepts: ReadonlySet<Label> | undefined, reading: Promise<void>) {
  reading.catch(() => undefined)
  while (mayNotice(cell, accepts)) {
    if (await Promise.race([reading.then(() => true), delay(NOTICED_EVERY_MS, false, { ref: false })])) return
  }
}

/** Milliseconds between two looks at what a cell that does not read has learned meanwhile. */
const NOTICED_EVERY_MS = 50

/**
 * Tells whether an effect happened whose answer is withheld; undefined for anything else. The owner and the cell have to
 * know: done again, it happens twice; and compensated without having happened, it is harm.
 */
function happened(
  { effect }: Action,
  sent: Sent,
  outcome: ActionOutcome['outcome'],
): 'yes' | 'no' | 'unknown' | undefined {
  if (effect === 'read' || outcome !== 'withheld') return undefined
  if (sent.kind === 'answered') return sent.answer.failed ? 'unknown' : 'yes'
  if (sent.kind !== 'unreadable') return 'unknown'
  return sent.answers === true ? 'yes' : sent.refused === undefined ? 'unknown' : 'no'
}

type Approval = NonNullable<ReturnType<EnvironmentContext['holds']['take']>>

/** Returns an answer as its cell is shown it: masked fields stay behind. */
function shown(answer: Answer, { declared: { mask } }: Contract): Answer {
  return mask === undefined ? answer : answer.without(mask)
}

/** Raises the labels of an answer and learns from it; returns what waits for them to be on disk, as `recordLabels` does. */
function absorb(gate: EnvironmentContext, cell: ServedCell, action: Action, known: Contract, shown: Answer) {
  const tool = `${action.upstream}/${known.declared.name}`
  const flow = cell.authority.flows.get(tool)
  const { exposure } = cell.authority
  const where = { action: action.id, tool }
  const learning = flow && runYielding(exposure.recordAnswerInSteps(flow, shown.reading, where, action.args))
  if (flow === undefined) exposure.recordUntrusted(JSON.stringify(shown.said), { tool, path: '$' })
  const labelling = recordLabels(gate.ledger, cell)
  return learning === undefined ? labelling : learning.then(() => labelling ?? true)
}

/**
 * Returns a listener for notifications: they raise labels like an answer, and make nothing known. Progress is of its call.
 * A log line may be of any call to that upstream, so it is untrusted, and has every confidentiality that the upstream
 * gives. A tool with masked fields says nothing meanwhile.
 */
function seen(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  known: Contract,
  bill: Bill,
  { hears, onPart }: Required<Pick<Attempt, 'hears' | 'onPart'>>,
): OnPart {
  return (part) => {
    if (!hears(part)) return undefined
    if (known.declared.mask !== undefined || !bill.passes(part.said)) return undefined
    const labelling = hear(gate, cell, action, known, part)
    if (labelling === undefined) return onPart(part)
    return labelling.then((onDisk) => (onDisk ? onPart(part) : undefined))
  }
}

/** Raises the labels of a notification; returns what waits for them to be on disk, as `recordLabels` does. */
function hear(gate: EnvironmentContext, cell: ServedCell, action: Action, known: Contract, { said, ofAction }: Part) {
  const tool = `${action.upstream}/${known.declared.name}`
  const flow = cell.authority.flows.get(tool)
  const labels = ofAction && flow !== undefined ? labelsMeanwhile(flow.returns) : [UNTRUSTED, ...(flow?.issues ?? [])]
  cell.authority.exposure.recordMessage(said, labels, { action: action.id, tool })
  return recordLabels(gate.ledger, cell)
}

/** The attempt as it is normalised: under the name that it is decided and recorded by. */
function asked(
  gate: EnvironmentContext,
  cell: ServedCell,
  { upstream, operation, target, tool, args }: Attempt,
): Asked {
  return {
    id: gate.newActionId(),
    cellId: cell.id,
    authority: cell.authority,
    upstream: upstream.name,
    upstreamEnvironment: upstream.environment,
    operation,
    tool: operation === 'resource' ? templateOf(tool) : recordable(target),
    args,
  }
}

/** A resource is decided and recorded by the template that was granted; its URI stands in the arguments. */
function templateOf(tool: ToolName): ToolName {
  return tool.slice(tool.indexOf(':') + 1) as ToolName // a part of a checked name, without the control characters it lacks
}

/** A name that a cell made up, as it can stand in the ledger. */
function recordable(name: string): ToolName {
  return toolName(cutShown(name, NAME_CHARACTERS_MAX).replaceAll(/\p{Cc}/gu, '�') || '(empty)')
}

/**
 * Tells whether a text can be the name of a tool, a prompt or a template: it is looked up, decided, recorded and sent as
 * the one name that it is. Of any other a part would be decided, and the whole sent.
 */
export function isName(text: string): boolean {
  return recordable(text) === text
}

/** The refusal of what is no name. */
export const NAME_FAULT: Extract<Refusal, { kind: 'arguments' }> = {
  kind: 'arguments',
  path: '$',
  problem: `its name is no name: one has 1 to ${NAME_CHARACTERS_MAX} characters, and no control characters`,
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
  if (refusals.length > 0) return false
  const nowMs = gate.nowMs()
  if (decide(action, authorityOf(cell), nowMs).verdict === 'allow') return true
  return gate.holds.approved(holdBinding(gate, cell, action), nowMs)
}

/** Before what cannot be taken back, the files are: returns why nothing may be sent without. */
async function saveFirst({ savedFirst, gone }: ServedCell, { effect }: Action): Promise<Refusal | undefined> {
  if (savedFirst === undefined || effect !== 'irreversible') return undefined
  const problem = await savedFirst.files.saved(gone.signal)
  if (problem === undefined || !savedFirst.required) return undefined
  return { kind: 'unavailable', what: 'checkpoint', problem }
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

function noticedIn(
  gate: EnvironmentContext,
  { upstream, operation, tool, args }: Action,
): Pick<ActionIntent, 'noticed'> {
  return gate.notice.in({ upstream, operation, target: tool }, args)
}

function aboutOf({ undoes, checks }: Pick<Action, 'undoes' | 'checks'>): Pick<Action, 'undoes' | 'checks'> {
  return { ...(undoes && { undoes }), ...(checks && { checks }) }
}

function unrecorded(problem: string): Refusal {
  return { kind: 'unavailable', what: 'ledger', problem }
}

/** Step 7, in the tick that writes: what may have changed since the decision. */
function lastCheck(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  charged: GrantId | undefined,
): string | undefined {
  if (cell.gone.signal.aborted) return 'the cell is gone'
  const ended = endedSince(action, authorityOf(cell), charged, gate.nowMs())
  if (ended !== undefined) return ended
  return whyClosed(gate.ledger, action.effect, gate.nowMs()) === undefined
    ? undefined
    : 'the ledger or its witness is away'
}

interface Judged {
  readonly outcome: ActionOutcome['outcome']
  readonly answer?: Answer
  readonly why: string
  /** Secrets that were found in what it said, and kept from the cell. */
  readonly leaked?: readonly string[]
}

/** Progress and log lines are judged like the answer (S10): one that holds a secret is dropped, and the ledger told. */
function withoutSecrets(gate: EnvironmentContext, onPart: OnPart, leaks: Set<string>): OnPart {
  return (part) => {
    const leaked = gate.secrets.leakIn(part.said)
    if (leaked === undefined) return onPart(part)
    leaks.add(leaked)
    return undefined
  }
}

function noting(leaks: ReadonlySet<string>, judged: JudgedAnswer): JudgedAnswer {
  if (leaks.size === 0) return judged
  const leaked = [...new Set([...(judged.leaked ?? []), ...leaks])]
  if (judged.why !== '') return { ...judged, leaked }
  return { ...judged, why: `what it said meanwhile held the secret "${[...leaks].join('", "')}"`, leaked }
}

/** Step 8: an answer is passed on only if it is what the definition promised, and carries no secret. */
function judgeAnswer(gate: EnvironmentContext, known: Contract, sent: Sent): JudgedAnswer {
  if (sent.kind === 'not-sent' || sent.kind === 'unknown') return { outcome: sent.kind, why: sent.why }
  if (sent.kind === 'unreadable') return { outcome: 'withheld', why: sent.why }
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

type JudgedAnswer =
  | (Judged & { readonly answer: Answer /** The answer as the cell sees it. */; readonly shown: Answer })
  | {
      readonly outcome: 'withheld' | 'not-sent' | 'unknown'
      readonly answer?: undefined
      readonly why: string
      readonly leaked?: readonly string[]
    }

/**
 * Step 9. An outcome that cannot be recorded leaves its intent *unknown*, which is the truth: the next gateway counts
 * in full. The cell hears of a call that charged more than was reserved when that is on disk.
 */
async function recordOutcome(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  judged: JudgedAnswer,
  sent: Sent,
  bill: Bill,
  reservation: Reservation,
): Promise<void> {
  const { budgets } = cell.authority
  const { cost, up, note } = bill.settle(judged.outcome, sent.kind === 'answered' ? sent.answer : undefined)
  const took = happened(action, sent, judged.outcome)
  const counts = took === 'yes' ? 'it answered: its effect counts as one that happened' : ''
  const why = [judged.why, counts, note].filter((text) => text !== '').join('; ')
  await cell.share.waitForShare(gate.ledger, gate.nowMs)
  const nowMs = gate.nowMs()
  const settled = cost && budgets.settle(reservation, cost, nowMs)
  if (judged.outcome === 'not-sent') budgets.release(reservation)
  else budgets.keep(reservation)
  let payload: Commitment | undefined
  if (sent.kind === 'answered') {
    const put = gate.ledger.payloads.put(cell.id, sent.bytes)
    if (put.ok) payload = put.value
  }
  const appended = gate.ledger.append({
    kind: 'action.outcome',
    action: action.id,
    outcome: judged.outcome,
    ...(took !== undefined && took !== 'yes' && { happened: took }),
    ...(cost && settled && { settled: settledOf(cost, settled, nowMs) }),
    ...(judged.leaked && { leaked: judged.leaked }),
    ...(payload && { payload }),
    ...(why === '' ? {} : { detail: cutShown(why, 500) }),
  })
  if (appended.ok) cell.share.wrote(appended.value.seq, (payload?.bytes ?? 0) + appended.value.bytes)
  else complain('an outcome', appended.reason)
  if (up && appended.ok) await gate.ledger.durable(appended.value.seq)
}

/** An attempt that waits. The cell may try it again as often as it likes: it stays the same hold. */
async function recordHeld(
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

function holdBinding(gate: EnvironmentContext, cell: ServedCell, action: Action): Sha256 {
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

async function refuse(
  gate: EnvironmentContext,
  cell: ServedCell,
  action: Action,
  reasons: readonly Refusal[],
): Promise<Refused> {
  const reference = await cell.refusals.record(gate, cell, action.id, reasons, {
    upstream: action.upstream,
    operation: action.operation,
    tool: action.tool,
    effect: action.effect,
    args: redacted(action.args, LIMITS.refusedArgumentBytesMax),
    ...noticedIn(gate, action),
    ...aboutOf(action),
  })
  if (reference !== undefined) rememberRefused(cell, action, reasons)
  return { kind: 'refused', action: reference, reasons }
}

/** Keeps the last few refused actions of a cell that a person could let through: it may ask for them. */
function rememberRefused({ asked }: ServedCell, action: Action, reasons: readonly Refusal[]): void {
  const [first, ...more] = reasons
  if (first === undefined || !personCouldAllow({ verdict: 'deny', reasons: [first, ...more] })) return
  asked.set(action.id, { action, reasons })
  const [oldest] = asked.keys()
  if (asked.size > LIMITS.refusalsRememberedMax && oldest !== undefined) asked.delete(oldest)
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

/** An attempt that cannot even be prepared: what it names is not here, or cannot be reached. */
export interface Unprepared {
  readonly upstream: UpstreamName | undefined
  readonly operation: Operation
  readonly target: string
  readonly args: JsonObject
  readonly undoes?: ActionId
  readonly checks?: ActionId
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

export async function refuseUnprepared(
  gate: EnvironmentContext,
  cell: ServedCell,
  attempt: Unprepared,
  reasons: readonly Refusal[],
): Promise<Refused> {
  const { upstream, operation } = attempt
  const reference = await cell.refusals.record(gate, cell, gate.newActionId(), reasons, {
    ...(upstream && { upstream }),
    operation,
    tool: recordable(attempt.target),
    args: redacted(attempt.args, LIMITS.refusedArgumentBytesMax),
    ...gate.notice.in(attempt, attempt.args),
    ...aboutOf(attempt),
  })
  return { kind: 'refused', action: reference, reasons }
}

/** A frame that is refused before anyone knows what it wants: that it came is in the record all the same. */
export function refuseFrame(
  gate: EnvironmentContext,
  cell: ServedCell,
  problem: string,
  frame = '',
): Promise<ActionId | undefined> {
  const about = frame === '' ? {} : gate.notice.inText(frame)
  return cell.refusals.record(gate, cell, gate.newActionId(), [{ kind: 'arguments', path: '$', problem }], about)
}

const NO_UPSTREAM = 'none' as UpstreamName // a name by its shape

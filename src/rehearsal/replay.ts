import type { Agent } from '../config/config.ts'
import { isCovered } from '../gateway/content/cover.ts'
import { costFrom } from '../gateway/pipeline/charge.ts'
import { heldArguments } from '../gateway/pipeline/held-payload.ts'
import type { Answer } from '../gateway/pipeline/line.ts'
import { isShortened, reasonsFrom } from '../gateway/pipeline/record.ts'
import { payloadsOf } from '../gateway/protocols/payloads.ts'
import type { LedgerFault } from '../ledger/log/fault.ts'
import type { Recorded } from '../ledger/log/recorded.ts'
import type { Log } from '../ledger/store.ts'
import type { Entry } from '../model/entry.ts'
import {
  type ActionHeld,
  type ActionId,
  type ActionIntent,
  type ActionOutcome,
  type ActionRefused,
  type AgentName,
  type CellId,
  type CellStarted,
  type DelegationId,
  grantedName,
  isConnection,
  isJsonObject,
  type Json,
  type JsonObject,
  type Label,
  no,
  ok,
  type Reason,
  type Result,
  UNTRUSTED,
  type Verdict,
} from '../model/index.ts'
import { BudgetBook, Exposure, type Reading, type Reservation, type Task, withWhereSeen } from '../policy/index.ts'
import { type Rehearsal, type RehearsedAttempt, type RehearsedCell, rehearseAction, rehearsedCell } from './attempt.ts'

/** One recorded action, and what the configuration at hand says of it. */
export interface Rejudged {
  readonly log: string
  readonly seq: number
  readonly atMs: number
  readonly action: ActionId
  readonly cell: CellId
  readonly agent: AgentName
  readonly tool: string
  /** `approved`: it was held, and a person let it through. */
  readonly was: Verdict | 'approved'
  readonly wasReasons: readonly Reason[]
  readonly now: Verdict
  readonly nowReasons: readonly [Reason, ...Reason[]]
  /** The reason for which it could be judged in part only. */
  readonly partly?: string
}

export interface Replay {
  /** Everything that was judged, in the order of the log. */
  readonly actions: readonly Rejudged[]
  /**
   * Number of actions that no configuration decides: refused before they named a tool, or while the ledger or a cell
   * stood still.
   */
  readonly apart: number
}

/** A cell and its attempt at the time when an action was decided again, for further tries. */
export interface ReplayedMoment {
  readonly cell: RehearsedCell
  readonly attempt: RehearsedAttempt
  readonly atMs: number
}

/**
 * Decides every action of one log again, in order, under another configuration.
 *
 * - RP1  Deterministic: what it returns depends on the log and the configuration alone, and on no clock.
 * - RP2  Budgets, labels and trusted values are made anew of what the configuration lets through: an action that it would
 *        have refused is charged to nobody, and its answer is not seen.
 * - RP3  Where the bytes of an action or an answer cannot be read, it says so of every action that this concerns, and
 *        takes the cell to have seen all that the answer could have held.
 */
export async function replayLog(
  rehearsal: Rehearsal,
  log: Log,
  onMoment: (judged: Rejudged, moment: ReplayedMoment) => void = () => undefined,
): Promise<Result<Replay, LedgerFault>> {
  const run = new LogReplay(rehearsal, log.name, onMoment)
  for await (const recorded of log.recorded()) {
    if (!recorded.ok) return no(recorded.reason)
    await run.take(recorded.value)
  }
  return ok({ actions: run.actions, apart: run.apart })
}

/** A cell as it is rebuilt. */
interface PastCell extends RehearsedCell {
  /** From here on its labels and values are not known for certain. */
  partly: string | undefined
}

/** An action that was let through then and is now, whose answer is still to come. */
interface UnderWay {
  readonly cell: PastCell
  readonly attempt: RehearsedAttempt
  readonly reservation: Reservation
}

type Decision = (ActionIntent | ActionHeld | ActionRefused) & Entry

class LogReplay {
  readonly actions: Rejudged[] = []
  apart = 0
  readonly #rehearsal: Rehearsal
  readonly #log: string
  readonly #onMoment: (judged: Rejudged, moment: ReplayedMoment) => void
  readonly #budgets = new BudgetBook()
  readonly #cells = new Map<CellId, PastCell>()
  readonly #givers = new Map<DelegationId, { readonly cell: CellId; readonly depth: number }>()
  readonly #underWay = new Map<ActionId, UnderWay>()
  /** Held then and let through now: the call that a person approved later is the same one. */
  readonly #early = new Map<ActionId, Reservation>()

  constructor(rehearsal: Rehearsal, log: string, onMoment: (judged: Rejudged, moment: ReplayedMoment) => void) {
    this.#rehearsal = rehearsal
    this.#log = log
    this.#onMoment = onMoment
  }

  async take(recorded: Recorded): Promise<void> {
    const { entry } = recorded
    switch (entry.kind) {
      case 'cell.started':
        this.#start(entry)
        break
      case 'cell.taken-over': {
        const cell = this.#cells.get(entry.cell)
        if (cell !== undefined)
          cell.partly ??= `its gateway was replaced at ${new Date(entry.atMs).toISOString()}, and went on with less than it knew`
        break
      }
      case 'cell.ended':
        this.#cells.delete(entry.cell)
        break
      case 'delegation.made':
        this.#givers.set(entry.delegation, { cell: entry.cell, depth: entry.depth })
        break
      case 'action.intent':
      case 'action.held':
      case 'action.refused':
        // A person's order, under grants that are no agent's.
        if (entry.undoes !== undefined || entry.checks !== undefined) this.apart++
        else await this.#judge(recorded, entry)
        break
      case 'action.outcome':
        await this.#outcome(recorded, entry)
        break
    }
  }

  #start(entry: CellStarted & Entry): void {
    const agent = this.#rehearsal.judged.config.agents.get(entry.agent)
    if (agent === undefined) return
    const task = taskIn(entry.task, entry.owner)
    const cell = rehearsedCell(this.#rehearsal, agent, {
      id: entry.cell,
      labels: beganWith(agent, entry),
      atMs: entry.atMs,
      budgets: this.#budgets,
      ...(task && { task }),
    })
    this.#cells.set(entry.cell, { partly: undefined, ...cell, ...this.#delegated(entry, cell) })
  }

  /**
   * Returns the authority of a cell that was delegated to. The ledger keeps what a person reads of a delegation: that
   * it narrows, and from whom, but not every limit.
   */
  #delegated({ delegation, atMs }: CellStarted & Entry, cell: RehearsedCell): Partial<PastCell> {
    const given = delegation === undefined ? undefined : this.#givers.get(delegation)
    const giver = given && this.#cells.get(given.cell)
    if (delegation === undefined || given === undefined || giver === undefined) return {}
    return {
      authority: {
        ...cell.authority,
        grants: [],
        exposure: new Exposure(cell.authority.exposure.labels, cell.authority.task, giver.authority.exposure),
        above: {
          id: delegation,
          depth: given.depth,
          restriction: { arguments: [], budgets: [], expiresAtMs: Number.MAX_SAFE_INTEGER },
          from: () => giver.authority,
          revokedAtMs: () => undefined,
        },
      },
      partly: `what delegation ${delegation} of ${new Date(atMs).toISOString()} narrowed is not known to the last limit`,
    }
  }

  async #judge({ bytes }: Recorded, entry: Decision): Promise<void> {
    const wasReasons = reasonsFrom(entry.reasons)
    const cell = this.#cells.get(entry.cell) ?? this.#unknownCell(entry)
    const attempt = await attemptOf(entry, bytes)
    if (attempt === undefined || wasReasons.some(isApart)) {
      this.apart++
      return
    }
    const shared = { log: this.#log, seq: entry.seq, atMs: entry.atMs, action: entry.action, cell: entry.cell }
    const about = { ...shared, agent: entry.agent, tool: nameOf(attempt), was: wasOf(entry), wasReasons }
    if (cell === undefined) {
      const nowReasons = [{ kind: 'no-grant', upstream: attempt.upstream, tool: attempt.tool }] as const
      this.actions.push({ ...about, now: 'deny', nowReasons })
      return
    }
    const hold = 'hold' in entry ? entry.hold : undefined
    const early = hold === undefined ? undefined : this.#early.get(hold)
    if (early !== undefined) this.#budgets.release(early)
    const approved = entry.kind === 'action.intent' && hold !== undefined
    // An answer to a hold lets nothing through that would now be refused; only one to a request did that.
    const asked = wasReasons.some(({ kind }) => kind === 'approved')
    const approves = ({ verdict }: { readonly verdict: Verdict }) => approved && (verdict === 'hold' || asked)
    const { decided } = rehearseAction(this.#rehearsal, cell, attempt, entry.atMs, approves)
    const [firstReason, ...moreReasons] = decided.reasons
    const place = withWhereSeen(cell.authority.exposure)
    const partly = attempt.partly ?? cell.partly
    const judged: Rejudged = {
      ...about,
      now: decided.verdict,
      nowReasons: [place(firstReason), ...moreReasons.map(place)],
      ...(partly !== undefined && { partly }),
    }
    this.actions.push(judged)
    this.#onMoment(judged, { cell, attempt, atMs: entry.atMs })
    if (decided.verdict !== 'allow') return
    if (hold !== undefined && !approved) this.#early.set(hold, decided.reservation)
    const names = this.#rehearsal.flows.get(nameOf(attempt))?.names
    const words = this.#declared(attempt)?.effect !== 'read' && !isConnection(attempt.operation)
    if (words) cell.authority.exposure.recordSent(attempt.args, names)
    if (entry.kind === 'action.intent')
      this.#underWay.set(entry.action, { cell, attempt, reservation: decided.reservation })
    // Nobody knows what would have come back.
    else cell.partly ??= `the answer to ${entry.action}, which was not sent then, is not known`
  }

  /**
   * Makes a cell whose start is unknown: the log's beginning is gone. Undefined where the configuration no longer has
   * its agent.
   */
  #unknownCell(entry: Decision): PastCell | undefined {
    const agent = this.#rehearsal.judged.config.agents.get(entry.agent)
    if (agent === undefined) return undefined
    const begun = { id: entry.cell, labels: agent.cell.labels, atMs: entry.atMs, budgets: this.#budgets }
    const cell: PastCell = {
      ...rehearsedCell(this.#rehearsal, agent, begun),
      partly: 'the start of its cell is not in the log',
    }
    this.#cells.set(entry.cell, cell)
    return cell
  }

  async #outcome({ bytes }: Recorded, { action, outcome, payload, settled }: ActionOutcome): Promise<void> {
    const underWay = this.#underWay.get(action)
    if (underWay === undefined) return
    this.#underWay.delete(action)
    const { cell, attempt, reservation } = underWay
    if (outcome === 'not-sent') this.#budgets.release(reservation)
    else if (isConnection(attempt.operation) && settled !== undefined)
      this.#budgets.recallSettled(reservation, costFrom(settled), this.#budgets.clock.latest)
    else this.#budgets.keep(reservation)
    // What a connection brings back reaches no cell by itself.
    if (isConnection(attempt.operation)) return
    if (outcome !== 'done' && outcome !== 'failed') return
    const read = payload && (await bytes(cell.id, payload))
    const answer = read && payloadsOf(attempt.protocol).answerIn(read)
    const shown = answer && this.#shownOf(answer, attempt)
    const { exposure } = cell.authority
    const flow = this.#rehearsal.flows.get(nameOf(attempt))
    if (flow === undefined) return
    if (shown !== undefined) exposure.recordAnswer(flow, shown, { action, tool: nameOf(attempt) }, attempt.args)
    else {
      cell.partly ??= `the answer to ${action} can no longer be read`
      exposure.addLabels(this.#couldHold(attempt))
    }
  }

  /** Returns an answer as the cell was shown it, or would have been: without what is masked now. */
  #shownOf(answer: Answer, attempt: RehearsedAttempt): Reading {
    const mask = this.#declared(attempt)?.mask
    return (mask === undefined ? answer : answer.without(mask)).reading
  }

  #declared({ upstream, operation, tool }: RehearsedAttempt) {
    return this.#rehearsal.upstreams.get(upstream)?.contract(grantedName(operation, tool))?.declared
  }

  /** Every label that an answer could bring, and none of its values. */
  #couldHold(attempt: RehearsedAttempt): Exposure {
    const returns = this.#declared(attempt)?.returns ?? []
    const labels = returns.flatMap((field) => field.labels)
    const all = returns.some(({ path }) => path.length === 0) ? labels : [...labels, UNTRUSTED]
    return new Exposure(new Map(all.map((label) => [label, { tool: nameOf(attempt), path: '$', labels: all }])))
  }
}

/**
 * Returns the labels that a cell of the log begins with. What `labels:` of the configuration says is believed; where it
 * says nothing, what the cell really carried counts too: what was piped into it, or shown to another command, stands in
 * no configuration.
 */
function beganWith({ cell }: Agent, { labels = [] }: CellStarted): readonly Label[] {
  return cell.labelled ? cell.labels : [...new Set([...cell.labels, ...labels])]
}

function wasOf(entry: Decision): Rejudged['was'] {
  if (entry.kind === 'action.intent') return entry.hold === undefined ? 'allow' : 'approved'
  return entry.kind === 'action.held' ? 'hold' : 'deny'
}

/** No configuration changes these; what a cell asked for came after a refusal, which is judged by itself. */
function isApart({ kind }: Reason): boolean {
  return kind === 'unavailable' || kind === 'rung' || kind === 'requested'
}

export function nameOf({
  upstream,
  operation,
  tool,
}: Pick<RehearsedAttempt, 'upstream' | 'operation' | 'tool'>): string {
  return `${upstream}/${grantedName(operation, tool)}`
}

/**
 * Returns the attempt of an entry, with the arguments from the bytes that were sent; else those that the entry still
 * has.
 */
async function attemptOf(
  entry: Decision,
  bytes: Recorded['bytes'],
): Promise<(RehearsedAttempt & { readonly partly?: string }) | undefined> {
  const { upstream, operation, tool, environment, action: id, args = {} } = entry
  if (upstream === undefined || operation === undefined || tool === undefined) return undefined
  const definition = 'definition' in entry ? { definition: entry.definition } : {}
  const protocol = 'protocol' in entry ? entry.protocol : undefined
  const { during, alongside } = entry
  const told = { ...(during && { during }), ...(alongside && { alongside }) }
  const more = { ...definition, ...(protocol && { protocol }), ...told }
  const shared = { id, upstream, operation, tool, environment, ...more }
  const sent = 'payload' in entry && entry.payload ? await bytes(entry.cell, entry.payload) : undefined
  const whole = sent && sentArguments(entry, sent)
  if (whole !== undefined) return { ...shared, args: whole }
  const short = isJsonObject(args) ? args : {}
  const partly = isShortened(args) || isCovered(args) ? 'its arguments can be read in part only' : undefined
  return { ...shared, args: short, ...(partly !== undefined && { partly }) }
}

/** Returns the arguments in the payload of an intent, or of a hold. */
export function sentArguments(entry: Entry, payload: Uint8Array): JsonObject | undefined {
  if (entry.kind === 'action.held') return heldArguments(payload)
  return entry.kind === 'action.intent' ? payloadsOf(entry.protocol).argumentsIn(payload, entry.tool) : undefined
}

function taskIn(json: Json | undefined, owner: CellStarted['owner']): Task | undefined {
  if (!isJsonObject(json) || typeof json.text !== 'string') return undefined
  const tools = Array.isArray(json.tools) ? json.tools.map(String) : undefined
  return { text: json.text, givenBy: owner, ...(tools && { tools: new Set(tools) }) }
}

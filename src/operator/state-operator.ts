/**
 * The part of the operator that asks for a state alone: no configuration has to be readable. The commands `contain` and
 * `kill` do not come through here and call `orderStop` themselves: they load little, and work when all of this hangs.
 */
import type { IncidentAsk, IncidentFault } from '../control/incident-of-cell.ts'
import type { Why, WhyAsk, WhyFault } from '../control/why.ts'
import type { Applied, ApplyAsk, ApplyFault, Planned } from '../host/apply/apply-words.ts'
import { type AnswerAsk, type AnswerFault, answerFault, answerHold } from '../host/people/answer-hold.ts'
import type { Done } from '../host/people/control-request.ts'
import { type Whole, wholeOf } from '../host/people/held-whole.ts'
import { cellsTold, type RunningNow, runningNow } from '../host/running.ts'
import { entriesOf, followEntries } from '../host/state/logs.ts'
import { statesIn } from '../host/state/tenants.ts'
import { orderStop } from '../host/stop/order/order-stop.ts'
import type { StopAnswer, StopAsk, StopFault, StopListener } from '../host/stop/order/stop-ask.ts'
import { type ReachedHost, reachHost } from '../host/up/reach-host.ts'
import type { LoggedEntry } from '../ledger/store.ts'
import { holdsIn, type KnownHold } from '../ledger/views/holds.ts'
import { no, type Result } from '../model/index.ts'
import type { Incident } from '../recovery/incident/incident.ts'

/** Everything that can be asked of a state alone: no configuration has to be readable. */
export interface StateOperator {
  /** Returns what each warden of the state and its tenants tells of its cells. */
  cells(): Promise<readonly Done[]>
  /** Returns what runs by wardens and kernel, and who is contained. */
  running(): Promise<RunningNow>
  /** Orders a stop, and tells the listener of it while it goes on; needs no host, and no configuration where all are meant. */
  contain(ask: Omit<StopAsk, 'state'>, listener: StopListener): Promise<Result<StopAnswer, StopFault>>
  /** Orders that cells end: the last rung of `contain`. */
  kill(ask: Omit<StopAsk, 'state' | 'rung'>, listener: StopListener): Promise<Result<StopAnswer, StopFault>>
  /** Reads the entries of every log. @throws {Error} with words for a person where a log is damaged, or there is none. */
  entries(): AsyncIterable<LoggedEntry>
  /**
   * Yields the entries of every log, and goes on with what is appended until the signal comes; `from`: the sequence
   * number, by log, of the first that is wanted. @throws {Error} with words for a person where a log is damaged.
   */
  follow(signal: AbortSignal, from?: ReadonlyMap<string, number>): AsyncIterable<LoggedEntry>
  /** Returns every hold, oldest first. @throws {Error} as `entries` does. */
  holds(): Promise<readonly KnownHold[]>
  /** Returns all that a held action would carry, or why nobody can see it. */
  whole(hold: KnownHold): Promise<Result<Whole, string>>
  /** Returns why an answer would not count, before it is given; undefined where it would. */
  answerFault(ask: Pick<AnswerAsk, 'hold' | 'approved' | 'by'>): Promise<AnswerFault | undefined>
  /** Returns what the record tells of an action, and what would let it pass now. */
  why(ask: WhyAsk): Promise<Result<Why, WhyFault>>
  /** Returns everything that there is to tell of a cell, as a page has it. */
  incident(ask: IncidentAsk): Promise<Result<Incident, IncidentFault>>
  /** Returns what putting the configuration in force would change, at the host that is up. */
  plan(): Promise<Result<Planned, ApplyFault>>
  /** Puts the configuration in force that its person was shown the plan of, for what runs and what starts. */
  apply(ask: ApplyAsk): Promise<Result<Applied, ApplyFault>>
  /** Approves or denies a hold; true: the gateway has it, false: it is kept for the next one. */
  answer(ask: AnswerAsk): Promise<Result<boolean, AnswerFault>>
}

/** Returns the operator of a state. */
export function stateOperator(stateDirectory: string): StateOperator {
  return {
    cells: () => cellsTold(statesIn(stateDirectory)),
    running: () => runningNow(stateDirectory),
    contain: (ask, listener) => orderStop({ ...ask, state: stateDirectory }, listener),
    kill: (ask, listener) => orderStop({ ...ask, state: stateDirectory, rung: 'killed' }, listener),
    entries: () => entriesOf(stateDirectory),
    follow: (signal, from) => followEntries(stateDirectory, signal, from),
    holds: () => holdsIn(entriesOf(stateDirectory), Date.now()),
    whole: ({ log, held }) => wholeOf(stateDirectory, log, held),
    answerFault: (ask) => answerFault(stateDirectory, ask),
    answer: (ask) => answerHold(stateDirectory, ask),
    // Each brings the policy engine and rehearsals with it, which a run and a release go without.
    why: async (ask) => (await import('../control/why.ts')).whyOf(stateDirectory, ask),
    incident: async (ask) =>
      (await import('../control/incident-of-cell.ts')).incidentOfCell(stateDirectory, ask, Date.now()),
    plan: () => askHost(stateDirectory, (host) => host.plan()),
    apply: (ask) => askHost(stateDirectory, (host) => host.apply(ask)),
  }
}

async function askHost<T>(
  stateDirectory: string,
  ask: (host: ReachedHost) => Promise<Result<T, ApplyFault>>,
): Promise<Result<T, ApplyFault>> {
  const reached = await reachHost(stateDirectory)
  if (!reached.ok) return no({ kind: 'unreached', problem: reached.reason })
  return reached.value === undefined ? no({ kind: 'no-host' }) : ask(reached.value)
}

/**
 * The things that a person can ask of the agents of one state, with their rules inside: who may release, who may approve,
 * what a hardened environment demands. The command line, a console and tests are its clients. The commands `contain` and
 * `kill` call `orderStop` themselves: they load little, and work when all of this hangs.
 */
import { basename, dirname } from 'node:path'
import type { Warden } from '../cells/driver.ts'
import type { Executes, Landing, WorkspaceDiff, WorkspaceFault } from '../cells/workspace.ts'
import type { LoggedEntry } from '../ledger/store.ts'
import { holdsIn, type KnownHold } from '../ledger/views/holds.ts'
import { type CheckpointId, no, ok, type Result } from '../model/index.ts'
import type { Checkpoint } from '../recovery/checkpoint.ts'
import type { Applied, ApplyAsk, ApplyFault, Planned } from './apply/apply-words.ts'
import { defaultDriver } from './drivers.ts'
import { type Made, type Rehearsed, rehearseRestore, storeOf } from './files/checkpoints.ts'
import type { WantedCommit } from './files/commit.ts'
import { markDiscarded } from './files/workspace-marks.ts'
import {
  checkpointWorkspace,
  commitWorkspace,
  type RestoredWorkspace,
  type RestoreFault,
  restoreWorkspace,
  type WorkspaceAsk,
} from './files/workspace-orders.ts'
import { type AnswerAsk, type AnswerFault, answerFault, answerHold } from './people/answer-hold.ts'
import { askOrFollow } from './people/ask-or-follow.ts'
import type { Done } from './people/control-request.ts'
import { type ReleaseAsk, type Released, type ReleaseFault, releaseContained } from './people/release-order.ts'
import type { UndoOrder } from './people/undo-order.ts'
import type { Judged } from './prepare/setup.ts'
import { wardenFaultText } from './prepare/warden-fault-text.ts'
import { cellsTold, type RunningNow, runningNow } from './running.ts'
import { type LiveRun, type RunAsk, runAgent } from './runs/run-agent.ts'
import { entriesOf, followEntries } from './state/logs.ts'
import { statesIn } from './state/tenants.ts'
import { orderStop } from './stop/order/order-stop.ts'
import type { StopAnswer, StopAsk, StopFault, StopListener } from './stop/order/stop-ask.ts'
import { reachHost } from './up/reach-host.ts'

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
  /** Returns why an answer would not count, before it is given; undefined where it would. */
  answerFault(ask: Pick<AnswerAsk, 'hold' | 'approved' | 'by'>): Promise<AnswerFault | undefined>
  /** Returns what putting the configuration in force would change, at the host that is up. */
  plan(): Promise<Result<Planned, ApplyFault>>
  /** Puts the configuration in force that its person was shown the plan of, for what runs and what starts. */
  apply(ask: ApplyAsk): Promise<Result<Applied, ApplyFault>>
  /** Approves or denies a hold; true: the gateway has it, false: it is kept for the next one. */
  answer(ask: AnswerAsk): Promise<Result<boolean, AnswerFault>>
}

/** Everything that can be asked of agents. */
export interface Operator extends StateOperator {
  /** Has an agent's program run on the streams of this process, which it ends with. */
  run(ask: RunAsk): Promise<LiveRun>
  /** Moves a contained agent up again. */
  release(ask: ReleaseAsk): Promise<Result<Released, ReleaseFault>>
  /** Has effects compensated by the gateway of their environment. */
  undo(order: UndoOrder): Promise<Result<void, string>>
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
    answerFault: (ask) => answerFault(stateDirectory, ask),
    answer: (ask) => answerHold(stateDirectory, ask),
    plan: async () => (await reachHost(stateDirectory))?.plan() ?? no({ kind: 'no-host' }),
    apply: async (ask) => (await reachHost(stateDirectory))?.apply(ask) ?? no({ kind: 'no-host' }),
  }
}

/**
 * Returns the operator of a state and its configuration. What needs a gateway goes to the one that runs, through its host;
 * where none does, one is started in this process for it alone.
 */
export function operatorFor(stateDirectory: string, judged: Judged): Operator {
  return {
    ...stateOperator(stateDirectory),
    run: (ask) => runAgent(judged, stateDirectory, ask),
    release: (ask) => releaseContained(judged, stateDirectory, ask),
    // A storm takes as long as it takes; a warden that ends closes its socket.
    undo: (order) => askOrFollow(judged, stateDirectory, { kind: 'undo', order }, { boundMs: 0, isFinal: () => true }),
  }
}

/** Everything that can be asked of the files of workspaces; `changes` is `<state>/workspaces/<name>`. */
export interface WorkspaceOperator {
  diff(changes: string): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Saves the files as they are at one moment. */
  checkpoint(ask: Asked<'save'>, name: string | undefined): Promise<Result<Made, string>>
  /** Removes a checkpoint for good; held meanwhile, so that nobody restores it. */
  removeCheckpoint(changes: string, id: CheckpointId): Promise<Result<void, WorkspaceFault>>
  /** Lands changes; an error in words, or what a host would execute and nobody has confirmed. */
  commit(ask: Asked<'why'>, wanted: WantedCommit): Promise<Result<Landing, string | readonly Executes[]>>
  discard(changes: string): Result<void, WorkspaceFault>
  /** Returns what a restore would do to which file. */
  rehearseRestore(changes: string, checkpoint: Checkpoint): Promise<Result<Rehearsed, WorkspaceFault>>
  /** Puts the files of a checkpoint in the place of what is there; `restart` allows it to kill a cell that lives on them. */
  restore(ask: Asked<never>, checkpoint: Checkpoint, restart: boolean): Promise<Result<RestoredWorkspace, RestoreFault>>
  close(): Promise<void>
}

type Asked<Without extends keyof WorkspaceAsk> = Omit<WorkspaceAsk, 'workspaces' | Without>

/** Opens the operator of workspaces, with a warden whose helper cells look into them. */
export async function openWorkspaceOperator(): Promise<Result<WorkspaceOperator, string>> {
  const warden = await (await defaultDriver()).open({})
  return warden.ok ? ok(workspaceOperator(warden.value)) : no(wardenFaultText(warden.reason))
}

function workspaceOperator(warden: Warden): WorkspaceOperator {
  const { workspaces } = warden
  return {
    diff: (changes) => workspaces.diff(changes),
    checkpoint: (ask, name) => checkpointWorkspace({ ...ask, workspaces }, name),
    removeCheckpoint: (changes, id) => workspaces.still(changes, () => Promise.resolve(storeOf(changes).remove(id))),
    commit: (ask, wanted) => commitWorkspace({ ...ask, workspaces }, wanted),
    discard(changes) {
      const done = workspaces.discard(changes)
      if (done.ok) markDiscarded(dirname(dirname(changes)), basename(changes), Date.now())
      return done
    },
    rehearseRestore: (changes, checkpoint) => rehearseRestore(workspaces, changes, checkpoint),
    restore: (ask, checkpoint, restart) => restoreWorkspace({ ...ask, workspaces }, checkpoint, restart),
    close: () => warden.close(),
  }
}

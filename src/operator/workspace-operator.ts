import { basename, dirname } from 'node:path'
import type { Warden } from '../cells/driver.ts'
import type { Executes, Landing, WorkspaceDiff, WorkspaceFault } from '../cells/workspace.ts'
import { defaultDriver } from '../host/drivers.ts'
import { type Made, type Rehearsed, rehearseRestore, storeOf } from '../host/files/checkpoints.ts'
import type { WantedCommit } from '../host/files/commit.ts'
import { markDiscarded } from '../host/files/workspace-marks.ts'
import {
  checkpointWorkspace,
  commitWorkspace,
  type RestoredWorkspace,
  type RestoreFault,
  restoreWorkspace,
  type WorkspaceAsk,
} from '../host/files/workspace-orders.ts'
import { wardenFaultText } from '../host/prepare/warden-fault-text.ts'
import { type CheckpointId, no, ok, type Result } from '../model/index.ts'
import type { Checkpoint } from '../recovery/checkpoint.ts'

/** Everything that can be asked of the files of workspaces; `changes` is `<state>/workspaces/<name>`. */
export interface WorkspaceOperator {
  diff(changes: string): Promise<Result<WorkspaceDiff, WorkspaceFault>>
  /** Saves the files as they are at one moment. */
  checkpoint(ask: Asked<'save'>, name: string | undefined): Promise<Result<Made, string>>
  /** Removes a checkpoint for good; held meanwhile, so that nobody restores it. */
  removeCheckpoint(changes: string, id: CheckpointId): Promise<Result<void, WorkspaceFault>>
  /** Lands changes; an error in words, or what a host would execute and nobody has confirmed. */
  commit(ask: Asked<'why'>, wanted: WantedCommit): Promise<Result<Landing, string | readonly Executes[]>>
  discard(changes: string): Promise<Result<void, WorkspaceFault>>
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
    discard: (changes) =>
      workspaces.discard(changes, () => markDiscarded(dirname(dirname(changes)), basename(changes), Date.now())),
    rehearseRestore: (changes, checkpoint) => rehearseRestore(workspaces, changes, checkpoint),
    restore: (ask, checkpoint, restart) => restoreWorkspace({ ...ask, workspaces }, checkpoint, restart),
    close: () => warden.close(),
  }
}

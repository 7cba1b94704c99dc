/**
 * The things that a person asks of a workspace's files: done by this process's warden where they are at rest, and by the
 * run whose cell lives on them where one does, since only that can freeze it or begin its command anew.
 */
import { basename, dirname } from 'node:path'
import type { Executes, Landing, Workspaces } from '../../cells/workspace.ts'
import type { Agent } from '../../config/config.ts'
import { type CheckpointId, no, ok, type PersonName, type Result } from '../../model/index.ts'
import type { Checkpoint } from '../../recovery/checkpoint.ts'
import { askHolder } from '../people/control-socket.ts'
import { type Made, madeEntry, makeCheckpoint, restoreCheckpoint, type WantedCheckpoint } from './checkpoints.ts'
import { commitWanted, type WantedCommit, wantedJson } from './commit.ts'
import { boundsOf, restoredEntry } from './files-desk.ts'
import { leaveUntold } from './untold.ts'
import { workspaceFaultText } from './workspace-fault.ts'

/** A workspace as a person asks for it. */
export interface WorkspaceAsk {
  readonly workspaces: Workspaces
  /** `<state>/workspaces/<name>`. */
  readonly changes: string
  /** The agent whose files they are; undefined where no configuration tells. */
  readonly agent: Agent | undefined
  readonly by: PersonName
  readonly why: string
  /** Saves what is there before anything is done to it; false: a full disk, and a person who does without. */
  readonly save: boolean
}

/** Longer than a freeze and the copy of a full disk. */
const SAVE_MS_MAX = 120_000
/** Longer than a kill, two copies of a full disk and a launch, or the landing of a hundred thousand files. */
const CHANGE_MS_MAX = 300_000

/** Saves the files as they are at one moment; the ledger has it, or is told by the next gateway. */
export async function checkpointWorkspace(
  { workspaces, changes, agent, by, why }: Omit<WorkspaceAsk, 'save'>,
  name: string | undefined,
): Promise<Result<Made, string>> {
  const named = name === undefined ? {} : { name }
  const wanted: WantedCheckpoint = { occasion: 'asked', by, why, ...named }
  const workspace = basename(changes)
  const made = await makeCheckpoint(workspaces, changes, wanted, boundsOf(agent))
  if (made.ok) {
    leaveUntold(stateOf(changes), madeEntry(made.value, workspace))
    return made
  }
  if (made.reason.kind !== 'in-use') return no(workspaceFaultText(made.reason))
  const ask = { what: 'checkpoint', workspace, detail: { by, why, ...named } } as const
  const asked = await askHolder(stateOf(changes), ask, SAVE_MS_MAX)
  return asked.ok ? ok(asked.value as unknown as Made) : asked // as `FilesDesk` has answered
}

/** Lands what is wanted; an error in words, or the files that a host would execute and nobody has confirmed. */
export async function commitWorkspace(
  { workspaces, changes, agent, by, save }: Omit<WorkspaceAsk, 'why'>,
  wanted: WantedCommit,
): Promise<Result<Landing, string | readonly Executes[]>> {
  const [workspace, state] = [basename(changes), stateOf(changes)]
  const before = { occasion: 'before', by, why: 'before its changes were landed' } as const
  const saved = await makeCheckpoint(workspaces, changes, before, boundsOf(agent))
  if (!saved.ok && saved.reason.kind === 'in-use') {
    const detail = { wanted: wantedJson(wanted), by, why: before.why, save }
    const asked = await askHolder(state, { what: 'commit', workspace, detail }, CHANGE_MS_MAX)
    return asked.ok ? ok(asked.value as unknown as Landing) : asked // as `FilesDesk` has answered
  }
  // Without an image of its own there is nothing that could be saved, and never was.
  if (!saved.ok && saved.reason.kind !== 'plain' && save)
    return no(`what is there now cannot be saved first: ${workspaceFaultText(saved.reason)} (--unsaved does without)`)
  if (saved.ok && !saved.value.unchanged) leaveUntold(state, madeEntry(saved.value, workspace))
  const landing = await commitWanted(workspaces, changes, wanted, agent?.name)
  if (landing.ok) return landing
  return no(landing.reason.kind === 'unconfirmed' ? landing.reason.executes : workspaceFaultText(landing.reason))
}

export interface RestoredWorkspace {
  /** The checkpoint of what was there before; absent where it was not saved. */
  readonly before?: CheckpointId
  /** The cell that was killed for it, and whose command begins anew. */
  readonly killed?: string
}

/** The reasons why nothing was restored. */
export type RestoreFault =
  | { readonly kind: 'unsaved'; readonly problem: string }
  /** A cell lives on the files, and would go on with those that it has open; nobody has asked to restart it. */
  | { readonly kind: 'in-use' }
  | { readonly kind: 'failed'; readonly problem: string }

/**
 * Puts the files of a checkpoint in the place of what is there. A process keeps the files that it has open, whatever is
 * put in their place, and would write them back: under a live cell nothing is restored, unless `restart` has it killed and
 * its command begun anew.
 */
export async function restoreWorkspace(
  ask: WorkspaceAsk,
  checkpoint: Checkpoint,
  restart: boolean,
): Promise<Result<RestoredWorkspace, RestoreFault>> {
  const { workspaces, changes, agent, by, why, save } = ask
  const [workspace, state] = [basename(changes), stateOf(changes)]
  let before: CheckpointId | undefined
  if (save) {
    const wanted = { occasion: 'before', by, why: `before ${checkpoint.id} was restored` } as const
    const saved = await makeCheckpoint(workspaces, changes, wanted, boundsOf(agent))
    if (!saved.ok && saved.reason.kind === 'in-use') return restart ? restoreLive(ask, checkpoint) : no(IN_USE)
    // Thrown away by a person: then there is nothing to save.
    if (!saved.ok && saved.reason.kind !== 'unknown')
      return no({ kind: 'unsaved', problem: workspaceFaultText(saved.reason) })
    before = saved.ok ? saved.value.checkpoint.id : undefined
    if (saved.ok && !saved.value.unchanged) leaveUntold(state, madeEntry(saved.value, workspace))
  }
  const restored = await restoreCheckpoint(workspaces, changes, checkpoint)
  if (!restored.ok && restored.reason.kind === 'in-use') return restart ? restoreLive(ask, checkpoint) : no(IN_USE)
  if (!restored.ok) return no({ kind: 'failed', problem: workspaceFaultText(restored.reason) })
  leaveUntold(state, restoredEntry({ checkpoint, workspace, by, why, restoredAtMs: restored.value, before }))
  return ok(before === undefined ? {} : { before })
}

const IN_USE: RestoreFault = { kind: 'in-use' }

async function restoreLive(
  { changes, by, why, save }: WorkspaceAsk,
  checkpoint: Checkpoint,
): Promise<Result<RestoredWorkspace, RestoreFault>> {
  const detail = { checkpoint: checkpoint.id, by, why, save }
  const ask = { what: 'restore', workspace: basename(changes), detail } as const
  const asked = await askHolder(stateOf(changes), ask, CHANGE_MS_MAX)
  if (!asked.ok) return no({ kind: 'failed', problem: asked.reason })
  const { before, cell } = asked.value as { readonly before: CheckpointId | null; readonly cell: string } // `FilesDesk`
  return ok({ killed: cell, ...(before !== null && { before }) })
}

/** Returns the state that keeps these changes: a tenant's own, or the whole. */
function stateOf(changes: string): string {
  return dirname(dirname(changes))
}

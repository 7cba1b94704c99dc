import { basename } from 'node:path'
import type { Workspaces } from '../../cells/workspace.ts'
import {
  findCheckpoint,
  madeEntry,
  makeCheckpoint,
  rehearseRestore,
  restoreCheckpoint,
  storeOf,
} from '../../host/files/checkpoints.ts'
import { boundsOf, restoredEntry } from '../../host/files/files-desk.ts'
import { leaveUntold } from '../../host/files/untold.ts'
import { workspaceFaultText } from '../../host/files/workspace-fault.ts'
import { askHolder } from '../../host/people/control-socket.ts'
import type { CheckpointId } from '../../model/index.ts'
import type { Checkpoint } from '../../recovery/checkpoint.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { folded, named, printable } from '../printable.ts'
import {
  agentOfWorkspace,
  confirmedBy,
  personOf,
  stateOfWorkspace,
  WORKSPACE_OPTIONS,
  withWorkspace,
} from '../workspace.ts'

export const command: Command = {
  name: 'restore',
  summary: 'Put the files of a workspace back to what they were at a checkpoint',
  usage: ['firebreak restore [<agent>] [<checkpoint>] [--dry-run] [--restart] [--why <text>] [--as <person>]'],
  example: 'firebreak restore refund-bot before-migration --dry-run\nfirebreak restore refund-bot --restart --yes',
  words: 2,
  options: {
    ...WORKSPACE_OPTIONS,
    'dry-run': { type: 'boolean', help: 'show what would become of which file, and change nothing' },
    restart: {
      type: 'boolean',
      help: 'if its cell lives: kill that, restore, begin its command anew; not of a contained agent',
    },
    unsaved: { type: 'boolean', help: 'do not save what is there now first (a full disk)' },
    why: { type: 'string', value: 'text', help: 'the reason, for the ledger' },
    as: { type: 'string', value: 'person', help: 'who asks, as the ledger will name them (default: the login name)' },
    yes: { type: 'boolean', help: 'without asking' },
    'no-input': { type: 'boolean', help: 'never ask' },
  },
  run: (call) => withWorkspace(call, (workspaces, changes) => restore(call, workspaces, changes), call.positionals[0]),
}

/** A kill, two copies of a full disk, and a launch. */
const ASK_MS_MAX = 300_000

async function restore(call: Call, workspaces: Workspaces, changes: string): Promise<ExitCode> {
  const checkpoint = findCheckpoint(storeOf(changes), call.positionals[1])
  if (checkpoint === undefined) {
    const which = call.positionals[1]
    call.print.fault(
      which === undefined ? `nothing was saved of ${basename(changes)}` : `there is no checkpoint ${printable(which)}`,
      'firebreak checkpoint --list shows what there is',
    )
    return EXIT.usage
  }
  if (call.flag('dry-run')) return rehearse(call, workspaces, changes, checkpoint)
  const workspace = basename(changes)
  const question = `Put the files of ${workspace} back to ${nameOf(checkpoint)}? What is there now is ${call.flag('unsaved') ? 'LOST' : 'saved first'}. [y/N] `
  if (!(await confirmedBy(call, question))) return EXIT.needsApproval
  const [by, why] = [personOf(call), call.text('why') ?? 'a person asked']
  let before: CheckpointId | undefined
  if (!call.flag('unsaved')) {
    const agent = await agentOfWorkspace(call, changes)
    if (!agent.ok) return agent.reason
    const wanted = { occasion: 'before', by, why: `before ${checkpoint.id} was restored` } as const
    const saved = await makeCheckpoint(workspaces, changes, wanted, boundsOf(agent.value))
    if (!saved.ok && saved.reason.kind === 'in-use') return restart(call, changes, checkpoint)
    // Thrown away by a person: then there is nothing to save.
    if (!saved.ok && saved.reason.kind !== 'unknown') {
      call.print.fault(
        `nothing was restored: what is there now cannot be saved first: ${printable(workspaceFaultText(saved.reason))}`,
        '--unsaved does without',
      )
      return EXIT.failed
    }
    before = saved.ok ? saved.value.checkpoint.id : undefined
    if (saved.ok && !saved.value.unchanged) leaveUntold(stateOfWorkspace(changes), madeEntry(saved.value, workspace))
  }
  const restored = await restoreCheckpoint(workspaces, changes, checkpoint)
  if (!restored.ok && restored.reason.kind === 'in-use') return restart(call, changes, checkpoint)
  if (!restored.ok) {
    call.print.fault(`nothing was restored: ${printable(workspaceFaultText(restored.reason))}`)
    return EXIT.failed
  }
  leaveUntold(
    stateOfWorkspace(changes),
    restoredEntry({ checkpoint, workspace, by, why, restoredAtMs: restored.value, before }),
  )
  return told(call, checkpoint, before)
}

const SIGNS = { goes: '-', returns: '+', 'put-back': '~' } as const

async function rehearse(
  call: Call,
  workspaces: Workspaces,
  changes: string,
  checkpoint: Checkpoint,
): Promise<ExitCode> {
  const rehearsed = await rehearseRestore(workspaces, changes, checkpoint)
  if (!rehearsed.ok) {
    call.print.fault(`it cannot be told: ${printable(workspaceFaultText(rehearsed.reason))}`)
    return EXIT.failed
  }
  const { differences, truncated } = rehearsed.value
  for (const { path, what } of differences) {
    for (const line of folded(`${SIGNS[what]} ${named(path)}`)) call.print.line(line)
  }
  if (truncated) call.print.line('… and more than can be listed')
  call.print.line(
    differences.length === 0
      ? `The files are those of ${nameOf(checkpoint)}.`
      : `Nothing was changed. Back to ${nameOf(checkpoint)} with: firebreak restore ${basename(changes)} ${checkpoint.id}`,
  )
  call.print.object({ ok: true, checkpoint: checkpoint.id, differences, truncated })
  return EXIT.ok
}

/**
 * A process keeps the files that it has open, whatever is put in their place, and would write them back. So nothing is
 * restored under one: it is killed, or a person waits for its end.
 */
async function restart(call: Call, changes: string, checkpoint: Checkpoint): Promise<ExitCode> {
  const workspace = basename(changes)
  if (!call.flag('restart')) {
    call.print.fault(
      `nothing was restored: a cell lives on the files of ${workspace}, and would go on with those that it has open`,
      '--restart kills it, and begins its command anew on the restored files',
    )
    return EXIT.denied
  }
  const detail = {
    checkpoint: checkpoint.id,
    by: personOf(call),
    why: call.text('why') ?? 'a person asked',
    save: !call.flag('unsaved'),
  }
  const asked = await askHolder(stateOfWorkspace(changes), { what: 'restore', workspace, detail }, ASK_MS_MAX)
  if (!asked.ok) {
    call.print.fault(`nothing was restored: ${printable(asked.reason)}`)
    return EXIT.failed
  }
  const { before, cell } = asked.value as { readonly before: CheckpointId | null; readonly cell: string } // `FilesDesk`
  call.print.line(`${cell} was killed; its command begins anew.`)
  return told(call, checkpoint, before ?? undefined, cell)
}

function told(call: Call, checkpoint: Checkpoint, before: CheckpointId | undefined, killed?: string): ExitCode {
  call.print.line(`The files are those of ${nameOf(checkpoint)} again. What was sent elsewhere meanwhile stays sent.`)
  if (before !== undefined) call.print.line(`What was there before: ${before}`)
  call.print.object({
    ok: true,
    restored: checkpoint.id,
    before: before ?? null,
    ...(killed !== undefined && { killed }),
  })
  return EXIT.ok
}

function nameOf({ id, name, madeAtMs }: Checkpoint): string {
  return `${name === undefined ? id : `"${name}" (${id})`}, ${new Date(madeAtMs).toISOString().slice(0, 19).replace('T', ' ')}`
}

import { basename } from 'node:path'
import { findCheckpoint, storeOf } from '../../../host/files/checkpoints.ts'
import { workspaceFaultText } from '../../../host/files/workspace-fault.ts'
import type { RestoreFault } from '../../../host/files/workspace-orders.ts'
import { type CheckpointId, ok } from '../../../model/index.ts'
import type { WorkspaceOperator } from '../../../operator/workspace-operator.ts'
import type { Checkpoint } from '../../../recovery/checkpoint.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { agentOfWorkspace, confirmedBy, personOf, WORKSPACE_OPTIONS, withWorkspace } from '../../options/workspace.ts'
import { folded, named, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'restore',
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
  run: (call) => withWorkspace(call, (operator, changes) => restore(call, operator, changes), call.positionals[0]),
}

async function restore(call: Call, operator: WorkspaceOperator, changes: string): Promise<ExitCode> {
  const checkpoint = findCheckpoint(storeOf(changes), call.positionals[1])
  if (checkpoint === undefined) {
    const which = call.positionals[1]
    call.print.fault(
      which === undefined ? `nothing was saved of ${basename(changes)}` : `there is no checkpoint ${printable(which)}`,
      'firebreak checkpoint --list shows what there is',
    )
    return EXIT.usage
  }
  if (call.flag('dry-run')) return rehearse(call, operator, changes, checkpoint)
  const workspace = basename(changes)
  const question = `Put the files of ${workspace} back to ${nameOf(checkpoint)}? What is there now is ${call.flag('unsaved') ? 'LOST' : 'saved first'}. [y/N] `
  if (!(await confirmedBy(call, question))) return EXIT.needsApproval
  const [by, why, save] = [personOf(call), call.text('why') ?? 'a person asked', !call.flag('unsaved')]
  const agent = save ? await agentOfWorkspace(call, changes) : ok(undefined)
  if (!agent.ok) return agent.reason
  const ask = { changes, agent: agent.value, by, why, save }
  const restored = await operator.restore(ask, checkpoint, call.flag('restart'))
  if (!restored.ok) return tellFault(call, workspace, restored.reason)
  const { before, killed } = restored.value
  if (killed !== undefined) call.print.line(`${killed} was killed; its command begins anew.`)
  return told(call, checkpoint, before, killed)
}

function tellFault(call: Call, workspace: string, fault: RestoreFault): ExitCode {
  switch (fault.kind) {
    case 'unsaved':
      call.print.fault(
        `nothing was restored: what is there now cannot be saved first: ${printable(fault.problem)}`,
        '--unsaved does without',
      )
      return EXIT.failed
    case 'in-use':
      call.print.fault(
        `nothing was restored: a cell lives on the files of ${workspace}, and would go on with those that it has open`,
        '--restart kills it, and begins its command anew on the restored files',
      )
      return EXIT.denied
    case 'failed':
      call.print.fault(`nothing was restored: ${printable(fault.problem)}`)
      return EXIT.failed
  }
}

const SIGNS = { goes: '-', returns: '+', 'put-back': '~' } as const

async function rehearse(
  call: Call,
  operator: WorkspaceOperator,
  changes: string,
  checkpoint: Checkpoint,
): Promise<ExitCode> {
  const rehearsed = await operator.rehearseRestore(changes, checkpoint)
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

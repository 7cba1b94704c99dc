import { basename } from 'node:path'
import type { WorkspaceDiff } from '../../../cells/workspace.ts'
import { noteShown } from '../../../host/files/shown-changes.ts'
import { workspaceFaultText } from '../../../host/files/workspace-fault.ts'
import type { WorkspaceOperator } from '../../../operator/workspace-operator.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { WORKSPACE_OPTIONS, withWorkspaces } from '../../options/workspace.ts'
import { folded, named, printable } from '../../print/printable.ts'

export const command: Command = {
  name: 'diff',
  usage: ['firebreak diff [--agent <name>] [--state <dir>]'],
  example: 'firebreak diff --agent refund-bot',
  options: WORKSPACE_OPTIONS,
  run: (call) => withWorkspaces(call, (operator, kept) => diffs(call, operator, kept)),
}

/** One whole answer where one workspace was asked for, else those that changed, by name. */
async function diffs(call: Call, operator: WorkspaceOperator, kept: readonly string[]): Promise<ExitCode> {
  if (kept.length > 1) call.print.progress(`looking into ${kept.map((changes) => basename(changes)).join(', ')}`)
  const all: (WorkspaceDiff & { readonly workspace: string })[] = []
  for (const changes of kept) {
    const read = await operator.diff(changes)
    if (!read.ok) {
      call.print.fault(`${basename(changes)}: ${printable(workspaceFaultText(read.reason))}`)
      return EXIT.failed
    }
    const unkept = noteShown(changes, read.value)
    if (unkept !== undefined) call.print.progress(`that you were shown this cannot be kept: ${unkept}`)
    all.push({ workspace: basename(changes), ...read.value })
  }
  const [only] = all
  if (only !== undefined && all.length === 1) {
    for (const line of diffText(only)) call.print.line(line)
    call.print.object({ ok: true, ...only })
    return EXIT.ok
  }
  const changed = all.filter(({ changes, refused }) => changes.length + refused.length > 0)
  if (changed.length === 0) call.print.line(`Nothing was changed over ${all.length} workspaces`)
  for (const [i, each] of changed.entries()) {
    if (i > 0) call.print.line('')
    call.print.line(`${each.workspace}, over ${each.record.lower}`)
    for (const line of diffText(each)) call.print.line(line)
  }
  call.print.object({ ok: true, workspaces: all })
  return EXIT.ok
}

/** Returns what a person reads of a diff. Names are the cell's own words: none hides, moves the cursor or begins a line. */
export function diffText({
  workspace,
  changes,
  refused,
  executes,
  truncated,
  record,
}: WorkspaceDiff & { readonly workspace: string }): readonly string[] {
  const lines: string[] = []
  if (executes.length > 0) {
    lines.push('A host would act upon these by itself; each needs --confirm:')
    for (const { path, why } of executes) lines.push(`  ! ${named(path)}  (${why})`)
    lines.push('')
  }
  for (const { kind, path, type, mode, bytes, target, changedBelow, replacesDirectory } of changes) {
    const sign = { added: '+', changed: '~', removed: '-' }[kind]
    const what =
      type === 'symlink'
        ? `-> ${named(target ?? '')}`
        : type === 'directory'
          ? 'directory'
          : `${bytes} bytes, mode ${mode.toString(8)}`
    lines.push(
      `${sign} ${named(path)}  ${kind === 'removed' ? '' : what}${changedBelow ? '  (its original has changed since)' : ''}${replacesDirectory ? '  (in place of a directory and all that is in it)' : ''}`,
    )
  }
  for (const { refused: path, why } of refused) lines.push(`x ${named(path)}  never landed: ${printable(why)}`)
  if (truncated) lines.push('… and more than can be listed')
  if (lines.length === 0) lines.push(`Nothing was changed over ${record.lower}`)
  else lines.push('', `Land it with: firebreak commit --agent ${workspace}`)
  return lines.flatMap((line) => folded(line))
}

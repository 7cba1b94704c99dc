import type { WorkspaceDiff } from '../../cells/workspace/changes.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { printable } from '../printable.ts'
import { WORKSPACE_OPTIONS, withWorkspace, workspaceFaultText } from '../workspace.ts'

export const command: Command = {
  name: 'diff',
  summary: 'Show what a cell changed in its workspace; what a host would execute comes first',
  usage: ['firebreak diff [--agent <name>] [--state <dir>]'],
  example: 'firebreak diff --agent refund-bot',
  options: WORKSPACE_OPTIONS,
  run: (call) => withWorkspace(call, (warden, changes) => diff(call, warden, changes)),
}

async function diff(
  call: Call,
  warden: Parameters<Parameters<typeof withWorkspace>[1]>[0],
  changes: string,
): Promise<ExitCode> {
  const read = await warden.diff(changes)
  if (!read.ok) {
    call.print.fault(workspaceFaultText(read.reason))
    return EXIT.failed
  }
  for (const line of diffText(read.value)) call.print.line(line)
  call.print.object({ ok: true, ...read.value })
  return EXIT.ok
}

/** Names are the cell's own words, and are shown so that none of them can hide or move the cursor. */
function diffText({ changes, refused, executes, truncated, record }: WorkspaceDiff): readonly string[] {
  const lines: string[] = []
  if (executes.length > 0) {
    lines.push('A host would act upon these by itself; each needs --confirm:')
    for (const { path, why } of executes) lines.push(`  ! ${printable(path)}  (${why})`)
    lines.push('')
  }
  for (const { kind, path, type, mode, bytes, target, changedBelow, replacesDirectory } of changes) {
    const sign = { added: '+', changed: '~', removed: '-' }[kind]
    const what =
      type === 'symlink'
        ? `-> ${printable(target ?? '')}`
        : type === 'directory'
          ? 'directory'
          : `${bytes} bytes, mode ${mode.toString(8)}`
    lines.push(
      `${sign} ${printable(path)}  ${kind === 'removed' ? '' : what}${changedBelow ? '  (its original has changed since)' : ''}${replacesDirectory ? '  (in place of a directory and all that is in it)' : ''}`,
    )
  }
  for (const { refused: path, why } of refused) lines.push(`x ${printable(path)}  never landed: ${printable(why)}`)
  if (truncated) lines.push('… and more than can be listed')
  if (lines.length === 0) lines.push(`Nothing was changed over ${record.lower}`)
  else lines.push('', 'Land it with: firebreak commit')
  return lines
}

import { basename } from 'node:path'
import type { Warden } from '../../cells/warden.ts'
import type { Executes } from '../../cells/workspace/executes.ts'
import { workspaceFaultText } from '../../control/workspace-fault.ts'
import { markCommitted, markDiscarded } from '../../control/workspace-marks.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../command.ts'
import { printable } from '../printable.ts'
import { confirmedBy, stateOfWorkspace, WORKSPACE_OPTIONS, withWorkspace } from '../workspace.ts'

export const command: Command = {
  name: 'commit',
  summary: 'Land what a cell changed in the directory that its workspace was made over',
  usage: ['firebreak commit [--agent <name>] [<path>…] [--confirm <path,…>] [--yes] [--discard]'],
  example: 'firebreak commit --agent refund-bot\nfirebreak commit src/refunds.ts --confirm package.json',
  words: Number.POSITIVE_INFINITY,
  options: {
    ...WORKSPACE_OPTIONS,
    confirm: {
      type: 'string',
      value: 'paths',
      help: 'of what a host would execute, these are wanted (commas between, or a JSON list)',
    },
    yes: { type: 'boolean', help: 'land without asking; what a host would execute still needs --confirm' },
    discard: { type: 'boolean', help: 'throw the changes away instead' },
    'no-input': { type: 'boolean', help: 'never ask' },
  },
  run: (call) => withWorkspace(call, (warden, changes) => commit(call, warden, changes)),
}

async function commit(call: Call, warden: Warden, changes: string): Promise<ExitCode> {
  if (call.flag('discard')) return discard(call, warden, changes)
  const diff = await warden.diff(changes)
  if (!diff.ok) {
    call.print.fault(printable(workspaceFaultText(diff.reason)))
    return EXIT.failed
  }
  const confirmed = pathsIn(call.text('confirm') ?? '')
  const executes = new Map(diff.value.executes.map((each) => [each.path, each]))
  const wanted = call.positionals.length > 0 ? call.positionals : diff.value.changes.map(({ path }) => path)
  const held = wanted.flatMap((path) => (confirmed.includes(path) ? [] : (executes.get(path) ?? [])))
  if (held.length > 0) return hold(call, held)
  if (wanted.length === 0) {
    call.print.line('Nothing was changed.')
    call.print.object({ ok: true, landed: [], refused: [] })
    return EXIT.ok
  }
  const question = `Land ${wanted.length} changes in ${diff.value.record.lower}? [y/N] `
  if (!(await confirmedBy(call, question))) return EXIT.needsApproval
  const landing = await warden.commit(changes, wanted, confirmed)
  if (!landing.ok) {
    if (landing.reason.kind === 'unconfirmed') return hold(call, landing.reason.executes)
    call.print.fault(printable(workspaceFaultText(landing.reason)))
    return EXIT.failed
  }
  const { landed, refused } = landing.value
  // The directory may hold now what the cell had seen: its labels stay with it from here on.
  if (landed.length > 0) markCommitted(stateOfWorkspace(changes), basename(changes))
  for (const path of landed) call.print.line(`landed ${printable(path)}`)
  for (const { refused: path, why } of refused) call.print.line(`refused ${printable(path)}: ${printable(why)}`)
  call.print.object({ ok: refused.length === 0, landed, refused })
  return refused.length === 0 ? EXIT.ok : EXIT.failed
}

/** A path may hold a comma: a list in JSON can name it. */
function pathsIn(text: string): readonly string[] {
  if (!text.startsWith('[')) return text.split(',').filter((path) => path !== '')
  const list: unknown = JSON.parse(text)
  return Array.isArray(list) ? list.map(String) : []
}

/** A person decides about each of these by name: landing one hands the agent the host's hands. */
function hold(call: Call, executes: readonly Executes[]): ExitCode {
  const lines = executes.map(({ path, why }) => `${printable(path)}: ${why}`)
  call.print.fault(
    'not landed: a host would act upon these by itself',
    ...lines,
    '--confirm <path,…> for those that you want',
  )
  return EXIT.needsApproval
}

async function discard(call: Call, warden: Warden, changes: string): Promise<ExitCode> {
  if (!(await confirmedBy(call, `Throw away everything that was changed in ${changes}? [y/N] `)))
    return EXIT.needsApproval
  const done = warden.discard(changes)
  if (done.ok) markDiscarded(stateOfWorkspace(changes), basename(changes), Date.now())
  if (!done.ok) call.print.fault(printable(workspaceFaultText(done.reason)))
  else call.print.line('Thrown away.')
  call.print.object({ ok: done.ok })
  return done.ok ? EXIT.ok : EXIT.failed
}

import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { launchFaultText } from '../cells/spec.ts'
import { openWarden, type Warden } from '../cells/warden.ts'
import type { WorkspaceFault } from '../cells/workspace/changes.ts'
import { wardenFaultText } from '../control/runtime.ts'
import { statesIn } from '../control/tenants.ts'
import { no, ok, type Result } from '../model/index.ts'
import { type Call, EXIT, type ExitCode, type Option } from './command.ts'
import { printable } from './printable.ts'
import { STATE_OPTIONS, stateOf } from './state.ts'

/** What `diff` and `commit` share: which workspace, and a warden whose helper cells look into it. */
export const WORKSPACE_OPTIONS: Readonly<Record<string, Option>> = {
  ...STATE_OPTIONS,
  agent: { type: 'string', short: 'a', value: 'name', help: 'whose workspace (an upstream’s: agent-upstream)' },
}

/** The one that `--agent` names, or the only one that is kept. */
export async function withWorkspace(
  call: Call,
  use: (warden: Warden, changes: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  return withWorkspaces(call, (warden, kept) => {
    const [only, ...more] = kept
    if (only !== undefined && more.length === 0) return use(warden, only)
    call.print.fault(
      `whose workspace? --agent is one of: ${kept.map((changes) => basename(changes)).join(', ')}`,
      'firebreak diff shows what was changed in each',
    )
    return Promise.resolve(EXIT.usage)
  })
}

/** The one that `--agent` names, or all that are kept: at least one. */
export async function withWorkspaces(
  call: Call,
  use: (warden: Warden, kept: readonly string[]) => Promise<ExitCode>,
): Promise<ExitCode> {
  const changes = workspacesOf(call)
  if (!changes.ok) {
    call.print.fault(changes.reason)
    return EXIT.usage
  }
  const warden = await openWarden()
  if (!warden.ok) {
    call.print.fault(wardenFaultText(warden.reason))
    return EXIT.failed
  }
  try {
    return await use(warden.value, changes.value)
  } finally {
    await warden.value.close()
  }
}

function workspacesOf(call: Call): Result<readonly string[], string> {
  const all = statesIn(stateOf(call)).map((state) => join(state, 'workspaces'))
  const kept = all.filter(existsSync).flatMap((place) => readdirSync(place).map((name) => join(place, name)))
  if (kept.length === 0) return no(`no workspace is kept in ${stateOf(call)}: firebreak run keeps what a cell changes`)
  const name = call.text('agent')
  if (name === undefined) return ok(kept)
  const found = kept.filter((changes) => basename(changes) === name)
  if (found.length > 0) return ok(found)
  const names = kept.map((changes) => basename(changes)).join(', ')
  return no(`there is no workspace of "${printable(name)}"; kept: ${names}`)
}

/** The state that keeps these changes: a tenant's own, or the whole. */
export function stateOfWorkspace(changes: string): string {
  return dirname(dirname(changes))
}

export function workspaceFaultText(fault: WorkspaceFault): string {
  switch (fault.kind) {
    case 'launch':
      return launchFaultText(fault.fault)
    case 'cut-off':
      return `the helper cell ended early: ${printable(fault.why)}`
    case 'unknown':
      return fault.problem
    case 'in-use':
      return `the workspace is in use by ${printable(fault.holder)}`
    case 'unconfirmed':
      return 'some of it is executed by a host'
  }
}

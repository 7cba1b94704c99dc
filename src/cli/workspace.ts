import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { launchFaultText } from '../cells/spec.ts'
import { openWarden, type Warden } from '../cells/warden.ts'
import type { WorkspaceFault } from '../cells/workspace/changes.ts'
import { wardenFaultText } from '../control/runtime.ts'
import { statesIn } from '../control/tenants.ts'
import { no, ok, type Result } from '../model/index.ts'
import { type Call, EXIT, type ExitCode, type Option } from './command.ts'
import { printable } from './printable.ts'
import { STATE_OPTION, stateOf } from './state.ts'

/** What `diff` and `commit` share: which workspace, and a warden whose helper cells look into it. */
export const WORKSPACE_OPTIONS: Readonly<Record<string, Option>> = {
  ...STATE_OPTION,
  config: { type: 'string', short: 'c', value: 'file', help: 'the configuration (default: firebreak.yaml)' },
  agent: { type: 'string', short: 'a', value: 'name', help: 'whose workspace (an upstream’s: agent-upstream)' },
}

export async function withWorkspace(
  call: Call,
  use: (warden: Warden, changes: string) => Promise<ExitCode>,
): Promise<ExitCode> {
  const changes = workspaceOf(call)
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

function workspaceOf(call: Call): Result<string, string> {
  const all = statesIn(stateOf(call)).map((state) => join(state, 'workspaces'))
  const places = all.filter(existsSync).flatMap((place) => readdirSync(place).map((name) => ({ name, place })))
  const kept = places.map(({ name }) => name)
  const name = call.text('agent') ?? (kept.length === 1 ? kept[0] : undefined)
  const found = places.find((each) => each.name === name)
  if (found !== undefined) return ok(join(found.place, found.name))
  const which = kept.length === 0 ? `no workspace is kept in ${stateOf(call)}` : `kept: ${kept.join(', ')}`
  return no(
    name === undefined
      ? `whose workspace? --agent; ${which}`
      : `there is no workspace of "${printable(name)}"; ${which}`,
  )
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

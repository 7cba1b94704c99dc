import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import process from 'node:process'
import type { Agent } from '../../config/config.ts'
import { loadConfig } from '../../config/load.ts'
import { agentOf } from '../../host/files/workspace-names.ts'
import { statesIn } from '../../host/state/tenants.ts'
import { no, ok, type PersonName, personName, type Result, sourceText } from '../../model/index.ts'
import { openWorkspaceOperator, type WorkspaceOperator } from '../../operator/workspace-operator.ts'
import { type Call, configFile, EXIT, type ExitCode, type Option } from '../command.ts'
import { confirmed } from '../person/confirmed.ts'
import { loginName } from '../person/login-name.ts'
import { printable } from '../print/printable.ts'
import { STATE_OPTIONS, stateOf } from './state.ts'

/** Options of the commands that look into a workspace: which one, and a warden whose helper cells look into it. */
export const WORKSPACE_OPTIONS: Readonly<Record<string, Option>> = {
  ...STATE_OPTIONS,
  agent: { type: 'string', short: 'a', value: 'name', help: 'whose workspace (an upstream’s: agent-upstream)' },
}

/** The one that `--agent` names, or the only one that is kept. */
export async function withWorkspace(
  call: Call,
  use: (operator: WorkspaceOperator, changes: string) => Promise<ExitCode>,
  name?: string,
): Promise<ExitCode> {
  return withWorkspaces(
    call,
    (operator, kept) => {
      const [only, ...more] = kept
      if (only !== undefined && more.length === 0) return use(operator, only)
      call.print.fault(
        `whose workspace? --agent is one of: ${kept.map((changes) => basename(changes)).join(', ')}`,
        'firebreak diff shows what was changed in each',
      )
      return Promise.resolve(EXIT.usage)
    },
    name,
  )
}

/** The one that `--agent` names, or all that are kept: at least one. */
export async function withWorkspaces(
  call: Call,
  use: (operator: WorkspaceOperator, kept: readonly string[]) => Promise<ExitCode>,
  name?: string,
): Promise<ExitCode> {
  const changes = workspacesOf(call, name)
  if (!changes.ok) {
    call.print.fault(changes.reason)
    return EXIT.usage
  }
  const operator = await openWorkspaceOperator()
  if (!operator.ok) {
    call.print.fault(operator.reason)
    return EXIT.failed
  }
  try {
    return await use(operator.value, changes.value)
  } finally {
    await operator.value.close()
  }
}

export function workspacesOf(call: Call, wanted?: string): Result<readonly string[], string> {
  const all = statesIn(stateOf(call)).map((state) => join(state, 'workspaces'))
  const kept = all.filter(existsSync).flatMap((place) => readdirSync(place).map((name) => join(place, name)))
  if (kept.length === 0) return no(`no workspace is kept in ${stateOf(call)}: firebreak run keeps what a cell changes`)
  const name = wanted ?? call.text('agent')
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

/** The agent whose files they are, where there is a configuration that says so. What is wrong with it has been printed. */
export async function agentOfWorkspace(call: Call, changes: string): Promise<Result<Agent | undefined, ExitCode>> {
  if (!existsSync(configFile(call))) return ok(undefined)
  const loaded = await loadConfig(configFile(call), { node: process.execPath })
  if (!loaded.ok) {
    call.print.fault(
      `${configFile(call)} has problems, and may say how these files are kept`,
      ...loaded.reason.map(({ message, source }) => `${sourceText(source)} ${message}`),
    )
    return no(EXIT.usage)
  }
  const agents = [...loaded.value.agents.values()]
  const name = agentOf(basename(changes), agents)
  return ok(agents.find((agent) => agent.name === name))
}

/** Returns the person who does it, as the ledger will name them. */
export function personOf(call: Call): PersonName {
  return personName(call.text('as') ?? loginName())
}

export async function confirmedBy(call: Call, question: string): Promise<boolean> {
  if (call.flag('yes')) return true
  if (call.flag('no-input') || !process.stdin.isTTY) {
    call.print.fault('a person decides', 'answer on a terminal, or give --yes')
    return false
  }
  return confirmed(call, stateOf(call), question)
}

import { accessSync, constants, existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { statesIn } from '../host/state/tenants.ts'
import { faultText } from '../ledger/log/fault.ts'
import { readEntries } from '../ledger/log/read.ts'
import type { Entry } from '../model/entry.ts'
import { NAME_PATTERN, no, ok, type Result } from '../model/index.ts'
import { type Call, CONFIG_OPTION, configFile, type Option } from './command.ts'

/** Commands that read what a run left: `--state`, or `.firebreak` beside the configuration. */
export const STATE_OPTIONS: Readonly<Record<string, Option>> = {
  state: { type: 'string', value: 'dir', help: 'what a run kept (default: .firebreak beside the configuration)' },
  ...CONFIG_OPTION,
}

export function stateOf(call: Call): string {
  const beside = join(dirname(resolve(configFile(call))), '.firebreak')
  return resolve(call.text('state') ?? beside)
}

/**
 * Returns why this user cannot read the state that somebody else made there, and what to do; undefined where they can,
 * or where there is none yet.
 */
export function stateFault(
  state: string,
  mayRead = readable,
): { readonly problem: string; readonly fix: string } | undefined {
  if (!existsSync(state) || mayRead(state)) return undefined
  const { uid } = statSync(state)
  const owner = uid === 0 ? 'root' : `uid ${uid}`
  return {
    problem: `${state} cannot be read: a run of ${owner} made it`,
    fix: `do this as ${owner}, or name a state of your own with --state`,
  }
}

function readable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

const NOTHING_YET = (state: string): string =>
  `nothing is recorded in ${state}: firebreak run keeps it there, beside its configuration; --state or --config names another`

interface Log {
  readonly name: string
  readonly directory: string
  /** The state that it is of: a tenant's own, or the whole. */
  readonly state: string
}

/** The directories of all logs of a state and of its tenants, by name; each environment has one. */
export function logsOf(state: string): Result<readonly Log[], string> {
  const states = statesIn(state).filter((each) => existsSync(join(each, 'ledger')))
  if (states.length === 0) return no(NOTHING_YET(state))
  const logs = states.flatMap((each) => {
    const names = readdirSync(join(each, 'ledger')).filter((name) => NAME_PATTERN.test(name))
    return names.map((name) => ({ name, directory: join(each, 'ledger', name), state: each }))
  })
  return ok(logs)
}

/** Where answers to what stands in this log are given. */
export function stateOfLog(state: string, log: string): string {
  const logs = logsOf(state)
  return (logs.ok ? logs.value.find(({ name }) => name === log)?.state : undefined) ?? state
}

/** Every entry of a state, log by log. Throws what a person should read when a log is damaged: verify tells more. */
export async function* entriesOf(state: string): AsyncGenerator<Entry & { readonly log: string }, void> {
  const logs = logsOf(state)
  if (!logs.ok) throw new Error(logs.reason)
  for (const { name, directory } of logs.value) {
    for await (const entry of readEntries(directory)) {
      if (!entry.ok) throw new Error(faultText(entry.reason))
      yield { ...entry.value, log: name }
    }
  }
}

import { accessSync, constants, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { failedWith } from '../../model/host/system-error.ts'
import { type Call, CONFIG_OPTION, configFile, type Option } from '../command.ts'

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
 * Returns why this user cannot read the state that somebody else made there, or why there can be none, and what to do;
 * undefined where they can, or where there is none yet.
 */
export function stateFault(
  state: string,
  mayRead = readable,
): { readonly problem: string; readonly fix: string } | undefined {
  let uid: number
  try {
    uid = statSync(state).uid
  } catch (error) {
    if (!failedWith(error, 'ENAMETOOLONG', 'ENOTDIR', 'ELOOP')) return undefined
    return { problem: `no state can lie there: ${error.message}`, fix: '--state names another directory' }
  }
  if (mayRead(state)) return undefined
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

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { faultText } from '../../ledger/log/fault.ts'
import { readEntries } from '../../ledger/log/read.ts'
import type { Entry } from '../../model/entry.ts'
import { NAME_PATTERN, no, ok, type Result } from '../../model/index.ts'
import { statesIn } from './tenants.ts'

const NOTHING_YET = (state: string): string =>
  `nothing is recorded in ${state}: firebreak run keeps it there, beside its configuration; --state or --config names another`

/** One log of a state: each environment has one. */
export interface StateLog {
  readonly name: string
  readonly directory: string
  /** The state that it belongs to: a tenant's own, or the whole. */
  readonly state: string
}

/** Returns all logs of a state and of its tenants; an error where nothing is recorded there yet. */
export function logsOf(state: string): Result<readonly StateLog[], string> {
  const states = statesIn(state).filter((each) => existsSync(join(each, 'ledger')))
  if (states.length === 0) return no(NOTHING_YET(state))
  const logs = states.flatMap((each) => {
    const names = readdirSync(join(each, 'ledger')).filter((name) => NAME_PATTERN.test(name))
    return names.map((name) => ({ name, directory: join(each, 'ledger', name), state: each }))
  })
  return ok(logs)
}

/** Returns the state that a log is of: where answers to what stands in it are given. */
export function stateOfLog(state: string, log: string): string {
  const logs = logsOf(state)
  return (logs.ok ? logs.value.find(({ name }) => name === log)?.state : undefined) ?? state
}

/**
 * Reads every entry of a state, log by log.
 *
 * @throws {Error} with words for a person where a log is damaged, or there is none: verify tells more.
 */
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

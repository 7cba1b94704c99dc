import { faultText } from '../../ledger/log/fault.ts'
import type { Log, LoggedEntry } from '../../ledger/store.ts'
import { no, ok, type Result } from '../../model/index.ts'
import { hasBegun, storesOf } from './stores.ts'
import { statesIn } from './tenants.ts'

const NOTHING_YET = (state: string): string =>
  `nothing is recorded in ${state}: firebreak run keeps it there, beside its configuration; --state or --config names another`

/** One log of a state: each environment has one. */
export interface StateLog {
  readonly log: Log
  /** The state that it belongs to: a tenant's own, or the whole. */
  readonly state: string
}

/** Returns all logs of a state and of its tenants; an error where nothing is recorded there yet. */
export async function logsOf(state: string): Promise<Result<readonly StateLog[], string>> {
  const states = statesIn(state).filter(hasBegun)
  if (states.length === 0) return no(NOTHING_YET(state))
  const logs = states.map(async (each) => {
    const { logs: own } = storesOf(each)
    return ((await own.names()) ?? []).map((name) => ({ log: own.log(name), state: each }))
  })
  return ok((await Promise.all(logs)).flat())
}

/** Returns the log of that name: of whichever tenant it is, or the state's own, be it there or not. */
export async function logNamed(state: string, name: string): Promise<StateLog> {
  const logs = await logsOf(state)
  const found = logs.ok ? logs.value.find(({ log }) => log.name === name) : undefined
  return found ?? { log: storesOf(state).logs.log(name), state }
}

/** Returns the state that a log is of: where answers to what stands in it are given. */
export async function stateOfLog(state: string, log: string): Promise<string> {
  return (await logNamed(state, log)).state
}

/**
 * Reads every entry of a state, log by log.
 *
 * @throws {Error} with words for a person where a log is damaged, or there is none: verify tells more.
 */
export async function* entriesOf(state: string): AsyncGenerator<LoggedEntry, void> {
  const logs = await logsOf(state)
  if (!logs.ok) throw new Error(logs.reason)
  for (const { log } of logs.value) {
    for await (const entry of log.read()) {
      if (!entry.ok) throw new Error(faultText(entry.reason))
      yield { ...entry.value, log: log.name }
    }
  }
}

/**
 * Yields what is appended to the logs of a state and its tenants, also to logs that begin meanwhile, until the signal
 * comes; each log from the sequence number in `from` on.
 *
 * @throws {Error} as `entriesOf` does, where a log is damaged.
 */
export async function* followEntries(
  state: string,
  signal: AbortSignal,
  from: ReadonlyMap<string, number> = new Map(),
): AsyncGenerator<LoggedEntry, void> {
  const all = statesIn(state).map((each) => storesOf(each).logs.follow(signal, from)[Symbol.asyncIterator]())
  const nextOf = async (at: (typeof all)[number]) => ({ at, next: await at.next() })
  const waiting = new Map(all.map((at) => [at, nextOf(at)]))
  while (waiting.size > 0) {
    const { at, next } = await Promise.race(waiting.values())
    if (next.done === true) {
      waiting.delete(at)
      continue
    }
    waiting.set(at, nextOf(at))
    if (!next.value.ok) throw new Error(faultText(next.value.reason))
    yield next.value.value
  }
}

import { faultText } from '../../ledger/log/fault.ts'
import { holdsIn } from '../../ledger/views/holds.ts'
import type { ActionId, AgentName, Entry, EnvironmentName } from '../../model/index.ts'
import type { Stores } from '../state/stores.ts'

/**
 * Takes back the approvals of these agents that wait for the gateway of an environment. One of which it cannot be read
 * whose it is counts as theirs; a denial stays.
 */
export async function withdrawWaiting(
  { logs, mailbox }: Pick<Stores, 'logs' | 'mailbox'>,
  environment: EnvironmentName,
  agents: readonly AgentName[],
): Promise<void> {
  const waiting = agents.length === 0 ? [] : await mailbox.list(environment)
  if (waiting.length === 0) return
  const owners = new Map<ActionId, AgentName>()
  const log = logs.log(environment)
  async function* entries(): AsyncGenerator<Entry & { readonly log: string }> {
    for await (const entry of log.read()) {
      if (!entry.ok) throw new Error(faultText(entry.reason))
      yield { ...entry.value, log: environment }
    }
  }
  try {
    for (const { held } of await holdsIn(entries(), Date.now())) owners.set(held.hold, held.agent)
  } catch {
    // What a damaged log does not tell is nobody's.
  }
  for (const { hold } of waiting) {
    const owner = owners.get(hold)
    if (owner === undefined || agents.includes(owner)) await mailbox.withdraw(hold)
  }
}

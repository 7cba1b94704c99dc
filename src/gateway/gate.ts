import type { Ledger } from '../ledger/ledger.ts'
import type { ActionId, EnvironmentName, UpstreamName } from '../model/index.ts'
import type { HoldBook } from './holds.ts'
import type { Secrets } from './secrets.ts'

/** What one gateway process holds: one environment's ledger, secrets and clock. */
export interface Gate {
  readonly environment: EnvironmentName
  /** Where every upstream of the configuration belongs, so that a refusal can say so; names only. */
  readonly environments: ReadonlyMap<UpstreamName, EnvironmentName>
  readonly ledger: Ledger
  readonly secrets: Secrets
  readonly holds: HoldBook
  readonly nowMs: () => number
  readonly newActionId: () => ActionId
}

import type { Ledger } from '../../ledger/log/ledger.ts'
import type { Log } from '../../ledger/store.ts'
import type {
  ActionId,
  DecoyTool,
  EntryBody,
  EnvironmentName,
  PersonName,
  Rung,
  UpstreamName,
} from '../../model/index.ts'
import type { Secrets } from '../content/secrets.ts'
import type { LoopSlices } from '../fairness/loop-slices.ts'
import type { AgentSetup } from '../link/setup.ts'
import type { HoldBook } from '../pipeline/holds.ts'
import type { Notice } from '../pipeline/notice.ts'
import type { Given, ServedCell } from './served-cell.ts'

/** The context of one environment: the ledger, secrets and clock of one gateway process. */
export interface EnvironmentContext {
  readonly environment: EnvironmentName
  readonly hardened: boolean
  /** The environment of every upstream of the configuration, so that a refusal can say so; names only. */
  readonly environments: ReadonlyMap<UpstreamName, EnvironmentName>
  /** The log that `ledger` writes, for reading. */
  readonly log: Log
  readonly ledger: Ledger
  readonly secrets: Secrets
  /** Asks for another credential of an upstream that refused its own: resolves with whether there is one to try. */
  readonly renewCredential: (upstream: UpstreamName) => Promise<boolean>
  readonly holds: HoldBook
  readonly notice: Notice
  /** Shown in lists like real tools; whoever calls one is refused. */
  readonly decoyTools: readonly DecoyTool[]
  readonly nowMs: () => number
  readonly newActionId: () => ActionId
  /** Everything that takes time in proportion to what somebody sent asks here first. */
  readonly slices: LoopSlices
  /** The environment's. */
  readonly agents: readonly AgentSetup[]
  /** False where the entry cannot be made durable. */
  readonly recordDurably: (body: EntryBody) => Promise<boolean>
  /** Asks the warden for the cell of a delegation. */
  readonly launch: (giver: ServedCell, given: Given) => void
  /**
   * Moves a cell, and everything below it, down to this rung, in this tick: what it asks from now on is decided there, and
   * what is on its way meets it in `lastCheck`. Does nothing where it stands there or below.
   */
  readonly lower: (cell: ServedCell, to: Rung, by: 'firebreak' | PersonName, why: string, signal?: number) => void
  /** Ends it and everything below it, now; its cells are killed. */
  readonly endDelegation: (given: Given, why: string) => void
}

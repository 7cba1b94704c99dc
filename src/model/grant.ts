import type { Holder } from './budget.ts'
import type { AgentName, GrantId, PersonName, ToolName, UpstreamName } from './ids.ts'
import type { Source } from './source.ts'

/**
 * A grant lets the cells of one agent use some tools of one upstream until it expires or is revoked.
 *
 * - G1  A grant permits nothing at or after `expiresAtMs`.
 * - G2  `revokedAtMs`, once set, never changes: revocation is one-way.
 * - G3  An empty `tools` grants nothing; there is no wildcard.
 * - G4  Its condition is compiled with the policies, under the grant's id; a condition that errors permits nothing.
 */
export interface Grant extends Holder {
  readonly id: GrantId
  readonly agent: AgentName
  readonly upstream: UpstreamName
  readonly tools: ReadonlySet<ToolName>
  /** Exclusive, epoch ms. */
  readonly expiresAtMs: number
  /** Epoch ms; absent while the grant is live. */
  readonly revokedAtMs?: number
  /** The person who wrote it, and where. */
  readonly grantedBy: PersonName
  readonly source: Source
}

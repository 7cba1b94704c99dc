import type { HostReport } from '../../cells/abilities.ts'
import type { CellConfig } from '../../config/config.ts'
import type { WorkspaceNote } from '../../host/files/workspace-note.ts'
import type { Inspected } from '../../host/prepare/inspect.ts'
import type { Shown } from '../../host/shown/shown.ts'
import type { AgentName, Result, UpstreamName } from '../../model/index.ts'

/** The findings outside of the configuration, which each demand is held against. */
export interface Survey {
  readonly report: HostReport
  /** Secret → why it cannot be used. */
  readonly secrets: ReadonlyMap<string, string>
  /** Origin of an upstream or of an egress → why nobody gets there. */
  readonly places: ReadonlyMap<string, string>
  /** Paths that cells are shown and that are not there. */
  readonly absent: ReadonlySet<string>
  readonly policyTests: number
  /** Cell → what of its workspace it would miss. */
  readonly workspaces: ReadonlyMap<CellConfig, readonly WorkspaceNote[]>
  readonly looked: ReadonlyMap<CellConfig, Looked>
  /** Agents that were started up to their first instruction, each with why that failed. Absent: nobody tried. */
  readonly launches?: ReadonlyMap<AgentName, Result<void, string>>
  /** Answers of the upstreams that were asked. Absent: none was asked. */
  readonly offered?: ReadonlyMap<UpstreamName, Inspected>
}

/** The look through what a cell is shown: why it would be refused, and what was not looked through for secrets. */
export interface Looked extends Pick<Shown, 'refusal' | 'unsearched' | 'unmet'> {
  /** Reason why it must not be shown, of which its start would know nothing: the secret is another environment's. */
  readonly unknown?: string
}

import type { ProtocolName } from '../../model/index.ts'
import type { Pulse } from '../link/pulse.ts'
import type { StdioPipes } from '../link/stdio-pipes.ts'
import type { Lines } from '../protocols/lines.ts'
import type { Protocol } from '../protocols/protocol.ts'
import type { Arrivals } from './arrivals.ts'
import type { EnvironmentContext } from './environment-context.ts'
import type { NewestRules } from './newest-rules.ts'
import type { ServedCell } from './served-cell.ts'
import type { ServedCells } from './served-cells.ts'

/** The means that all parts of one gateway share. */
export interface GatewayParts {
  /** Returns the context, which refers to these parts and is there once they are. */
  readonly gate: () => EnvironmentContext
  readonly cells: ServedCells
  /** Tells the warden. */
  readonly send: (pulse: Pulse) => void
  /** Ends what a cell's relays have open. */
  readonly cutRelays: (cell: ServedCell) => void
}

/** The means of a part that makes cells, or actors in their place. */
export interface DeskParts extends GatewayParts {
  readonly rules: NewestRules
  readonly lines: Lines
  readonly protocols: ReadonlyMap<ProtocolName, Protocol>
  readonly pipes: StdioPipes
  readonly arrivals: Arrivals
}

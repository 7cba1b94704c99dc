import type { Cell } from '../../cells/driver.ts'
import type { CellSpec, Exit, TeardownReceipt } from '../../cells/spec.ts'
import type { Agent } from '../../config/config.ts'
import type { TaskSetup, WardenMessage } from '../../gateway/link/setup.ts'
import type { AgentName, Result, Rung } from '../../model/index.ts'
import type { HeldWorkspace } from '../files/files-desk.ts'
import type { Kept } from '../services/servers.ts'
import type { Services } from '../services/services.ts'
import type { KeptIssuer } from '../trust/kept-issuer.ts'

/**
 * The parts of a launch that a person asks for. Nothing of the configuration is among them: the agent is looked up by its
 * name when its cell is built.
 */
export interface LaunchAsk {
  readonly agent: AgentName
  readonly command: CellSpec['command']
  /** True where somebody may have written what is read on its standard input; absent: nobody has. */
  readonly piped?: boolean
  readonly stdio: CellSpec['stdio']
  /** The words that its owner gives it to do. */
  readonly task?: TaskSetup
  /**
   * The stop mark from before the configuration was read: what all were ordered since then counts for what was read,
   * too.
   */
  readonly stopMark: string
  /** Hears that the cell goes on with another gateway, and why its own was lost. */
  readonly onTakenOver?: (why: string) => void
}

/** A cell as the person has it who asked for it: built, and served by its gateway; `cell.start()` lets it go. */
export interface RunningCell {
  readonly cell: Cell
  readonly ended: Promise<Ended>
}

/** The end of a cell. */
export interface Ended {
  readonly exit: Exit
  readonly teardown: TeardownReceipt
  /** The reason, when the cell was ended because its gateway was lost. */
  readonly lost?: string
  /** The outcome of a restore for which it was ended: its command begins anew, or why its files could not be restored. */
  readonly again?: Result<void, string>
}

/** A cell that runs in an environment of this host, or is ending. */
export interface HostedCell
  extends HeldWorkspace,
    Pick<LaunchAsk, 'command' | 'piped' | 'task' | 'stopMark' | 'onTakenOver'> {
  /** The agent as the newest configuration declares it; the surroundings of the cell are those of its start. */
  agent: Agent
  /** True once a configuration that was applied declared its agent here no more: no gateway goes on with it. */
  undeclared?: true
  readonly ended: Promise<Ended>
  /** The stdio servers that it has. */
  kept: readonly Kept[]
  /** The gateway that serves it. */
  services: Services
  /** The rung of its agent when it began, lower by each order since, and higher by a person's word. */
  rung: Rung
  /** The things that were last seen in it, for half a minute. */
  readonly sensed: SensedEvent[]
  /** The reason why it is ended, where that is the end of its gateway. */
  lost?: string
  /** The receipt of its teardown, once it has ended. */
  teardown?: TeardownReceipt
  /** Epoch ms; before its gateway heard of it. */
  readonly sinceMs: number
  /** The number of the cell that delegated to it. */
  readonly parent?: number
  /** The certificate authority that its programs believe. Present where their TLS ends at the gate. */
  readonly issuer?: KeptIssuer
}

/** One thing that was seen in a cell, as its gateway was told it; ms of our own clock. */
export interface SensedEvent {
  readonly atMs: number
  readonly message: Extract<WardenMessage, { kind: 'sensed' }>
}

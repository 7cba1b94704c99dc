import type { Warden } from '../../cells/driver.ts'
import type { Config } from '../../config/config.ts'
import type { EnvironmentName } from '../../model/index.ts'
import type { Starting } from '../services/starting.ts'
import type { State } from '../state/state.ts'
import type { CurrentGateway } from './current-gateway.ts'
import type { LiveCells } from './live-cells.ts'
import type { PulseNumbers } from './pulse-numbers.ts'

/** The things of one environment run that each of its parts works on. */
export interface EnvironmentGround {
  readonly config: Config
  readonly environment: EnvironmentName
  /** The state of the environment's tenant. */
  readonly state: State
  /** The host's warden: other environments have it, too. */
  readonly warden: Warden
  readonly numbers: PulseNumbers
  readonly starting: Starting
  readonly cells: LiveCells
  readonly gateway: CurrentGateway
}

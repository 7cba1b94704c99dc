import type { Config } from '../../config/config.ts'
import type { GatewaySetup } from '../../gateway/link/setup.ts'

/** The configuration that one environment goes by now, and what its gateway was told of it. */
export class ServedConfiguration {
  #config: Config
  #setup: GatewaySetup

  constructor(config: Config, setup: GatewaySetup) {
    this.#config = config
    this.#setup = setup
  }

  get config(): Config {
    return this.#config
  }

  /** The setup of a gateway that would start now; secrets are as they were when the environment opened. */
  get setup(): GatewaySetup {
    return this.#setup
  }

  replaceBy(config: Config, setup: GatewaySetup): void {
    this.#config = config
    this.#setup = setup
  }
}

import { closeSync, openSync } from 'node:fs'
import type { Agent } from '../../config/config.ts'
import { LIMITS } from '../../model/index.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'
import type { Launching } from './launching.ts'

/**
 * The launches that a gateway asks for. The configuration says who may delegate to whom, and with what it is started; the
 * gateway only says that it is time.
 */
export class DelegatedLaunches {
  readonly #ground: EnvironmentGround
  readonly #launching: Launching

  constructor(ground: EnvironmentGround, launching: Launching) {
    this.#ground = ground
    this.#launching = launching
  }

  /** Starts the environment's agent at that place in the gateway's setup for a cell, and waits for its end. */
  async launch(parent: number, giver: HostedCell, index: number): Promise<void> {
    const { cells, config, environment, starting } = this.#ground
    const agent = [...config.agents.values()].filter((each) => each.environment === environment)[index]
    const [program, ...args] = agent?.command ?? []
    const below = cells.delegatedFrom(parent).length + starting.all().filter((each) => each.parent === parent).length
    if (agent === undefined) return
    const refused =
      program === undefined || !giver.agent.delegates.includes(agent.name)
        ? `${giver.agent.name} may not delegate to ${agent.name}`
        : below >= LIMITS.delegationsMax
          ? `at most ${LIMITS.delegationsMax} delegations at a time`
          : undefined
    if (refused !== undefined || program === undefined) return this.#refuse(parent, agent, refused ?? '')
    const launched = await this.#launching.launch({
      agent,
      command: [program, ...args],
      stdio: { kind: 'pipes' },
      variables: Object.fromEntries(agent.cell.env),
      stopMark: giver.stopMark,
      parent,
    })
    if (!launched.ok) return this.#refuse(parent, agent, launched.reason)
    const { cell, ended } = launched.value
    // Nobody watches its streams: what it has to say, it reports through the gateway.
    const nothing = openSync('/dev/null', 'r+')
    const pump = cell.pump({ stdin: nothing, stdout: nothing, stderr: nothing })
    if (!cell.start().ok) await cell.teardown()
    await ended
    await pump.done
    closeSync(nothing)
  }

  #refuse(parent: number, agent: Agent, why: string): void {
    this.#ground.gateway.tell({ kind: 'unlaunched', parent, agent: agent.name, why })
  }
}

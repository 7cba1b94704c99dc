import { closeSync, openSync } from 'node:fs'
import { type AgentName, LIMITS } from '../../model/index.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { HostedCell } from './hosted-cell.ts'
import type { Launching } from './launching.ts'

export interface DelegatedLaunchesOptions {
  readonly ground: EnvironmentGround
  readonly launching: Launching
  /** Returns the name of the agent that its gateway means by a number. */
  readonly named: (number: number) => AgentName | undefined
}

/**
 * The launches that a gateway asks for. The configuration says who may delegate to whom, and with what it is started; the
 * gateway only says that it is time.
 */
export class DelegatedLaunches {
  readonly #options: DelegatedLaunchesOptions

  constructor(options: DelegatedLaunchesOptions) {
    this.#options = options
  }

  /** Starts the agent that its gateway means by `number` for a cell, and waits for its end. */
  async launch(parent: number, giver: HostedCell, number: number): Promise<void> {
    const { ground, launching, named } = this.#options
    const { cells, config, starting } = ground
    const name = named(number)
    if (name === undefined) return
    const [program, ...args] = config.agents.get(name)?.command ?? []
    const below = cells.delegatedFrom(parent).length + starting.all().filter((each) => each.parent === parent).length
    const refused =
      program === undefined || !giver.agent.delegates.includes(name)
        ? `${giver.agent.name} may not delegate to ${name}`
        : below >= LIMITS.delegationsMax
          ? `at most ${LIMITS.delegationsMax} delegations at a time`
          : undefined
    if (refused !== undefined || program === undefined) return this.#refuse(parent, name, refused ?? '')
    const launched = await launching.launch({
      agent: name,
      command: [program, ...args],
      stdio: { kind: 'pipes' },
      stopMark: giver.stopMark,
      parent,
    })
    if (!launched.ok) return this.#refuse(parent, name, launched.reason)
    const { cell, ended } = launched.value
    // Nobody watches its streams: what it has to say, it reports through the gateway.
    const nothing = openSync('/dev/null', 'r+')
    const pump = cell.pump({ stdin: nothing, stdout: nothing, stderr: nothing })
    if (!cell.start().ok) await cell.teardown()
    await ended
    await pump.done
    closeSync(nothing)
  }

  #refuse(parent: number, agent: AgentName, why: string): void {
    this.#options.ground.gateway.tell({ kind: 'unlaunched', parent, agent, why })
  }
}

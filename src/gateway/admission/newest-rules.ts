import { dirname } from 'node:path'
import type { Log } from '../../ledger/store.ts'
import type { AgentName } from '../../model/index.ts'
import { type BudgetBook, type CompiledPolicies, compilePolicies, type Flow } from '../../policy/index.ts'
import type { Secrets } from '../content/secrets.ts'
import { declaredIn, withoutLeaks } from '../link/declared.ts'
import type { AgentSetup, GatewaySetup } from '../link/setup.ts'
import { type Notice, openNotice } from '../pipeline/notice.ts'
import { type EnvironmentRules, flowsOf, grantsFor } from './authority.ts'

export interface NewestRulesOptions {
  readonly budgets: BudgetBook
  readonly secrets: Secrets
  /** The gateway's own log: no cell has a reason to name its place. */
  readonly log: Pick<Log, 'paths'>
}

/**
 * The rules of one environment by its newest configuration: whoever decides asks here each time, and keeps nothing of it.
 *
 * - NR1  Everything of a configuration changes in one tick, or nothing does.
 * - NR2  The spending of a grant stays counted when its budgets become others (B7).
 */
export class NewestRules implements EnvironmentRules {
  readonly budgets: BudgetBook
  readonly #secrets: Secrets
  readonly #ownDirectories: readonly string[]
  #setup: GatewaySetup
  #policies: CompiledPolicies
  #flows: ReadonlyMap<string, Flow>
  #notice: Notice

  constructor(setup: GatewaySetup, { budgets, secrets, log }: NewestRulesOptions) {
    this.budgets = budgets
    this.#secrets = secrets
    this.#ownDirectories = directoriesOf(log)
    this.#setup = this.#clean(setup)
    this.#policies = compilePolicies(this.#setup.policies)
    this.#flows = flowsOf(this.#setup.upstreams)
    this.#notice = this.#noticeOf(this.#setup)
  }

  /** The setup as it is now; what upstreams say of their tools is without secrets. */
  get setup(): GatewaySetup {
    return this.#setup
  }

  get environment(): GatewaySetup['environment'] {
    return this.#setup.environment
  }

  get policies(): CompiledPolicies {
    return this.#policies
  }

  get flows(): ReadonlyMap<string, Flow> {
    return this.#flows
  }

  /** The watch over what cells ask. */
  get notice(): Notice {
    return this.#notice
  }

  /** Returns an agent as it is declared now. */
  agent(name: AgentName): AgentSetup | undefined {
    return this.#setup.agents.find((agent) => agent.name === name)
  }

  /** Puts the rules of another configuration in place. Throws where its budgets count what those before did not. */
  replaceBy(setup: GatewaySetup): void {
    const next = this.#clean(setup)
    const policies = compilePolicies(next.policies)
    const flows = flowsOf(next.upstreams)
    const notice = this.#noticeOf(next)
    const actors = [...next.agents, ...(next.undo ? [next.undo] : [])]
    this.budgets.rebudget(actors.flatMap((actor) => grantsFor(actor, 0)))
    this.#setup = next
    this.#policies = policies
    this.#flows = flows
    this.#notice = notice
  }

  #noticeOf({ containment, environment, environments, upstreams }: GatewaySetup): Notice {
    return openNotice({
      environment,
      decoys: containment.decoys,
      environments: new Map(environments),
      places: containment.places,
      ownPaths: [...containment.ownPaths, ...this.#ownDirectories],
      tools: declaredIn(upstreams),
    })
  }

  #clean(setup: GatewaySetup): GatewaySetup {
    return { ...setup, upstreams: setup.upstreams.map((upstream) => withoutLeaks(upstream, this.#secrets)) }
  }
}

/** Returns the directory of a log, and of the state that it lies in. */
function directoriesOf({ paths }: Pick<Log, 'paths'>): readonly string[] {
  return paths.flatMap((path) => [path, dirname(dirname(path))]).filter((path) => path.split('/').length > 2)
}

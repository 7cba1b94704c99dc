import {
  type ConfigurationApplied,
  cutText,
  type EnvironmentName,
  no,
  ok,
  personName,
  type Result,
  type Sha256,
  samePerson,
} from '../../model/index.ts'
import type { EnvironmentRun } from '../environment/environment-run.ts'
import type { Host, HostChange } from '../host.ts'
import { digestFor, type Judged } from '../prepare/setup.ts'
import { cellsTold } from '../running.ts'
import { storesOf } from '../state/stores.ts'
import { tenantOf, tenantState } from '../state/tenants.ts'
import type { Applied, ApplyAsk, ApplyFault, Elsewhere, Planned } from './apply-words.ts'
import { nextStartOf } from './next-start.ts'
import { type ConfigurationPlan, type PlannedChanges, planOf } from './plan.ts'
import { readAnew } from './read-anew.ts'
import { withdrawWaiting } from './withdraw-waiting.ts'

/** The parts of a host that its configuration is changed by. */
export type ConfiguredHost = Pick<Host, 'judged' | 'stateDirectory' | 'changing'>

/**
 * Puts the configuration as it is in its file now in the place of the one that a host goes by.
 *
 * - AP1  All of it is put in force, or nothing is: what is invalid, widens without the word of whoever answers for it, or
 *        is another than its person was shown, changes nothing.
 * - AP2  From the tick on in which a gateway takes it, nothing leaves that was decided by the one before; where only that
 *        narrows, no disk is waited for.
 * - AP3  What widens is in the ledger of its environment before it is in force there.
 * - AP4  What a gateway keeps until its end is put in force by ending it, with its cells, and only where that was allowed.
 * - AP5  An environment that it changes has the entry whether it is open or not. Where another process holds its ledger,
 *        that is told, and its ledger gets the entry when it opens here next.
 */
export class Applying {
  readonly #host: ConfiguredHost

  constructor(host: ConfiguredHost) {
    this.#host = host
  }

  /** Reads the file anew, and says what putting it in force would change. Changes nothing. */
  async plan(): Promise<Result<Planned, ApplyFault>> {
    const read = await readAnew(this.#host)
    if (!read.ok) return read
    const { judged, seen } = read.value
    const { agents, anew, never } = planOf(this.#host.judged, judged)
    const { file } = this.#host.judged.config
    const nextStart = nextStartOf(this.#host.judged.config, judged.config)
    return ok({ file, seen, agents: bounded(agents), anew, nextStart, ...(never !== undefined && { never }) })
  }

  apply(ask: ApplyAsk): Promise<Result<Applied, ApplyFault>> {
    return this.#host.changing((change) => this.#apply(ask, change))
  }

  async #apply(ask: ApplyAsk, change: HostChange): Promise<Result<Applied, ApplyFault>> {
    const read = await readAnew(this.#host)
    if (!read.ok) return read
    const { judged, seen } = read.value
    if (seen !== ask.seen) return no({ kind: 'changed' })
    const plan = planOf(this.#host.judged, judged)
    const refused = refusedBy(ask, plan, change)
    if (refused !== undefined) return no(refused)
    const step = new Step({ ask, plan, change, before: this.#host, judged })
    const recorded = await step.recordWidened()
    if (!recorded.ok) return no({ kind: 'unrecorded', problem: recorded.reason })
    change.adopt(judged)
    return ok(await step.putInForce())
  }
}

/** Returns why the host does not put it in force; undefined where it does. */
function refusedBy(
  { agreed, restart }: ApplyAsk,
  plan: ConfigurationPlan,
  { open }: HostChange,
): ApplyFault | undefined {
  if (plan.never !== undefined) return { kind: 'never', why: plan.never }
  const missing = plan.agents.filter(
    ({ owner, changes }) => changes.some(({ widens }) => widens) && !agreed.some((person) => samePerson(person, owner)),
  )
  if (missing.length > 0) return { kind: 'owners', missing: missing.map(({ agent, owner }) => ({ agent, owner })) }
  const ending = plan.anew.flatMap(({ environment, what }) => {
    const cells = open.get(environment)?.cellCount() ?? 0
    return cells === 0 ? [] : [{ environment, what, cells }]
  })
  return ending.length > 0 && !restart ? { kind: 'restart', environments: ending } : undefined
}

interface StepOptions {
  readonly ask: ApplyAsk
  readonly plan: ConfigurationPlan
  readonly change: HostChange
  /** The configuration that is in force before. */
  readonly before: Pick<Host, 'judged' | 'stateDirectory'>
  readonly judged: Judged
}

/** One configuration on its way into force. */
class Step {
  readonly #options: StepOptions
  readonly #was: Judged
  readonly #open: Map<EnvironmentName, EnvironmentRun>
  readonly #recorded = new Set<EnvironmentName>()

  constructor(options: StepOptions) {
    this.#options = options
    this.#was = options.before.judged
    this.#open = new Map(options.change.open)
  }

  /** Records what widens in the ledger of its environment, and opens that for it where it is not; all of it, or why not. */
  async recordWidened(): Promise<Result<void, string>> {
    for (const name of this.#widened()) {
      // An environment that is new has no ledger yet.
      if (!this.#was.config.environments.has(name)) continue
      const run = this.#open.get(name) ?? (await this.#openAlso(name))
      if (typeof run === 'string') return this.#takeBack(`environment ${name}: ${run}`)
      if (!(await run.record(this.#entry(name))))
        return this.#takeBack(`environment ${name}: its ledger cannot be written`)
      this.#recorded.add(name)
    }
    return ok(undefined)
  }

  /** Has every environment that is open go by it, or ends it; records what is not recorded yet. */
  async putInForce(): Promise<Applied> {
    const { change, plan } = this.#options
    const [unrecorded, replaced, ended]: [EnvironmentName[], EnvironmentName[], EnvironmentName[]] = [[], [], []]
    const record = async (name: EnvironmentName, run: EnvironmentRun) => {
      await withdrawWaiting(run.state, name, this.#followed(name).narrowed)
      if (this.#recorded.has(name)) return
      if (!(await run.record(this.#entry(name)))) unrecorded.push(name)
    }
    const anew = new Set(plan.anew.map(({ environment }) => environment))
    const elsewhere: Elsewhere[] = []
    const open = [...this.#open]
    const closed = this.#changed().filter((name) => !this.#open.has(name))
    await Promise.all([
      ...open.map(async ([name, run]) => {
        if (anew.has(name)) {
          ended.push(name)
          return change.close(name, () => record(name, run))
        }
        const followed = await run.follow(this.#followed(name))
        if (!followed.ok) replaced.push(name)
        await record(name, run)
      }),
      ...closed.map(async (name) => {
        const confirmed = await this.#confirmClosed(name, record)
        if (!confirmed.ok) elsewhere.push(confirmed.reason)
      }),
    ])
    for (const name of this.#widened()) {
      if (this.#was.config.environments.has(name)) continue
      const run = await this.#openAlso(name)
      if (typeof run === 'string') unrecorded.push(name)
      else await record(name, run)
    }
    return { agents: bounded(plan.agents), unrecorded, replaced, ended, elsewhere }
  }

  /** Returns the environments of the configuration before that the change is about. */
  #changed(): readonly EnvironmentName[] {
    const { agents, anew } = this.#options.plan
    const names = new Set([...agents, ...anew].map(({ environment }) => environment))
    return [...names].filter((name) => this.#was.config.environments.has(name))
  }

  /**
   * Records a change in an environment that is not open here, by its ledger's only writer: then no other process serves it,
   * and what starts there next goes by the new configuration. Where it does not open, says who may.
   */
  async #confirmClosed(
    name: EnvironmentName,
    record: (name: EnvironmentName, run: EnvironmentRun) => Promise<void>,
  ): Promise<Result<void, Elsewhere>> {
    const { before, change, judged } = this.#options
    const directory = tenantState(before.stateDirectory, tenantOf(this.#was.config, name))
    const stores = storesOf(directory)
    if ((await stores.logs.names())?.includes(name) !== true) return ok(undefined)
    await withdrawWaiting(stores, name, this.#followed(name).narrowed)
    if (!judged.config.environments.has(name)) {
      const left = await cellsOf(directory, name)
      return left.length === 0 ? ok(undefined) : no({ environment: name, why: 'it is declared no more', cells: left })
    }
    const opened = await change.openAlso(name)
    if (opened.ok) return ok(await change.close(name, () => record(name, opened.value)))
    change.owe(name, this.#entry(name))
    return no({ environment: name, why: opened.reason, cells: await cellsOf(directory, name) })
  }

  async #openAlso(name: EnvironmentName): Promise<EnvironmentRun | string> {
    const opened = await this.#options.change.openAlso(name)
    if (opened.ok) this.#open.set(name, opened.value)
    return opened.ok ? opened.value : opened.reason
  }

  /** Says in the ledgers which have it that what they were told is not in force. */
  async #takeBack(why: string): Promise<Result<never, string>> {
    const { environments } = this.#was.config
    for (const name of this.#recorded) {
      const { before, after } = this.#digestsOf(name)
      const body = { kind: 'configuration.applied', environment: name, by: 'firebreak' } as const
      if (environments.has(name)) await this.#open.get(name)?.record({ ...body, before: after, after: before })
    }
    return no(why)
  }

  #widened(): ReadonlySet<EnvironmentName> {
    const { agents } = this.#options.plan
    return new Set(
      agents.flatMap(({ environment, changes }) => (changes.some(({ widens }) => widens) ? [environment] : [])),
    )
  }

  #ofEnvironment(name: EnvironmentName): readonly PlannedChanges[] {
    return this.#options.plan.agents.filter(({ environment }) => environment === name)
  }

  #followed(name: EnvironmentName) {
    const narrowed = this.#ofEnvironment(name).flatMap(({ agent, changes }) =>
      changes.some(({ widens }) => !widens) ? [agent] : [],
    )
    return { judged: this.#options.judged, narrowed }
  }

  #digestsOf(name: EnvironmentName): { readonly before: Sha256; readonly after: Sha256 } {
    return { before: digestFor(this.#was, name), after: digestFor(this.#options.judged, name) }
  }

  #entry(environment: EnvironmentName): ConfigurationApplied {
    const { by } = this.#options.ask
    const { narrowed } = this.#followed(environment)
    const widened = this.#ofEnvironment(environment).flatMap(({ agent, owner, changes }) => {
      const wider = changes.filter(({ widens }) => widens)
      const what = wider.slice(0, TOLD_MAX).map(({ about, text }) => cutText(`${about} ${text}`, CHARACTERS_MAX))
      const more = wider.length - what.length
      return wider.length === 0 ? [] : [{ agent, agreed: owner, what, ...(more > 0 && { more }) }]
    })
    return {
      kind: 'configuration.applied',
      environment,
      by: personName(by),
      ...this.#digestsOf(environment),
      ...(narrowed.length > 0 && { narrowed }),
      ...(widened.length > 0 && { widened: widened.slice(0, TOLD_MAX) }),
    }
  }
}

/** Returns the cells of an environment that the wardens of its state tell of, as many as a person is told. */
async function cellsOf(directory: string, name: EnvironmentName): Promise<Elsewhere['cells']> {
  const told = (await cellsTold([directory])).flatMap(({ cells = [] }) => cells)
  const own = told.filter(({ environment }) => environment === name).slice(0, SHOWN_MAX)
  return own.map(({ cell, agent }) => ({ cell, agent }))
}

/** Changes of one agent that an entry tells, and characters of each: together far less than an entry may have. */
const TOLD_MAX = 20
const CHARACTERS_MAX = 300

/** Changes that a person is told of one agent, and in all: a line of the host's door holds them. */
const SHOWN_MAX = 100
const SHOWN_IN_ALL_MAX = 1_000

function bounded(agents: readonly PlannedChanges[]): Planned['agents'] {
  let left = SHOWN_IN_ALL_MAX
  return agents.map(({ agent, environment, owner, changes }) => {
    const shown = changes.slice(0, Math.min(SHOWN_MAX, left))
    left -= shown.length
    const more = changes.length - shown.length
    const told = shown.map((change) => ({ ...change, text: cutText(change.text, CHARACTERS_MAX) }))
    const widens = changes.some((change) => change.widens)
    return { agent, environment, owner, changes: told, widens, ...(more > 0 && { more }) }
  })
}

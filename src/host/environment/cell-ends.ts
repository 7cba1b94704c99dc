import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Cell } from '../../cells/driver.ts'
import { readableNamesIn } from '../../model/host/host-paths.ts'
import { asJson, no, type Result } from '../../model/index.ts'
import { delegatedWorkspace } from '../files/workspace-names.ts'
import { clearDelegations, isEvidence } from '../services/delegations-kept.ts'
import { newOrderId } from '../stop/stop.ts'
import type { EnvironmentGround } from './environment-ground.ts'
import type { Ended } from './hosted-cell.ts'
import type { Orders } from './orders.ts'

/** The thing that is done once nothing of a cell is left. */
export interface AfterEnd {
  act?: () => Promise<Result<void, string>>
}

export interface CellEndsOptions {
  readonly ground: EnvironmentGround
  readonly orders: Pick<Orders, 'fenceAsTold' | 'forget'>
}

/** Some hundred thousand files; a person waits for the end of the run. */
const CLEARING_MS_MAX = 10_000

/** The ends of an environment's cells: what goes with each, and who hears of it. */
export class CellEnds {
  readonly #options: CellEndsOptions
  /** The removals under way that no cell waits for. */
  readonly #clearings = new Set<Promise<void>>()

  constructor(options: CellEndsOptions) {
    this.#options = options
  }

  /** Waits for the end of a cell's command, takes down all that was the cell's, and tells its gateway. */
  async end(number: number, cell: Cell, after: AfterEnd): Promise<Ended> {
    const { orders, ground } = this.#options
    const { cells, starting } = ground
    const exit = await cell.exited
    await this.#endBelow(number)
    const teardown = await cell.teardown()
    const hosted = cells.get(number)
    if (hosted !== undefined) hosted.teardown = teardown
    hosted?.issuer?.end()
    cells.beginEnd(number)
    orders.forget(number)
    starting.forget(number)
    await Promise.all((hosted?.kept ?? []).map((server) => server.end()))
    // As slowly as their cells have made them large, where no disk of their own holds them: nobody waits for it.
    if (hosted?.parent !== undefined) this.#clear(this.#clearDelegations())
    const lost = hosted?.lost ?? hosted?.services.gone()
    let closed = false
    if (hosted !== undefined && lost === undefined) {
      const told = hosted.services.tell({ kind: 'ended', number, receipt: asJson({ exit, teardown }) })
      closed = told.ok && (await hosted.services.said('cell-closed', number)).ok
    }
    cells.endOver(number)
    // A gateway that has not closed it may have lowered it and be gone since, known or not; nothing else finds it any more.
    if (hosted !== undefined && hosted.lost === undefined && !closed)
      await orders.fenceAsTold([cell.id], newOrderId()).catch(() => undefined)
    if (hosted === undefined || lost !== undefined) return { exit, teardown, ...(lost !== undefined && { lost }) }
    const again = await after.act?.()
    return { exit, teardown, ...(again && { again }) }
  }

  /** Removes what an earlier run has thrown away, and was ended before it was gone. */
  sweep(): void {
    const { state, warden } = this.#options.ground
    const swept = async () => {
      const directory = state.workspace('')
      for (const name of readableNamesIn(directory)) await warden.workspaces.sweep(join(directory, name))
    }
    this.#clear(swept())
  }

  /** Waits for what is being removed, as long as a close may take for it; then it goes on, or the next start does it. */
  async cleared(): Promise<void> {
    await Promise.race([Promise.all(this.#clearings), delay(CLEARING_MS_MAX, undefined, { ref: false })])
  }

  #clear(work: Promise<void>): void {
    const clearing = work
      .catch(() => undefined)
      .finally(() => {
        this.#clearings.delete(clearing)
      })
    this.#clearings.add(clearing)
  }

  /** Ends what a cell has delegated; what is being started for it does not begin. */
  async #endBelow(number: number): Promise<void> {
    const { cells, starting } = this.#options.ground
    starting.stop(number, 'it has ended')
    const below = cells.delegatedFrom(number)
    const unborn = starting.all().filter((start) => start.parent === number)
    for (const start of unborn) starting.stop(start.number, 'the cell that delegates to it has ended')
    await Promise.all(below.map(({ cell }) => cell.halt('killed')))
    await Promise.all([...below.map(({ ended }) => ended), ...unborn.map(({ over }) => over)])
  }

  async #clearDelegations(): Promise<void> {
    const { cells, config, starting, state, warden } = this.#options.ground
    const isLive = (name: string) =>
      cells.all().some(([, { workspace }]) => workspace === name) ||
      starting.all().some(({ agent, id }) => delegatedWorkspace(agent.name, id) === name)
    const isNamed = (name: string) => [...config.agents.keys()].some((agent) => agent === name)
    const standing = starting.standing.bind(starting)
    await clearDelegations(state, {
      stays: (name) => isNamed(name) || isLive(name.split('+')[0] ?? name) || isEvidence(name, standing),
      discard: (changes) => warden.workspaces.discard(changes),
    })
  }
}

/** Ends a cell, and does `then` once nothing of it is left; returns what came of it. */
export async function beginAgain(
  cell: Cell,
  ended: Promise<Ended>,
  after: AfterEnd,
  then: () => Promise<Result<void, string>>,
): Promise<Result<void, string>> {
  if (after.act !== undefined) return no('somebody restores its files already')
  after.act = then
  const killed = await cell.halt('killed')
  // Then it goes on, and its files stay what they are.
  if (!killed.ok) delete after.act
  if (!killed.ok) return no(`${cell.id} cannot be ended: nothing was restored`)
  const { again, lost } = await ended
  return again ?? no(`${cell.id} was ended, and nothing restored: ${lost ?? 'it had ended before'}`)
}

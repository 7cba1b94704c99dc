import type { Agent } from '../../config/config.ts'
import type { AgentName, CellId } from '../../model/index.ts'
import type { Starting } from '../services/starting.ts'
import type { CellLineage } from '../services/told-cells.ts'
import type { HostedCell } from './hosted-cell.ts'

/** The cells of one environment that run, and those that have ended while their gateway does not know it yet. */
export class LiveCells {
  readonly #starting: Starting
  readonly #live = new Map<number, HostedCell>()
  readonly #ending = new Map<number, HostedCell>()

  constructor(starting: Starting) {
    this.#starting = starting
  }

  begin(number: number, cell: HostedCell): void {
    this.#live.set(number, cell)
  }

  /** Returns a cell that runs. */
  get(number: number): HostedCell | undefined {
    return this.#live.get(number)
  }

  /** Returns a cell that has ended while its gateway does not know it yet. */
  ending(number: number): HostedCell | undefined {
    return this.#ending.get(number)
  }

  /** Returns all cells that run, with their numbers. */
  all(): readonly (readonly [number: number, cell: HostedCell])[] {
    return [...this.#live]
  }

  /** Returns the cells that run and were delegated from this one directly. */
  delegatedFrom(parent: number): readonly HostedCell[] {
    return [...this.#live.values()].filter((cell) => cell.parent === parent)
  }

  /** Takes a cell from those that run: its gateway is still to hear of its end. */
  beginEnd(number: number): void {
    const cell = this.#live.get(number)
    if (cell !== undefined) this.#ending.set(number, cell)
    this.#live.delete(number)
  }

  endOver(number: number): void {
    this.#ending.delete(number)
  }

  /** Returns the agent of a cell that runs, is starting or is ending. */
  agentOf(number: number): Agent | undefined {
    return (this.#live.get(number) ?? this.#starting.get(number) ?? this.#ending.get(number))?.agent
  }

  /** Returns the names of the agents of these cells, each once. */
  agentsOf(numbers: readonly number[]): readonly AgentName[] {
    return [...new Set(numbers.flatMap((number) => this.agentOf(number)?.name ?? []))]
  }

  /** Returns the numbers of cells that run, are ending or are starting and that `isMeant` tells, in that order. */
  meant(isMeant: (cell: CellId, agent: Agent) => boolean): readonly number[] {
    const begun = [...this.#live, ...this.#ending].map(([number, { cell, agent }]) => ({ number, id: cell.id, agent }))
    return [...begun, ...this.#starting.all()].flatMap(({ number, id, agent }) => (isMeant(id, agent) ? [number] : []))
  }

  /** Returns a cell that runs or starts, and those that it was delegated from, itself first. */
  lineOf(number: number): CellLineage {
    const start = this.#starting.get(number)
    const live = this.#live.get(number)
    const cell = start?.id ?? live?.cell.id
    const { agent, parent } = start ?? live ?? {}
    if (cell === undefined || agent === undefined) return []
    return [{ cell, agent }, ...(parent === undefined ? [] : this.lineOf(parent))]
  }

  /** Returns these cells and all that was delegated from them. */
  withBelow(numbers: readonly number[]): readonly number[] {
    const all = new Set(numbers)
    // By number: a cell has a higher one than the cell that delegates to it (PN1).
    const begun = [...this.#live, ...this.#ending].map(([number, { parent }]) => ({ number, parent }))
    const every = [...begun, ...this.#starting.all()]
    for (const { number, parent } of every.toSorted((a, b) => a.number - b.number))
      if (parent !== undefined && all.has(parent)) all.add(number)
    return [...all]
  }
}

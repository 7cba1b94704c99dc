import type { Agent } from '../../config/config.ts'
import type { CellId } from '../../model/index.ts'

/** A cell, its agent, and those that it was delegated from, itself first. */
export type CellLineage = readonly { readonly cell: CellId; readonly agent: Agent }[]

/** Tells whether an order means a cell of this agent; undefined: one of its cells, of which it is not known any more which. */
export type IsMeant = (cell: CellId | undefined, agent: Agent) => boolean

/** Cells of which one server keeps a line; of older ones the agents are kept. */
const LINES_MAX = 1_024

/**
 * The cells that one server has had, also those that have ended: it may go on with what each has told it.
 */
export class ToldCells {
  readonly #lines = new Map<number, CellLineage>()
  /** Agents of cells whose lines are not kept any more. */
  readonly #forgotten = new Set<Agent>()

  /** Takes note of a cell that has the server from here on, among those that have it now. */
  has(number: number, line: CellLineage, now: ReadonlySet<number>): void {
    this.#lines.set(number, line)
    const ended = [...this.#lines.keys()].filter((each) => !now.has(each))
    for (const oldest of ended.slice(0, Math.max(0, ended.length - LINES_MAX))) {
      for (const { agent } of this.#lines.get(oldest) ?? []) this.#forgotten.add(agent)
      this.#lines.delete(oldest)
    }
  }

  /** Returns the agents of cells that an order means, themselves or by what they were delegated from. */
  meant(isMeant: IsMeant): readonly Agent[] {
    const lines = [...this.#lines.values()].filter((line) => line.some(({ cell, agent }) => isMeant(cell, agent)))
    const forgotten = [...this.#forgotten].filter((agent) => isMeant(undefined, agent))
    return [...new Set([...lines.flatMap(([first]) => first?.agent ?? []), ...forgotten])]
  }

  /** Forgets all but these cells: what had been told is gone. */
  only(numbers: ReadonlySet<number>): void {
    for (const number of this.#lines.keys()) if (!numbers.has(number)) this.#lines.delete(number)
    this.#forgotten.clear()
  }
}

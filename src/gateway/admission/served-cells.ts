import type { AgentName, CellId } from '../../model/index.ts'
import type { Line } from '../pipeline/line.ts'
import type { Door } from '../protocols/protocol.ts'
import type { ServedCell } from './served-cell.ts'

/** A cell that is served: its doors, and the lines that end with it. */
export interface Serving {
  readonly cell: ServedCell
  readonly doors: readonly Pick<Door, 'close'>[]
  readonly own: readonly Line[]
  /** True once the ledger has the cell's start, so that what is told of it is told of a cell that is known. */
  started: boolean
}

/** The cells that a gateway serves, by the warden's numbers. */
export class ServedCells {
  readonly #all = new Map<number, Serving>()

  get numbers(): readonly number[] {
    return [...this.#all.keys()]
  }

  get all(): readonly Serving[] {
    return [...this.#all.values()]
  }

  /** Adds a cell in this tick: an order to it that comes next finds it. */
  add(live: Serving): void {
    this.#all.set(live.cell.number, live)
  }

  live(number: number): Serving | undefined {
    return this.#all.get(number)
  }

  get(number: number): ServedCell | undefined {
    return this.#all.get(number)?.cell
  }

  byId(id: CellId): ServedCell | undefined {
    return this.all.find(({ cell }) => cell.id === id)?.cell
  }

  ofAgent(agent: AgentName): readonly ServedCell[] {
    return this.all.map(({ cell }) => cell).filter((cell) => cell.authority.agent === agent)
  }

  remove(number: number): void {
    this.#all.delete(number)
  }
}

/** Closes the doors of a cell, with every connection that came in, and the lines that are its own. */
export function shutDoors({ doors, own }: Serving): void {
  const faults: unknown[] = []
  for (const each of [...doors, ...own]) {
    try {
      each.close()
    } catch (error) {
      faults.push(error)
    }
  }
  if (faults.length > 0) throw new AggregateError(faults, 'a door could not be closed')
}

import type { Starting } from '../services/starting.ts'
import type { Fences } from './fences.ts'
import { type Fencing, fenceByOrders } from './stop.ts'

/** An order by which agents are not fenced, and why. */
export interface Unwritten extends Fencing {
  readonly problem: string
}

export interface FenceAgainOptions {
  readonly fences: Fences
  readonly starting: Pick<Starting, 'fenced' | 'unfenced'>
  /** Milliseconds before the first try, and between two at most. */
  readonly pace?: { readonly firstMs: number; readonly maxMs: number }
}

/**
 * Writes the fences of orders that stand in a process and not on disk (ST3), again and again, until each is there or a
 * person has released its agents: a disk that was full may have room again.
 */
export class FenceAgain {
  readonly #options: FenceAgainOptions
  #timer: NodeJS.Timeout | undefined
  #trying: Promise<unknown> = Promise.resolve()
  #over = false

  constructor(options: FenceAgainOptions) {
    this.#options = options
  }

  /** Hears that a fence was not confirmed. */
  later(): void {
    const { firstMs } = this.#options.pace ?? PACE
    if (this.#timer === undefined) this.#wait(firstMs)
  }

  /** Tries once more, for the last time, and returns what has no fence. */
  async last(): Promise<readonly Unwritten[]> {
    this.#over = true
    clearTimeout(this.#timer)
    await this.#trying
    return this.#try()
  }

  #wait(ms: number): void {
    if (this.#over) return
    const { maxMs } = this.#options.pace ?? PACE
    const again = async () => {
      const left = await this.#try()
      this.#timer = undefined
      if (left.length > 0) this.#wait(Math.min(ms * 2, maxMs))
    }
    this.#timer = setTimeout(() => {
      this.#trying = again()
    }, ms).unref()
  }

  async #try(): Promise<readonly Unwritten[]> {
    const { starting, fences } = this.#options
    if (starting.unfenced().length === 0) return []
    let held: readonly Fencing[] = []
    const fenced = await fenceByOrders(fences, () => {
      held = starting.unfenced()
      return held
    })
    if (!fenced.ok) return starting.unfenced().map((each) => ({ ...each, problem: fenced.reason }))
    for (const { order } of held) starting.fenced(order)
    return []
  }
}

/** A full disk has seldom room within a second; one that has it is found within ten. */
const PACE = { firstMs: 500, maxMs: 10_000 }

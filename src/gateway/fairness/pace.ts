import { setTimeout as delay } from 'node:timers/promises'
import { LIMITS } from '../../model/index.ts'

/**
 * The pace of a watched cell: what comes faster waits in line, one after the other, and is decided when its turn comes,
 * by the rung of that moment. Nothing is refused for it: honest work is only slowed.
 */
export class Pace {
  #left: number
  #countedAtMs: number
  #line: Promise<void> = Promise.resolve()

  readonly #wait: (ms: number) => Promise<unknown>

  /** `left` of its actions at once: none, where it is not known what was left. */
  constructor(
    nowMs: number,
    wait: (ms: number) => Promise<unknown> = delay,
    left: number = LIMITS.watchedActionsBurst,
  ) {
    this.#left = left
    this.#countedAtMs = nowMs
    this.#wait = wait
  }

  waitForPace(nowMs: () => number): Promise<void> {
    const mine = this.#line.then(() => this.#take(nowMs))
    this.#line = mine
    return mine
  }

  async #take(nowMs: () => number): Promise<void> {
    for (let lackMs = this.#lackMs(nowMs()); lackMs > 0; lackMs = this.#lackMs(nowMs())) await this.#wait(lackMs)
    this.#left--
  }

  #lackMs(nowMs: number): number {
    const passedMs = Math.max(0, nowMs - this.#countedAtMs)
    this.#countedAtMs = nowMs
    const more = (passedMs / 1_000) * LIMITS.watchedActionsPerSecond
    this.#left = Math.min(LIMITS.watchedActionsBurst, this.#left + more)
    return this.#left >= 1 ? 0 : Math.ceil(((1 - this.#left) / LIMITS.watchedActionsPerSecond) * 1_000)
  }
}

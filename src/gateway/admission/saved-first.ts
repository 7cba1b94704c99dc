import { LIMITS } from '../../model/index.ts'

/** The reason why the files were not saved; undefined where they were. */
type Said = (problem: string | undefined) => void

/**
 * One cell's actions that cannot be taken back wait here until the warden has saved its files.
 *
 * - SF1  What an action waits for was begun after it was asked: one that comes while the warden is at it waits for the next.
 * - SF2  One question of a cell is under way, whatever waits; and an answer is never taken for that of a later question.
 * - SF3  Nothing waits longer than the bound, and then it is told that its files were not saved.
 */
export class SavedFirst {
  readonly #ask: () => void
  readonly #waitMsMax: number
  /** Actions that the question under way is for. */
  #asked: Set<Said> | undefined
  #next = new Set<Said>()

  /** @param ask tells the warden; its answer comes to `heard`. */
  constructor(ask: () => void, waitMsMax: number = LIMITS.checkpointWaitMsMax) {
    this.#ask = ask
    this.#waitMsMax = waitMsMax
  }

  /** Resolves with why they were not saved. */
  saved(gone: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      const end = (problem: string | undefined): void => {
        clearTimeout(timer)
        gone.removeEventListener('abort', onGone)
        this.#next.delete(end)
        this.#asked?.delete(end)
        resolve(problem)
      }
      const onGone = (): void => end('the cell is gone')
      const timer = setTimeout(() => end(`it was not done within ${this.#waitMsMax} ms`), this.#waitMsMax)
      gone.addEventListener('abort', onGone)
      this.#next.add(end)
      this.#go()
    })
  }

  /** The warden's answer to the question that is under way. */
  heard(problem: string | undefined): void {
    const asked = this.#asked ?? new Set()
    this.#asked = undefined
    for (const said of [...asked]) said(problem)
    this.#go()
  }

  #go(): void {
    if (this.#asked !== undefined || this.#next.size === 0) return
    this.#asked = this.#next
    this.#next = new Set()
    this.#ask()
  }
}

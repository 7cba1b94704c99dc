import type { UsedWindow } from './used-window.ts'

/** Sums kept for a window. More would return old use sooner, and cost memory for each budget. */
const PARTS = 60

/**
 * The sum of what was added over the last `windowMs`, in 61 parts of a ring: the oldest part counts whole until all of
 * it is past, so the sum is never too small.
 */
export class SlidingWindow implements UsedWindow {
  readonly #partMs: number
  readonly #sums: bigint[] = Array(PARTS + 1).fill(0n)
  /**
   * Number of the part that each sum belongs to, counted from the epoch; an older number has not been overwritten yet.
   */
  readonly #parts: number[] = Array(PARTS + 1).fill(-1)

  /** The sum, which stays what it is until the oldest part is past: asked for on every call. */
  #known = 0n
  #knownUntilMs = 0
  #knownFromMs = 0

  constructor(windowMs: number) {
    this.#partMs = Math.max(1, Math.ceil(windowMs / PARTS))
  }

  /**
   * Adds an amount; `nowMs` is never less than the `atMs` of anything added. An amount that is past the window by now
   * is not added.
   */
  add(atMs: number, amount: bigint, nowMs: number): void {
    const part = Math.floor(atMs / this.#partMs)
    if (!this.#counts(part, nowMs)) return
    const at = part % (PARTS + 1)
    if (this.#parts[at] !== part) this.#sums[at] = 0n
    this.#parts[at] = part
    this.#sums[at] = (this.#sums[at] ?? 0n) + amount
    // What was overwritten was past already: the known sum is right for as long as this part counts, too.
    this.#known += amount
    this.#knownUntilMs = Math.min(this.#knownUntilMs, this.#pastAtMs(part))
  }

  sum(nowMs: number): bigint {
    if (nowMs >= this.#knownFromMs && nowMs < this.#knownUntilMs) return this.#known
    let sum = 0n
    let untilMs = Number.POSITIVE_INFINITY
    for (const [at, part] of this.#parts.entries()) {
      if (!this.#counts(part, nowMs)) continue
      sum += this.#sums[at] ?? 0n
      untilMs = Math.min(untilMs, this.#pastAtMs(part))
    }
    this.#known = sum
    this.#knownFromMs = nowMs
    this.#knownUntilMs = untilMs
    return sum
  }

  /** Returns when the sum will be `limit` or less, if nothing is added; undefined for never. */
  belowAtMs(limit: bigint, nowMs: number): number | undefined {
    if (limit < 0n) return undefined
    let atMs = nowMs
    for (const part of this.#parts.toSorted((a, b) => a - b)) {
      if (this.sum(atMs) <= limit) break
      if (this.#counts(part, atMs)) atMs = this.#pastAtMs(part)
    }
    return atMs
  }

  /** A part of which any moment is in the window that ends now. */
  #counts(part: number, nowMs: number): boolean {
    return nowMs < this.#pastAtMs(part)
  }

  #pastAtMs(part: number): number {
    return (part + PARTS + 1) * this.#partMs
  }
}

/** Sums kept for a window. More would return old use sooner, and cost memory for each budget. */
const PARTS = 60

/**
 * The sum of what was added over the last `windowMs`, in 61 parts of a ring: the oldest part counts whole until all of
 * it is past, so the sum is never too small.
 */
export class SlidingWindow {
  readonly #partMs: number
  readonly #sums: bigint[] = Array(PARTS + 1).fill(0n)
  /** Which part each sum is of, counted from the epoch: an older one has not been overwritten yet. */
  readonly #parts: number[] = Array(PARTS + 1).fill(-1)

  constructor(windowMs: number) {
    this.#partMs = Math.max(1, Math.ceil(windowMs / PARTS))
  }

  /** `nowMs` is never less than the `atMs` of anything added. What is past the window by now is not added. */
  add(atMs: number, amount: bigint, nowMs: number): void {
    const part = Math.floor(atMs / this.#partMs)
    if (!this.#counts(part, nowMs)) return
    const at = part % (PARTS + 1)
    if (this.#parts[at] !== part) this.#sums[at] = 0n
    this.#parts[at] = part
    this.#sums[at] = (this.#sums[at] ?? 0n) + amount
  }

  sum(nowMs: number): bigint {
    let sum = 0n
    for (let at = 0; at <= PARTS; at++) if (this.#counts(this.#parts[at] ?? -1, nowMs)) sum += this.#sums[at] ?? 0n
    return sum
  }

  /** When the sum will be `limit` or less, if nothing is added. */
  belowAtMs(limit: bigint, nowMs: number): number {
    let atMs = nowMs
    for (const part of this.#parts.toSorted((a, b) => a - b)) {
      if (this.sum(atMs) <= limit) break
      if (this.#counts(part, atMs)) atMs = (part + PARTS + 1) * this.#partMs
    }
    return atMs
  }

  /** A part of which any moment is in the window that ends now. */
  #counts(part: number, nowMs: number): boolean {
    return part >= 0 && nowMs < (part + PARTS + 1) * this.#partMs
  }
}

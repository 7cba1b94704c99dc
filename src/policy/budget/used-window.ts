/** The use of one budget over its window. `nowMs` never steps back from call to call of `add`. */
export interface UsedWindow {
  /**
   * Adds an amount that was used at `atMs`, which is at most `nowMs`. An amount that the window no longer holds by now
   * is not added.
   */
  add(atMs: number, amount: bigint, nowMs: number): void
  sum(nowMs: number): bigint
  /** Returns when the sum will be `limit` or less, if nothing is added; undefined for never. */
  belowAtMs(limit: bigint, nowMs: number): number | undefined
}

/** Stretches of time, epoch ms, both ends included, oldest first; the last one may go on (`null`). */
export type Spans = readonly (readonly [fromMs: number, toMs: number | null])[]

export const ALWAYS: Spans = [[0, null]]

export function inSpans(spans: Spans, atMs: number): boolean {
  return spans.some(([from, to]) => from <= atMs && (to === null || atMs <= to))
}

/**
 * Time as a file system has lived it that was put back to what it was at `thenMs`: all until then, and all from `nowMs` on.
 * Past `SPANS_MAX` the oldest gap is closed: then more counts than has to, never less.
 */
export function putBack(spans: Spans, thenMs: number, nowMs: number): Spans {
  const lived = spans
    .filter(([from]) => from <= thenMs)
    .map(([from, to]) => [from, Math.min(to ?? thenMs, thenMs)] as const)
  const [first, second, ...rest] = [...lived, [nowMs, null] as const]
  if (first === undefined || second === undefined || lived.length < SPANS_MAX) return [...lived, [nowMs, null]]
  return [[first[0], second[1]], ...rest]
}

export const SPANS_MAX = 64

import type { TimelineMoment, Tone } from './incident.ts'
import type { Wording } from './wording.ts'

/** Moments that a page shows, as many as a person reads; the rest is counted. */
export const MOMENTS_MAX = 160
/** Different things that are counted side by side before the rest of them share one line. */
const KINDS_MAX = 24

interface Growing {
  readonly seq: number
  readonly atMs: number
  lastAtMs: number
  count: number
  readonly tone: Tone
  readonly what: Wording
  readonly weight: number
}

export interface At {
  readonly seq: number
  readonly atMs: number
}

/**
 * The moments of an incident, in order and in bounded room. A turn stands alone and ends the runs before it; between
 * two turns, equal moments are counted together, so that two alternating calls are two lines and not a thousand.
 */
export class Timeline {
  #moments: Growing[] = []
  readonly #runs = new Map<string, Growing>()
  #leftOut = 0

  /** @param weight 3 stays longest where there is no room. */
  turn(at: At, what: Wording, tone: Tone, weight = 3): void {
    this.#runs.clear()
    this.#add({ seq: at.seq, atMs: at.atMs, lastAtMs: at.atMs, count: 1, tone, what, weight })
  }

  /** Returns what takes it back. */
  run(key: string, at: At, what: Wording, tone: Tone, times = 1, weight = 1): () => void {
    const known = this.#runs.get(key) ?? (this.#runs.size >= KINDS_MAX ? this.#runs.get(OTHERS) : undefined)
    if (known !== undefined) {
      known.count += times
      known.lastAtMs = at.atMs
      return takesBack(known, times)
    }
    const isFull = this.#runs.size >= KINDS_MAX
    const { seq, atMs } = at
    const shown = isFull ? OTHERS_TEXT : what
    const run: Growing = { seq, atMs, lastAtMs: atMs, count: times, tone, what: shown, weight }
    this.#runs.set(isFull ? OTHERS : key, run)
    this.#add(run)
    return takesBack(run, times)
  }

  result(): { readonly moments: readonly TimelineMoment[]; readonly leftOut: number } {
    this.#thin(MOMENTS_MAX)
    return { moments: this.#moments.map(({ weight: _, ...moment }) => moment), leftOut: this.#leftOut }
  }

  #add(moment: Growing): void {
    this.#moments.push(moment)
    if (this.#moments.length >= 4 * MOMENTS_MAX) this.#thin(2 * MOMENTS_MAX)
  }

  /** The lightest go first, and of those the ones in the middle: how it began and how it ended is what is asked. */
  #thin(max: number): void {
    const moments = this.#moments.filter(({ count }) => count > 0)
    const far = (i: number) => Math.min(i, moments.length - 1 - i)
    const order = moments.map(({ weight }, i) => ({ i, weight }))
    order.sort((a, b) => b.weight - a.weight || far(a.i) - far(b.i))
    const kept = new Set(order.slice(0, max).map(({ i }) => i))
    for (const [i, { count }] of moments.entries()) if (!kept.has(i)) this.#leftOut += count
    if (kept.size < moments.length) this.#runs.clear()
    this.#moments = moments.filter((_, i) => kept.has(i))
  }
}

function takesBack(run: Growing, times: number): () => void {
  return () => {
    run.count -= times
  }
}

const OTHERS = '\0others'
const OTHERS_TEXT: Wording = ['other things, each of which came once or a few times']

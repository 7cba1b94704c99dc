/** Bounded memory of what came lately: everything a detector keeps is one of these. */

/** Keys that are told apart at a time; the one that was used longest ago is forgotten first. */
export const KEYS_MAX = 64
/** A cell that makes many different calls in between pushes out what it repeats: see each detector's blind spots. */

/** The time of an event, and its place in the log. */
export interface EventTime {
  readonly atMs: number
  readonly seq: number
}

/** Times of one thing: those of the window, as many as are asked for. */
export class RecentTimes {
  #seen: EventTime[] = []

  /** Adds one event and returns how many there were within the window, this one included, up to `max`. */
  add(atMs: number, seq: number, windowMs: number, max: number): number {
    while (this.#seen.length > 0 && (this.#seen.length >= max || this.#isPast(atMs, windowMs))) this.#seen.shift()
    this.#seen.push({ atMs, seq })
    return this.#seen.length
  }

  get seqs(): readonly number[] {
    return this.#seen.map(({ seq }) => seq)
  }

  /** A clock that went back forgets nothing. */
  #isPast(atMs: number, windowMs: number): boolean {
    const [oldest] = this.#seen
    return oldest !== undefined && atMs - oldest.atMs > windowMs
  }
}

/** Values by key, the last used last; past `max` the first goes. */
export class RecentValues<V> {
  readonly #values = new Map<string, V>()
  readonly #max: number

  constructor(max = KEYS_MAX) {
    this.#max = max
  }

  get size(): number {
    return this.#values.size
  }

  use(key: string, make: () => V): V {
    const short = shortKey(key)
    const value = this.#values.get(short) ?? make()
    this.#values.delete(short)
    this.#values.set(short, value)
    if (this.#values.size > this.#max) {
      const [oldest] = this.#values.keys()
      if (oldest !== undefined) this.#values.delete(oldest)
    }
    return value
  }

  has(key: string): boolean {
    return this.#values.has(shortKey(key))
  }
}

/**
 * A map that keeps its newest keys: past `max` the one that was set first goes. It stays where it was in its own order,
 * because a new walk over a map steps over all that was deleted from its front.
 */
export class NewestMap<K, V> extends Map<K, V> {
  readonly #max: number
  readonly #order = this.keys()

  constructor(max: number) {
    super()
    this.#max = max
  }

  override set(key: K, value: V): this {
    super.set(key, value)
    if (this.size > this.#max) {
      const oldest = this.#order.next()
      if (!oldest.done) this.delete(oldest.value)
    }
    return this
  }
}

/** A sum over a window, in so many parts of it: it forgets one part at a time. */
export class WindowSum {
  readonly #parts: { readonly part: number; sum: number; first: number }[] = []

  add(atMs: number, seq: number, amount: number, windowMs: number): number {
    const part = Math.floor(atMs / (windowMs / PARTS))
    while (this.#parts.length > 0 && (this.#parts[0]?.part ?? part) <= part - PARTS) this.#parts.shift()
    const last = this.#parts.at(-1)
    if (last !== undefined && last.part >= part) last.sum += amount
    else this.#parts.push({ part, sum: amount, first: seq })
    return this.#parts.reduce((sum, each) => sum + each.sum, 0)
  }

  /** The first entry of each part. */
  get seqs(): readonly number[] {
    return this.#parts.map(({ first }) => first)
  }
}

const PARTS = 24

/** Long keys by their length and two sums of 32 bits (FNV-1a): who makes two of them equal is found twice, not missed. */
export function shortKey(text: string): string {
  if (text.length <= 64) return text
  let a = 0x811c9dc5
  let b = 0x9dc5811c
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x85ebca6b) + i
  }
  return `${text.length}:${(a >>> 0).toString(36)}:${(b >>> 0).toString(36)}`
}

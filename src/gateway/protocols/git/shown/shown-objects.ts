import { Buffer } from 'node:buffer'
import { unitedText } from '../repository-pattern.ts'

/** Names of objects that are remembered of all repositories of one cell together, beside those of the newest list. */
export const SHOWN_MAX = 131_072
/** Repositories of which something is remembered. */
export const SHOWN_REPOSITORIES_MAX = 256

/**
 * Objects that lists of refs have shown to one cell of one git server, each with the patterns that have shown it.
 *
 * - SO1  An object counts as shown by the patterns that have shown it, and by no other.
 * - SO2  It holds at most `namesMax` names; those of the repository that was longest not asked for go first.
 */
export class ShownObjects {
  readonly #namesMax: number
  /**
   * Names of objects by repository, that which was asked for longest ago first. Each name is kept as its bytes, with its
   * patterns as one text: few texts are shared by many names.
   */
  readonly #known = new Map<string, Map<string, string>>()
  #size = 0

  constructor(namesMax: number = SHOWN_MAX) {
    this.#namesMax = namesMax
  }

  /** Number of names that are remembered. */
  get size(): number {
    return this.#size
  }

  /** Remembers the objects that a list has shown, each with its patterns. */
  add(repository: string, objects: ReadonlyMap<string, string>): void {
    const names = this.#known.get(repository) ?? new Map<string, string>()
    this.#forget(repository)
    // Many names have the same two texts.
    const united = new Map<string, string>()
    for (const [object, by] of objects) {
      const name = bytesOf(object)
      const before = names.get(name)
      if (before === by || (before === undefined && names.size >= this.#namesMax)) continue
      const both = `${before ?? ''}\0${by}`
      const text = before === undefined ? by : (united.get(both) ?? unitedText(before, by))
      if (before !== undefined) united.set(both, text)
      names.set(name, text)
    }
    if (names.size === 0) return
    this.#known.set(repository, names)
    this.#size += names.size
    for (const oldest of this.#known.keys()) {
      if (this.#size <= this.#namesMax && this.#known.size <= SHOWN_REPOSITORIES_MAX) break
      if (oldest !== repository) this.#forget(oldest)
    }
  }

  /** Returns the patterns that have shown an object of a repository, as one text; empty where none has. */
  by(repository: string, object: string): string {
    return this.#known.get(repository)?.get(bytesOf(object)) ?? ''
  }

  #forget(repository: string): void {
    this.#size -= this.#known.get(repository)?.size ?? 0
    this.#known.delete(repository)
  }
}

function bytesOf(object: string): string {
  return Buffer.from(object, 'hex').toString('latin1')
}

import { Buffer } from 'node:buffer'

/** Names of objects that are remembered of all repositories of one cell together, beside those of the newest list. */
export const SHOWN_MAX = 131_072
/** Repositories of which something is remembered. */
export const SHOWN_REPOSITORIES_MAX = 256

/**
 * Objects that lists of refs have shown to one cell of one git server.
 *
 * - SO1  An object counts as shown for as long as the patterns are in force that have shown it.
 * - SO2  It holds at most `namesMax` names; those of the repository that was longest not asked for go first.
 */
export class ShownObjects {
  readonly #namesMax: number
  /** Names of objects by repository, that which was asked for longest ago first. Each name is kept as its bytes. */
  readonly #known = new Map<string, { readonly by: string; readonly names: Set<string> }>()
  #size = 0

  constructor(namesMax: number = SHOWN_MAX) {
    this.#namesMax = namesMax
  }

  /** Number of names that are remembered. */
  get size(): number {
    return this.#size
  }

  /** Remembers the objects that a list has shown under these patterns. */
  add(repository: string, by: string, objects: Iterable<string>): void {
    const before = this.#known.get(repository)
    this.#forget(repository)
    const names = before?.by === by ? before.names : new Set<string>()
    for (const object of objects) if (names.size < this.#namesMax) names.add(bytesOf(object))
    if (names.size === 0) return
    this.#known.set(repository, { by, names })
    this.#size += names.size
    for (const oldest of this.#known.keys()) {
      if (this.#size <= this.#namesMax && this.#known.size <= SHOWN_REPOSITORIES_MAX) break
      if (oldest !== repository) this.#forget(oldest)
    }
  }

  /** Returns the objects of a repository that were shown under these patterns. */
  of(repository: string, by: string): Pick<ReadonlySet<string>, 'has'> {
    const known = this.#known.get(repository)
    return { has: (object) => known?.by === by && known.names.has(bytesOf(object)) }
  }

  #forget(repository: string): void {
    this.#size -= this.#known.get(repository)?.names.size ?? 0
    this.#known.delete(repository)
  }
}

function bytesOf(object: string): string {
  return Buffer.from(object, 'hex').toString('latin1')
}

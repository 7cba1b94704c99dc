import type { LfsAction, LfsPlace } from './lfs-batch.ts'

/** Places that are remembered for one cell: a batch of 1,000 files that are sent has two for each. */
export const LFS_PLACES_MAX = 2_048

/** The places at which files are to be had and sent, as a server has told the gateway of one cell; the newest are remembered. */
export class LfsPlaces {
  readonly #known = new Map<string, LfsPlace>()

  add(repository: string, oid: string, action: LfsAction, place: LfsPlace): void {
    const key = keyOf(repository, oid, action)
    this.#known.delete(key)
    this.#known.set(key, place)
    const [oldest] = this.#known.keys()
    if (this.#known.size > LFS_PLACES_MAX && oldest !== undefined) this.#known.delete(oldest)
  }

  of(repository: string, oid: string, action: LfsAction): LfsPlace | undefined {
    return this.#known.get(keyOf(repository, oid, action))
  }
}

function keyOf(repository: string, oid: string, action: LfsAction): string {
  return `${action} ${oid} ${repository}`
}

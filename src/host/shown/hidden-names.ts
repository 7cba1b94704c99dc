import { firstPlaces, nextPlaces, type PathPattern, type PatternPlaces } from '../../model/text/pattern.ts'
import type { Lead } from '../prepare/cell-view.ts'

/**
 * Holds the patterns of `hide:` against every name that a path of a workspace has: a pattern goes on where a link leads,
 * through several and in circles, too. Made of the names that a walk sees, whose number is bounded; each directory is gone
 * through again only for places of the patterns that it has not had, so it ends.
 */
export class HiddenNames {
  readonly #patterns: readonly PathPattern[]
  /** Names in a directory, by its path; none where they cannot be seen. */
  readonly #names = new Map<string, string[]>([['', []]])
  readonly #links = new Map<string, Lead>()
  /** Places of each pattern that a directory is reached at. */
  readonly #reached = new Map<string, readonly Set<number>[]>()
  /** Patterns that meant a name, or may mean one in a directory that another hides. */
  readonly #met = new Set<PathPattern>()
  readonly #unfollowed = new Set<string>()

  constructor(patterns: readonly PathPattern[]) {
    this.#patterns = patterns
  }

  add(path: string, kind: 'directory' | 'other'): void {
    const at = path.lastIndexOf('/')
    this.#names.get(at === -1 ? '' : path.slice(0, at))?.push(path.slice(at + 1))
    if (kind === 'directory') this.#names.set(path, [])
  }

  addLink(path: string, lead: Lead): void {
    this.add(path, 'other')
    this.#links.set(path, lead)
  }

  /** Returns the paths that are meant by one of their names; of a link, what it leads to. */
  async hidden(turns: () => Promise<void> | undefined): Promise<ReadonlySet<string>> {
    const hidden = new Set<string>()
    const open = [{ directory: '', places: this.#patterns.map(firstPlaces) }]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const fresh = this.#fresh(next.directory, next.places)
      if (fresh.every((places) => places.size === 0)) continue
      for (const name of this.#names.get(next.directory) ?? []) {
        await turns()
        const path = next.directory === '' ? name : `${next.directory}/${name}`
        const lead = this.#links.get(path) ?? { to: 'workspace', path }
        const target = lead.to === 'workspace' ? lead.path : undefined
        const places = this.#patterns.map((pattern, i) => nextPlaces(pattern, fresh[i] ?? NOWHERE, name))
        const isMeant = this.#patterns.some((pattern, i) => places[i]?.has(pattern.length))
        if (isMeant) this.#meet(places, target !== undefined && this.#names.has(target))
        if (lead.to === 'unknown' && places.some(({ size }) => size > 0)) this.#unfollowed.add(path)
        if (target === undefined) continue
        if (isMeant) hidden.add(target)
        else if (this.#names.has(target)) open.push({ directory: target, places })
      }
    }
    // A link to the workspace itself: hiding all of it is not meant by hiding the link.
    hidden.delete('')
    return hidden
  }

  /** The links by which a pattern means more, or may, and of which it is not known where they lead. */
  get unfollowed(): readonly string[] {
    return [...this.#unfollowed]
  }

  /** Returns the patterns that meant nothing, once `hidden` has gone through the names. */
  unmet(): readonly string[] {
    return this.#patterns.filter((pattern) => !this.#met.has(pattern)).map((pattern) => pattern.join('/'))
  }

  #meet(places: readonly PatternPlaces[], isDirectory: boolean): void {
    for (const [i, pattern] of this.#patterns.entries())
      if (places[i]?.has(pattern.length) || (isDirectory && places[i]?.size)) this.#met.add(pattern)
  }

  /** Tells whether a pattern could mean something in a directory, by any name of it. */
  mayBeIn(directory: string): boolean {
    return this.#reached.get(directory)?.some((places) => places.size > 0) === true
  }

  /** Returns those of the places that the directory has not been gone through for, and remembers them. */
  #fresh(directory: string, places: readonly PatternPlaces[]): readonly PatternPlaces[] {
    const known = this.#reached.get(directory) ?? this.#patterns.map(() => new Set<number>())
    this.#reached.set(directory, known)
    return places.map((each, i) => {
      const fresh = [...each].filter((place) => known[i]?.has(place) === false)
      for (const place of fresh) known[i]?.add(place)
      return new Set(fresh)
    })
  }
}

const NOWHERE: PatternPlaces = new Set()

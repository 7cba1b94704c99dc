import { no, ok, type Result } from '../../../../model/index.ts'
import type { GitFetch } from '../fetch.ts'
import type { DecidedAlike, FindBest } from '../granted-patterns.ts'
import type { NamedPattern } from '../line.ts'
import { coversRef, isIn, mayCover } from '../repository-pattern.ts'
import type { ShownObjects } from './shown-objects.ts'

/** Names that are looked up at once. */
const STEP_NAMES = 256
/** Bytes that a name counts as: those of a step are more than go without a turn of their own. */
const NAME_BYTES = 72

/**
 * Returns the patterns with `fetch` by which a list of refs is decided, and whose refs it shows: of those that may show what one
 * beginning of a name asks for, the ones by which it is let through; the ones by which it waits for a person, where there are
 * only such. So what need not wait does not, and whoever asks for a ref by its name hears that it waits. What is refused is
 * left out, unless nothing else is there. Before each step it yields about as many bytes as are left to look at.
 */
export function* listedBy(
  { fetching, best }: Pick<FetchGround, 'fetching' | 'best'>,
  beginnings: readonly string[],
): Generator<number, readonly NamedPattern[], void> {
  const groups = new Groups(fetching)
  const all = beginnings.length === 0 ? [''] : beginnings
  for (const [i, each] of all.entries()) {
    if (i % STEP_NAMES === 0) yield (all.length - i) * NAME_BYTES
    groups.add((pattern) => mayCover(pattern, each))
  }
  const found = groups.decided(best).filter(({ verdict }) => verdict !== 'deny')
  return found.length === 0 ? best(fetching).patterns : groups.inOrder(found)
}

/** The patterns with `fetch` that a cell is granted of a repository, and what lists have shown of it. */
export interface FetchGround {
  readonly repository: string
  readonly fetching: readonly NamedPattern[]
  readonly shown: Pick<ShownObjects, 'by'>
  readonly best: FindBest
}

/**
 * Returns the patterns by which a fetch is decided: for each object that it wants those that have shown it or show everything,
 * for refs that it wants by their names those that show everything, and of these the ones that `best` finds. Where a history
 * is cut at a ref tells of that ref, too; commits that it has are its own business. The error is a name that no pattern shows.
 * Before each step it yields about as many bytes as are left to look at.
 */
export function* fetchedBy(
  { repository, fetching, shown, best }: FetchGround,
  { wants, wantedRefs, unwantedRefs }: Pick<GitFetch, 'wants' | 'wantedRefs' | 'unwantedRefs'>,
): Generator<number, Result<readonly NamedPattern[], string>, void> {
  const groups = new Groups(fetching)
  const texts = new Set<string>()
  for (const [i, want] of wants.entries()) {
    if (i % STEP_NAMES === 0) yield (wants.length - i) * NAME_BYTES
    const text = shown.by(repository, want)
    if (texts.has(text)) continue
    texts.add(text)
    if (!groups.add((pattern) => pattern.ref === undefined || isIn(text, pattern))) return no(want)
  }
  // What a ref stands for, where it is symbolic, only a list tells.
  const [first] = wantedRefs
  if (first !== undefined && !groups.add(({ ref }) => ref === undefined)) return no(first)
  for (const [i, ref] of unwantedRefs.entries()) {
    if (i % STEP_NAMES === 0) yield (unwantedRefs.length - i) * NAME_BYTES
    if (!groups.add((pattern) => coversRef(pattern, ref))) return no(ref)
  }
  return ok(groups.inOrder(groups.decided(best)))
}

/** Sets of patterns, of each of which one is enough for something. */
class Groups {
  readonly #all: readonly NamedPattern[]
  readonly #groups = new Map<string, readonly NamedPattern[]>()

  constructor(all: readonly NamedPattern[]) {
    this.#all = all
  }

  /** Adds the patterns that cover something; false where none does. */
  add(covers: (pattern: NamedPattern) => boolean): boolean {
    const group = this.#all.filter(covers)
    if (group.length > 0) this.#groups.set(group.map(({ text }) => text).join('\n'), group)
    return group.length > 0
  }

  decided(best: FindBest): readonly DecidedAlike[] {
    return [...this.#groups.values()].map(best)
  }

  /** Returns the patterns of decisions, each once. */
  inOrder(found: readonly DecidedAlike[]): readonly NamedPattern[] {
    const named = new Set(found.flatMap(({ patterns }) => patterns))
    return this.#all.filter((each) => named.has(each))
  }
}

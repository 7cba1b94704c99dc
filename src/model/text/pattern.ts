/**
 * A pattern for paths of a workspace, in parts between slashes: `*` and `?` stand for characters within one part, `**`
 * for any number of parts, none included, so that `src/**` is `src` and all below it. People write patterns; cells
 * choose the names that are matched against them, so matching takes time in proportion to the length of both.
 */
export type PathPattern = readonly string[]

export function pathPattern(text: string): PathPattern | undefined {
  const parts = text.split('/')
  const plain = parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\p{Cc}\\]/u.test(part))
  const wild = parts.every((part) => part === '**' || !part.includes('**'))
  return plain && wild && text.length <= CHARACTERS_MAX && parts.length <= PARTS_MAX ? parts : undefined
}

export function matchesPath(pattern: PathPattern, path: string): boolean {
  return placesAfter(pattern, path).has(pattern.length)
}

/** Tells whether the pattern could match something below this directory, the directory itself aside. */
export function mayMatchBelow(pattern: PathPattern, directory: string): boolean {
  return [...placesAfter(pattern, directory)].some((at) => at < pattern.length)
}

/** Tells whether the pattern matches this directory and everything that can ever be below it. */
export function matchesAllBelow(pattern: PathPattern, directory: string): boolean {
  return pattern.at(-1) === '**' && matchesPath(pattern, directory)
}

const CHARACTERS_MAX = 200
const PARTS_MAX = 32

/** The places in a pattern that a path has come to; at its length the path is meant. */
export type PatternPlaces = ReadonlySet<number>

/** Returns the places before anything of a path has been read. */
export function firstPlaces(pattern: PathPattern): PatternPlaces {
  return withoutSteps(pattern, [0])
}

/** Returns the places after one more part of a path. */
export function nextPlaces(pattern: PathPattern, places: PatternPlaces, part: string): PatternPlaces {
  const next: number[] = []
  for (const at of places) {
    const wanted = pattern[at]
    if (wanted === '**') next.push(at)
    else if (wanted !== undefined && matchesPart(wanted, part)) next.push(at + 1)
  }
  return withoutSteps(pattern, next)
}

function placesAfter(pattern: PathPattern, path: string): PatternPlaces {
  return path.split('/').reduce((places, part) => nextPlaces(pattern, places, part), firstPlaces(pattern))
}

/** Adds the places behind each `**`, which may stand for no part at all. */
function withoutSteps(pattern: PathPattern, places: readonly number[]): PatternPlaces {
  const all = new Set<number>()
  for (let at of places) {
    all.add(at)
    while (pattern[at] === '**') all.add(++at)
  }
  return all
}

/** The last `*` that was met takes one more whenever what follows it does not fit: never more than both lengths multiplied. */
function matchesPart(wanted: string, part: string): boolean {
  let [i, j, star, taken] = [0, 0, -1, 0]
  while (j < part.length) {
    if (wanted[i] === '*') {
      star = i++
      taken = j
    } else if (wanted[i] === '?' || wanted[i] === part[j]) {
      i++
      j++
    } else if (star >= 0) {
      i = star + 1
      j = ++taken
    } else return false
  }
  while (wanted[i] === '*') i++
  return i === wanted.length
}

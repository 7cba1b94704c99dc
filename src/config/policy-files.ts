import { type Dirent, lstatSync, opendirSync, statSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { no, ok, type Result } from '../model/result.ts'
import { matchesPath } from '../model/text/pattern.ts'

/**
 * Returns the paths that a pattern of `policies:` means, sorted; relative ones are below `directory`.
 *
 * `*` and `?` stand for characters of one name, `**` for any directories, and nothing else is special. Whoever orders a stop
 * reads a configuration that others wrote: the work is bounded by `STEPS_MAX`, whatever the pattern and the files are.
 *
 * @returns a sentence where the pattern is none, or means more than is looked at.
 */
export function policyFiles(
  pattern: string,
  directory: string,
  budget: PolicySteps = { left: STEPS_MAX },
): Result<readonly string[], string> {
  const special = /[{}[\]()!]/.exec(pattern)
  if (special !== null) return no(`"${special[0]}" has no meaning in a pattern: only *, ? and ** have`)
  const parts = pattern.split('/')
  if (pattern === '' || pattern.length > CHARACTERS_MAX || parts.some((part) => part.includes('**') && part !== '**'))
    return no('it is no pattern: ** stands alone between slashes')
  const walk = new Walk(directory, budget)
  walk.below('', parts)
  return budget.left < 0
    ? no(`more than ${STEPS_MAX} files lie where it may mean something: name a directory`)
    : ok([...walk.found].toSorted())
}

/** Looks at files and directories that are left, of all patterns of a configuration. */
export interface PolicySteps {
  left: number
}

const CHARACTERS_MAX = 1_024
export const STEPS_MAX = 100_000

class Walk {
  readonly found = new Set<string>()
  readonly #directory: string
  readonly #budget: PolicySteps

  constructor(directory: string, budget: PolicySteps) {
    this.#directory = directory
    this.#budget = budget
  }

  /** Adds what the parts of a pattern mean below a path, which ends in a slash where it is not empty. */
  below(path: string, [part = '', ...rest]: readonly string[]): void {
    if (--this.#budget.left < 0) return
    if (part === '**') {
      if (rest.length > 0) this.below(path, rest)
      for (const entry of this.#entries(path)) {
        if (entry.isDirectory()) this.below(`${path}${entry.name}/`, [part, ...rest])
        else if (rest.length === 0) this.#add(`${path}${entry.name}`)
      }
    } else if (/[*?]/.test(part)) {
      for (const { name } of this.#entries(path)) if (matchesPath([part], name)) this.#meet(`${path}${name}`, rest)
    } else this.#meet(`${path}${part}`, rest)
  }

  #meet(path: string, rest: readonly string[]): void {
    if (rest.length === 0) this.#add(path)
    else if (this.#isDirectory(`${path}/`)) this.below(`${path}/`, rest)
  }

  #add(path: string): void {
    if (isThere(() => lstatSync(this.#at(path)))) this.found.add(normalize(path))
  }

  #isDirectory(path: string): boolean {
    return isThere(() => statSync(this.#at(path)))
  }

  *#entries(path: string): Generator<Dirent> {
    let directory: ReturnType<typeof opendirSync>
    try {
      directory = opendirSync(this.#at(path))
    } catch {
      return
    }
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        if (--this.#budget.left < 0) return
        yield entry
      }
    } finally {
      directory.closeSync()
    }
  }

  #at(path: string): string {
    return path.startsWith('/') ? path : join(this.#directory, path)
  }
}

function isThere(look: () => unknown): boolean {
  try {
    look()
    return true
  } catch {
    return false
  }
}

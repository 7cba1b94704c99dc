import { matchesAllBelow, matchesPath, mayMatchBelow, type PathPattern } from '../../model/text/pattern.ts'
import type { Change, Left, WorkspaceDiff } from '../workspace.ts'
import { leastCareful } from './executes.ts'

/** The rule of a configuration by which changes land without a person who lists paths. */
export interface CommitRule {
  readonly allow: readonly PathPattern[]
  /** Patterns that land in no way, whoever asks. */
  readonly never: readonly PathPattern[]
}

export interface ByRule {
  readonly lands: readonly string[]
  /** Every other change, and why it stays. */
  readonly left: readonly Left[]
}

/**
 * - CR1  Nothing lands that no pattern allows, but the new directories that what lands lies in.
 * - CR2  Nothing lands that is never to, nor what would remove such a thing along with a directory.
 * - CR3  What a host would act upon by itself lands only if a person has named it in `confirmed`.
 */
export function byRule(
  { changes, executes }: Pick<WorkspaceDiff, 'changes' | 'executes'>,
  rule: CommitRule,
  confirmed: readonly string[] = [],
): ByRule {
  const yes = new Map(executes.map(({ path, why }) => [path, why]))
  const left = new Map<string, Left>()
  const lands = new Set<string>()
  for (const change of changes) {
    const { path } = change
    const why = whyNot(change, rule)
    const executes = confirmed.includes(path) ? undefined : yes.get(path)
    if (why !== undefined) left.set(path, { path, why })
    else if (executes !== undefined) left.set(path, { path, why: executes, needsPerson: true })
    else lands.add(path)
  }
  const made = new Map(
    changes.filter(({ kind, type }) => kind === 'added' && type === 'directory').map((each) => [each.path, each]),
  )
  for (const path of [...lands]) {
    for (let above = parentOf(path); above !== undefined && made.has(above); above = parentOf(above)) {
      if (neverOf(above, rule) !== undefined || (yes.has(above) && !confirmed.includes(above))) break
      lands.add(above)
      left.delete(above)
    }
  }
  return {
    lands: changes.flatMap(({ path }) => (lands.has(path) ? [path] : [])),
    left: [...left.values()],
  }
}

function whyNot({ path, kind, type }: Change, rule: CommitRule): string | undefined {
  const never = neverOf(path, rule)
  if (never !== undefined) return never
  // It is one change, whatever lay in it.
  const whole = kind === 'removed' && type === 'directory'
  if (whole) {
    const held = rule.never.find((pattern) => mayMatchBelow(lower(pattern), leastCareful(path)))
    if (held !== undefined) return `it removes a directory, and "${held.join('/')}" in it never changes`
  }
  if (!rule.allow.some((pattern) => (whole ? matchesAllBelow(pattern, path) : matchesPath(pattern, path))))
    return whole ? 'it removes a directory that no pattern allows as a whole' : 'no pattern allows it'
  return undefined
}

/**
 * Returns why a path never lands; undefined where it may. Names that some file system takes for a protected one are
 * protected, too.
 */
export function neverOf(path: string, rule: CommitRule): string | undefined {
  const found = rule.never.find((pattern) => matchesPath(lower(pattern), leastCareful(path)))
  return found && `"${found.join('/')}" never lands, by the configuration`
}

function lower(pattern: PathPattern): PathPattern {
  return pattern.map(leastCareful)
}

function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? undefined : path.slice(0, slash)
}

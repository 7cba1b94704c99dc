import { TURN_MS, turnsEvery } from '../../model/host/turns.ts'
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
export async function byRule(
  { changes, executes }: Pick<WorkspaceDiff, 'changes' | 'executes'>,
  { allow, never }: CommitRule,
  named: readonly string[] = [],
  turns: () => Promise<void> | undefined = turnsEvery(TURN_MS),
): Promise<ByRule> {
  const rule = { allow, never: never.map((pattern) => ({ pattern, least: pattern.map(leastCareful) })) }
  const confirmed = new Set(named)
  const yes = new Map(executes.map(({ path, why }) => [path, why]))
  const left = new Map<string, Left>()
  const lands = new Set<string>()
  for (const change of changes) {
    await turns()
    const { path } = change
    const why = whyNot(change, rule)
    const executes = confirmed.has(path) ? undefined : yes.get(path)
    if (why !== undefined) left.set(path, { path, why })
    else if (executes !== undefined) left.set(path, { path, why: executes, needsPerson: true })
    else lands.add(path)
  }
  const made = new Map(
    changes.filter(({ kind, type }) => kind === 'added' && type === 'directory').map((each) => [each.path, each]),
  )
  for (const path of [...lands]) {
    await turns()
    // One that lands already has been climbed from.
    for (
      let above = parentOf(path);
      above !== undefined && made.has(above) && !lands.has(above);
      above = parentOf(above)
    ) {
      if (neverOf(above, rule) !== undefined || (yes.has(above) && !confirmed.has(above))) break
      lands.add(above)
      left.delete(above)
    }
  }
  return {
    lands: changes.flatMap(({ path }) => (lands.has(path) ? [path] : [])),
    left: [...left.values()],
  }
}

/** A rule whose protected paths are known as the least careful file system compares them, too. */
interface Held {
  readonly allow: readonly PathPattern[]
  readonly never: readonly { readonly pattern: PathPattern; readonly least: PathPattern }[]
}

function whyNot({ path, kind, type }: Change, rule: Held): string | undefined {
  const never = neverOf(path, rule)
  if (never !== undefined) return never
  // It is one change, whatever lay in it.
  const whole = kind === 'removed' && type === 'directory'
  if (whole) {
    const held = protecting(path, rule, mayMatchBelow)
    if (held !== undefined) return `it removes a directory, and "${held}" in it never changes`
  }
  if (!rule.allow.some((pattern) => (whole ? matchesAllBelow(pattern, path) : matchesPath(pattern, path))))
    return whole ? 'it removes a directory that no pattern allows as a whole' : 'no pattern allows it'
  return undefined
}

/** Returns why a path never lands; undefined where it may. */
function neverOf(path: string, rule: Held): string | undefined {
  const found = protecting(path, rule, matchesPath)
  return found && `"${found}" never lands, by the configuration`
}

/** Returns the pattern that protects a path, by its name or by one that some file system takes for the same. */
function protecting(path: string, { never }: Held, matches: typeof matchesPath): string | undefined {
  const least = leastCareful(path)
  return never.find((each) => matches(each.pattern, path) || matches(each.least, least))?.pattern.join('/')
}

function parentOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/')
  return slash === -1 ? undefined : path.slice(0, slash)
}

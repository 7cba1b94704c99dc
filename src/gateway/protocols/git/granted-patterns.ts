/** The patterns of a cell's grants, and which of them it may use at this moment. */
import { type JsonObject, type Label, operationIn, type ToolName, UNTRUSTED } from '../../../model/index.ts'
import { cedarActionId, type Decided, decide, decideList, labelsMeanwhile, topOf } from '../../../policy/index.ts'
import { authorityOf } from '../../admission/served-cell.ts'
import { whyClosed } from '../../pipeline/last-check.ts'
import { normalise } from '../../pipeline/normalise.ts'
import type { NamedPattern } from './line.ts'
import { coversRepository, writtenAs } from './repository-pattern.ts'
import type { GitGround } from './sending.ts'

/**
 * Returns the patterns that a person has granted to the cell, or to whoever gave it its authority, and that are about a
 * repository. Whether the cell may use one is decided with what it asks.
 */
export function patternsOf({ cell, line, gate }: GitGround, repository: string): readonly NamedPattern[] {
  const nowMs = gate.nowMs()
  const { grants } = topOf(authorityOf(cell))
  const live = grants.filter(({ upstream, expiresAtMs }) => upstream === line.name && nowMs < expiresAtMs)
  return line.patterns.filter(
    (pattern) => coversRepository(pattern, repository) && live.some(({ tools }) => tools.has(pattern.tool)),
  )
}

/**
 * Returns why a repository has to be written in other letters: most servers take all of its spellings for one, and what is
 * declared of it, or forbidden, speaks of one alone. A pattern that nobody has granted to the cell has its letters, too.
 */
export function whyOtherwise({ cell, line }: GitGround, repository: string): string | undefined {
  const { policies } = authorityOf(cell)
  const other = writtenAs(line.patterns, repository) ?? policies.writtenAs('repository', repository)
  return other && `${repository} is written ${other} here: servers take both for one, so write it so`
}

/** Returns those of some patterns by which the cell could do something now, as a list of tools is decided: no budget counts. */
export function usableOf({ gate, cell, line }: GitGround, patterns: readonly NamedPattern[]): readonly NamedPattern[] {
  const candidates = patterns.map((pattern) => ({ ...placeOf({ cell, line }, pattern), pattern }))
  return decideList(candidates, authorityOf(cell), gate.nowMs()).map(({ pattern }) => pattern)
}

/** Patterns that a request would be decided alike by, each for itself. */
export interface DecidedAlike {
  readonly verdict: Decided['verdict']
  readonly patterns: readonly NamedPattern[]
}

/** Finds those of some patterns by which a request is decided. */
export type FindBest = (patterns: readonly NamedPattern[]) => DecidedAlike

/**
 * Returns what finds, of some patterns that each let the same be done, those by which the cell may do it now: all that let it
 * through as things stand, or where none does, all by which it waits for a person, or else all of them, whose reasons refuse it.
 */
export function bestOf({ gate, cell, line }: GitGround, args: JsonObject, leaving = 0): FindBest {
  const known = new Map<ToolName, Decided['verdict']>()
  const verdictBy = (pattern: NamedPattern): Decided['verdict'] => {
    const [nowMs, authority] = [gate.nowMs(), authorityOf(cell)]
    const asked = { id: gate.newActionId(), cellId: cell.id, agent: authority.agent, args, leaving }
    const { action } = normalise({ ...asked, ...placeOf({ cell, line }, pattern) }, line.contract(pattern.tool))
    if (whyClosed(gate.ledger, action.effect, nowMs) !== undefined) return 'deny'
    return decide(action, authority, nowMs).verdict
  }
  return (patterns) => {
    for (const each of patterns) if (!known.has(each.tool)) known.set(each.tool, verdictBy(each))
    const verdict = VERDICTS.find((one) => patterns.some(({ tool }) => known.get(tool) === one)) ?? 'deny'
    return { verdict, patterns: patterns.filter(({ tool }) => known.get(tool) === verdict) }
  }
}

/** Verdicts, the best first. */
const VERDICTS: readonly Decided['verdict'][] = ['allow', 'hold', 'deny']

/** Tells whether one of two decisions is the better one. */
export function isBetter(one: DecidedAlike, other: DecidedAlike): boolean {
  return VERDICTS.indexOf(one.verdict) < VERDICTS.indexOf(other.verdict)
}

/** Returns the names of patterns as an action is decided by them. @throws {Error} where there are none. */
export function decidedBy([first, ...others]: readonly NamedPattern[]) {
  if (first === undefined) throw new Error('a request of git that no pattern is asked about')
  return { by: first.tool, alongside: others.map(({ tool }) => tool) }
}

/** Returns the labels of what is shown by a pattern. */
export function labelsOf({ cell, line }: GitGround, { tool }: NamedPattern): readonly Label[] {
  const flow = cell.authority.flows.get(cedarActionId(line.name, 'git', operationIn(tool).tool))
  return flow === undefined ? [UNTRUSTED] : labelsMeanwhile(flow.returns)
}

function placeOf({ cell, line }: Pick<GitGround, 'cell' | 'line'>, { tool }: NamedPattern) {
  return {
    environment: cell.authority.environment,
    upstream: line.name,
    upstreamEnvironment: line.environment,
    operation: 'git',
    tool: operationIn(tool).tool,
  } as const
}

import type { Grant } from '../../model/grant.ts'
import type { AgentName, UpstreamName } from '../../model/ids.ts'
import { isConnection, operationIn } from '../../model/operation.ts'
import { no, ok, type Result } from '../../model/result.ts'
import type { Problem, Source } from '../../model/source.ts'
import type { BundledAction } from '../cedar/bundle.ts'
import { scanPolicies } from '../cedar/load/scan.ts'
import { cedarString } from '../cedar/vocabulary.ts'

export interface GrantSource {
  readonly grant: Grant
  /** A Cedar condition, and where its text begins. */
  readonly when?: { readonly text: string; readonly source: Source }
}

export interface GrantPermit {
  readonly text: string
  /** UTF-16 offset of the condition in `text`. */
  readonly conditionStart: number
}

/**
 * The Cedar `permit` that a grant is. Only tools with an accepted definition are in it; nothing, if there is none yet.
 * The condition is text from the configuration, so it must not be able to end the permit it stands in.
 */
export function permitOf(
  { grant, when }: GrantSource,
  actions: Readonly<Record<string, BundledAction>>,
): Result<GrantPermit | undefined, readonly Problem[]> {
  const ids = [...grant.tools].map((tool) => `${grant.upstream}/${tool}`)
  const problems = ids
    .filter((id) => !Object.hasOwn(actions, id))
    .map(
      (id): Problem => ({ source: grant.source, message: `there is no "${id}" to grant`, expected: 'a declared tool' }),
    )
  const condition = when && conditionProblem(when)
  if (condition) problems.push(condition)
  if (problems.length > 0) return no(problems)
  const accepted = ids.filter((id) => actions[id]?.definition !== undefined)
  if (accepted.length === 0) return ok(undefined)
  const head = `${scopeOf(grant.agent, accepted, grant.upstream)}${when ? ' when {\n' : ''}`
  return ok({ text: when ? `${head}${when.text}\n};` : `${head};`, conditionStart: head.length })
}

/**
 * Returns the Cedar `permit` for the connections that a grant implies: a relay makes them on the word of whoever may use a
 * tool of it. The condition of a grant speaks of a tool's arguments, and is not asked of them. Undefined where there are
 * none, or while no tool of the grant is accepted.
 */
export function connectionPermitOf(
  { agent, upstream, tools }: Grant,
  actions: Readonly<Record<string, BundledAction>>,
): string | undefined {
  const isUsable = [...tools].some((tool) => actions[`${upstream}/${tool}`]?.definition !== undefined)
  const ids = Object.entries(actions).flatMap(([id, action]) =>
    action.upstream === upstream && isConnection(operationIn(action.tool).operation) ? [id] : [],
  )
  return isUsable && ids.length > 0 ? `${scopeOf(agent, ids, upstream)};` : undefined
}

function scopeOf(agent: AgentName, ids: readonly string[], upstream: UpstreamName): string {
  const action = `action in [${ids.map((id) => `Action::${cedarString(id)}`).join(', ')}]`
  return `permit(principal == Agent::${cedarString(agent)}, ${action}, resource == Upstream::${cedarString(upstream)})`
}

function conditionProblem({ text, source }: NonNullable<GrantSource['when']>): Problem | undefined {
  const scanned = scanPolicies(source.file, text)
  if (!scanned.ok) return { source, message: scanned.reason.problem, expected: 'one Cedar expression' }
  // One that does not end with ";" is the last.
  const [first] = scanned.value
  if (first !== undefined && !first.text.endsWith(';')) return undefined
  return { source, message: 'not one condition', expected: 'one Cedar expression, without ";"' }
}

import type { Grant } from '../../../model/grant.ts'
import type { AgentName } from '../../../model/ids.ts'
import { isJsonObject, type Json, type JsonObject } from '../../../model/json.ts'
import { no, ok, type Result } from '../../../model/result.ts'
import { type Problem, type Source, sourceText } from '../../../model/source.ts'
import type { Catalogue } from '../../../model/tool.ts'
import type { GrantSource } from '../../decide/grant-permit.ts'
import type { BundledAction, BundledPolicy, PolicyBundle } from '../bundle.ts'
import { actionsInScope } from '../compile.ts'
import { Cedar } from './cedar.ts'
import { answerOf, complaintsOf, isImpossible, problemOf } from './cedar-answer.ts'
import { bundledActions, cedarSchema, upstreamEnvironments } from './cedar-schema.ts'
import { unsupportedIn } from './unsupported.ts'
import { type PolicySource, readFiles, readGrants } from './written.ts'
import type { WrittenPolicy } from './written-policy.ts'

/** The longest that Cedar may take over all policies. */
const TIMEOUT_MS = 30_000

/**
 * Parses and validates everything that decides, in a thread of its own: policies in files (only `forbid`), and grants,
 * each of which becomes a `permit`. Whatever is not understood, can never match, or speaks of something that does not
 * exist is a Problem, at the place where it is written. All problems are told, not only the first.
 */
export async function parsePolicies(
  sources: readonly PolicySource[],
  grants: readonly GrantSource[],
  catalogue: Catalogue,
  options: { readonly agents?: Iterable<AgentName>; readonly timeoutMs?: number } = {},
): Promise<Result<PolicyBundle, readonly Problem[]>> {
  await using cedar = new Cedar({ timeoutMs: options.timeoutMs ?? TIMEOUT_MS })
  return parseWith(cedar, sources, grants, catalogue, options.agents)
}

/** Does what `parsePolicies` does in a thread that is the caller's, who may parse much with one. */
export async function parseWith(
  cedar: Cedar,
  sources: readonly PolicySource[],
  grants: readonly GrantSource[],
  catalogue: Catalogue,
  agents?: Iterable<AgentName>,
): Promise<Result<PolicyBundle, readonly Problem[]>> {
  const actions = bundledActions(catalogue)
  const upstreams = upstreamEnvironments(catalogue)
  const problems: Problem[] = []
  const written = [...(await readFiles(sources, cedar, problems)), ...readGrants(grants, actions, problems)]
  const parsed = await toJson(written, cedar, problems)
  const known: Known = { Upstream: new Set(Object.keys(upstreams)), Environment: new Set(Object.values(upstreams)) }
  if (agents) known.Agent = new Set(agents)
  for (const policy of parsed) problems.push(...unknownNames(policy, known))
  problems.push(...repeatedIds(parsed))
  const waiting = await validate(parsed, actions, cedar, problems)
  if (problems.length > 0) return no(problems)
  return ok({
    policies: parsed.filter(({ policy }) => !waiting.has(policy.id)).map(({ policy }) => policy),
    actions,
    upstreams,
    waiting: [
      ...parsed.filter(({ policy }) => waiting.has(policy.id)).map(({ policy: { id, source } }) => ({ id, source })),
      ...grants.filter(({ grant }) => isWaiting(grant, actions)).map(({ grant: { id, source } }) => ({ id, source })),
    ],
  })
}

interface Parsed extends WrittenPolicy {
  readonly policy: BundledPolicy
}

function isWaiting(grant: Grant, actions: Readonly<Record<string, BundledAction>>): boolean {
  return [...grant.tools].every((tool) => actions[`${grant.upstream}/${tool}`]?.definition === undefined)
}

async function toJson(written: readonly WrittenPolicy[], cedar: Cedar, problems: Problem[]): Promise<Parsed[]> {
  const outcomes = await cedar.call(written.map(({ text }) => ['policyToJson', text]))
  return written.flatMap((each, index) => {
    const json = answerOf(outcomes[index], each, problems)?.json
    if (!isJsonObject(json)) return []
    const problem = refused(each, json)
    if (problem) {
      problems.push({ source: each.source, ...problem })
      return []
    }
    return [{ ...each, policy: bundled(each, json) }]
  })
}

function refused({ grant }: WrittenPolicy, json: JsonObject): Omit<Problem, 'source'> | undefined {
  if (!grant && json.effect !== 'forbid') {
    return {
      message: 'a permit in a policy file',
      expected: 'forbid; what an agent may do stands under "grants" of the configuration',
    }
  }
  const conditions = Array.isArray(json.conditions) ? json.conditions : [null]
  if (grant && conditions.length > 1) return { message: 'more than one condition', expected: 'one Cedar expression' }
  for (const condition of conditions) {
    const found = isJsonObject(condition)
      ? unsupportedIn(condition.body ?? null)
      : { problem: 'no condition', expected: 'when or unless' }
    if (found) return { message: found.problem, expected: found.expected }
  }
  if (JSON.stringify([json.principal, json.resource]).includes('"slot"')) {
    return { message: 'a template', expected: 'a policy without ?principal and ?resource' }
  }
  return undefined
}

function bundled(written: WrittenPolicy, json: JsonObject): BundledPolicy {
  const annotations = Object.fromEntries(
    Object.entries(isJsonObject(json.annotations) ? json.annotations : {}).map(([name, text]) => [name, String(text)]),
  )
  return {
    id: written.grant === undefined ? (annotations.id ?? written.id) : written.id,
    effect: json.effect === 'permit' ? 'permit' : 'forbid',
    ...(written.grant && { grant: written.grant.id }),
    source: written.source,
    text: written.shown,
    annotations,
    json,
  }
}

interface Known {
  readonly Upstream: ReadonlySet<string>
  readonly Environment: ReadonlySet<string>
  Agent?: ReadonlySet<string>
}

/**
 * Returns a problem for each name of a policy that no entity has. Cedar checks the names of actions; those of other
 * entities it takes as they come, and the rule then never matches.
 */
function unknownNames({ policy, source }: Parsed, known: Known): Problem[] {
  return entitiesIn(policy.json).flatMap(({ type, id }) => {
    const names = type === 'Upstream' || type === 'Environment' || type === 'Agent' ? known[type] : undefined
    if (names === undefined || names.has(id)) return []
    return [{ source, message: `there is no ${type}::"${id}"`, expected: [...names].sort().join(', ') }]
  })
}

function entitiesIn(json: Json | undefined): { readonly type: string; readonly id: string }[] {
  if (typeof json !== 'object' || json === null) return []
  if (isJsonObject(json) && typeof json.type === 'string' && typeof json.id === 'string')
    return [{ type: json.type, id: json.id }]
  return Object.values(json).flatMap(entitiesIn)
}

function repeatedIds(parsed: readonly Parsed[]): Problem[] {
  const seen = new Map<string, Source>()
  return parsed.flatMap(({ policy: { id, source } }) => {
    const first = seen.get(id)
    if (first)
      return [{ source, message: `the id "${id}" is taken by ${sourceText(first)}`, expected: 'an @id of its own' }]
    seen.set(id, source)
    return []
  })
}

/**
 * Validates policies: every error and every warning is a problem, except that a rule speaks only of tools that no
 * person has accepted yet.
 */
async function validate(
  parsed: readonly Parsed[],
  actions: Readonly<Record<string, BundledAction>>,
  cedar: Cedar,
  problems: Problem[],
): Promise<ReadonlySet<string>> {
  const waiting = new Set<string>()
  const schema = cedarSchema(actions)
  const calls = parsed.map(({ text }, index) => {
    const policies = { staticPolicies: { [String(index)]: text } }
    return ['validate', { schema, policies, validationSettings: { mode: 'strict' } }] as const
  })
  const outcomes = await cedar.call(calls)
  for (const [index, each] of parsed.entries()) {
    const answer = answerOf(outcomes[index], each, problems)
    if (!answer) continue
    const errors = complaintsOf(answer.validationErrors)
    const warnings = complaintsOf(answer.validationWarnings)
    // A rule about an effect that no tool has yet forbids nothing today, and is right to stand there.
    const groupIsEmpty = actionsInScope(each.policy, actions).length === 0 && errors.every(isImpossible)
    if (
      groupIsEmpty ||
      (errors.length === 0 && warnings.every(isImpossible) && warnings.length > 0 && isAboutWaiting(each, actions))
    ) {
      waiting.add(each.policy.id)
      continue
    }
    // That a rule matches nothing follows from any error in it, and is said in two ways.
    const matchesNothing = errors.length > 0 ? [] : warnings.filter(isImpossible).slice(0, 1)
    const told = [...errors, ...matchesNothing, ...warnings.filter((warning) => !isImpossible(warning))]
    for (const complaint of told) problems.push(problemOf(complaint, each, actions))
    for (const other of complaintsOf(answer.otherWarnings)) problems.push(problemOf(other, each, actions))
  }
  return waiting
}

function isAboutWaiting({ policy }: Parsed, actions: Readonly<Record<string, BundledAction>>): boolean {
  return actionsInScope(policy, actions).some((action) => action.definition === undefined)
}

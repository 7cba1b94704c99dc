import type { AgentName, EnvironmentName, GrantId, PersonName } from '../../model/ids.ts'
import { grantedName, operationIn } from '../../model/operation.ts'
import { no, ok, type Result } from '../../model/result.ts'
import type { Source } from '../../model/source.ts'
import type { CatalogueTool, CatalogueUpstream } from '../../model/tool.ts'
import type { CompiledAction, CompiledPolicies } from '../cedar/compile.ts'
import { judge } from '../cedar/judge.ts'
import type { CompiledPolicy } from '../cedar/slices.ts'
import { type CedarRecord, Fault, Withheld } from '../cedar/value.ts'

/** The sender of a request: all that is known of the request before it is made. */
export interface Asker {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
}

export interface Possible {
  /** Grants whose permit holds for some request. */
  readonly permits: ReadonlySet<GrantId>
  /** Policies that could hold, and could not. */
  readonly forbids: readonly { readonly policy: string; readonly source: Source; readonly text: string }[]
}

/**
 * Tells what the policies say of one tool while arguments, labels, time, rung and depth are unknown: a permit that
 * could hold permits, a forbid that could not hold does not forbid. Evaluated as `decide` does it; an unknown is a
 * fault that says so, and Cedar's own order of evaluation carries it to the top.
 */
export function couldBe(
  asker: Asker,
  upstream: CatalogueUpstream,
  { declared, pinned }: CatalogueTool,
  policies: CompiledPolicies,
): Result<Possible, string> {
  const known = actionOf(upstream, declared.name, policies)
  if (pinned === undefined || known?.definition === undefined) return no('nobody has accepted its definition')
  if (upstream.environment !== asker.environment) return no(`it belongs to environment ${upstream.environment}`)
  const { permits, forbids, faults } = judgeUnknown(asker, known, policies)
  const [always] = [...forbids, ...faults.filter(isFaulty).map(({ policy }) => policy)]
  if (always !== undefined) return no(`forbidden by ${always.id}, whatever its arguments`)
  const unknown = faults.filter(({ fault }) => fault.kind === 'unknown').map(({ policy }) => policy)
  return ok({
    permits: new Set([...permits, ...unknown].flatMap(({ grant }) => (grant === undefined ? [] : [grant]))),
    forbids: unknown
      .filter(({ effect }) => effect === 'forbid')
      .map(({ id, source, text }) => ({ policy: id, source, text })),
  })
}

/** A forbid that faults for reasons of its own forbids always. */
function isFaulty({ policy, fault }: { readonly policy: CompiledPolicy; readonly fault: Fault }): boolean {
  return policy.effect === 'forbid' && fault.kind !== 'unknown'
}

export function actionOf(
  { name }: CatalogueUpstream,
  tool: CatalogueTool['declared']['name'],
  policies: CompiledPolicies,
): CompiledAction | undefined {
  const { operation, tool: bare } = operationIn(tool)
  const known = policies.action(name, operation, bare)
  return known?.tool === grantedName(operation, bare) ? known : undefined
}

const UNKNOWN = new Withheld(new Fault('unknown', 'not known before the request'))

function judgeUnknown({ agent, owner, environment }: Asker, known: CompiledAction, policies: CompiledPolicies) {
  const principal = policies.principal(agent)
  const data = { attributes: new Map([['owner', owner]]), ancestors: new Set<string>() }
  const entities = { get: (key: string) => (key === principal.key ? data : policies.entities.get(key)) }
  // What `contextOf` puts in; what a request brings is not known.
  const context: CedarRecord = new Map<string, string | Withheld>([
    ['args', UNKNOWN],
    ['effect', known.effect],
    ['environment', environment],
    ['owner', owner],
    ['rung', UNKNOWN],
    ['labels', UNKNOWN],
    ['delegationDepth', UNKNOWN],
    ['time', UNKNOWN],
  ])
  const slice = policies.slice(principal, known.entity, known.resource, entities)
  return judge(slice, { principal, action: known.entity, resource: known.resource, context, entities })
}

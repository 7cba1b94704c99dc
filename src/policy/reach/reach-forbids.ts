import type { AgentName, UpstreamName } from '../../model/ids.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import type { BundledPolicy, PolicyBundle } from '../cedar/bundle.ts'
import { conjunctsOf, denialCovers } from './reach-entails.ts'

/**
 * Returns the forbids of one bundle that the other lacks: none of its forbids is the same text, or has the same scope
 * and denies wherever it did. Places in files and names of policies mean nothing.
 */
export function forbidsGone(before: PolicyBundle, after: PolicyBundle): readonly BundledPolicy[] {
  const kept = new Map<string, (readonly Json[])[]>()
  for (const { json } of forbidsIn(after))
    kept.set(scopeText(json), [...(kept.get(scopeText(json)) ?? []), conjunctsOf(json)])
  return forbidsIn(before).filter(
    ({ json }) => !(kept.get(scopeText(json)) ?? []).some((next) => denialCovers(next, conjunctsOf(json))),
  )
}

/** Tells whether a policy may speak of an agent's actions at one of these upstreams, by its scope; its conditions are not asked. */
export function mayMean({ json }: BundledPolicy, agent: AgentName, upstreams: ReadonlySet<UpstreamName>): boolean {
  if (!isJsonObject(json)) return true
  const names: ReadonlySet<string> = upstreams
  const isAgent = (id: string) => id === agent
  const isOperation = (id: string) => !id.includes('/') || names.has(id.slice(0, id.indexOf('/')))
  return (
    meets(json.principal, 'Agent', isAgent) &&
    meets(json.action, 'Action', isOperation) &&
    meets(json.resource, 'Upstream', (id) => names.has(id))
  )
}

/** Tells whether a part of a scope may hold for an entity that `fits` describes; a form that is not known may. */
function meets(scope: Json | undefined, of: string, fits: (id: string) => boolean): boolean {
  if (!isJsonObject(scope)) return true
  const named = Array.isArray(scope.entities) ? scope.entities : scope.entity === undefined ? [] : [scope.entity]
  const ids = named.map((each) =>
    isJsonObject(each) && each.type === of && typeof each.id === 'string' ? each.id : undefined,
  )
  return ids.length === 0 || ids.some((id) => id === undefined || fits(id))
}

function forbidsIn({ policies }: PolicyBundle): readonly BundledPolicy[] {
  return policies.filter(({ effect }) => effect === 'forbid')
}

function scopeText(json: Json): string {
  return isJsonObject(json) ? JSON.stringify([json.principal, json.action, json.resource]) : JSON.stringify(json)
}

import { type HostPlace, liesAt, type Mounts, mountsNow, placeOf, shownWith } from '../model/host/host-places.ts'
import type { EnvironmentName, Problem, Source, TenantName } from '../model/index.ts'
import { tenantName } from '../model/index.ts'
import type { Config } from './config.ts'
import { knownNames } from './known-names.ts'
import type { Written } from './shape.ts'

interface ShapedTenant {
  readonly value: { readonly environments: readonly Written<string>[] }
  readonly source: Source
}

/** Returns the tenant of each environment. Where any tenant is named, each environment belongs to exactly one. */
export function tenantHomes(
  tenants: ReadonlyMap<string, ShapedTenant>,
  environments: ReadonlyMap<string, { readonly source: Source }>,
  report: (problem: Problem) => void,
): ReadonlyMap<string, TenantName> {
  const homes = new Map<string, TenantName>()
  for (const [tenant, { value }] of tenants) {
    for (const { value: name, source } of value.environments) {
      const other = homes.get(name)
      if (!environments.has(name)) {
        const expected = knownNames(environments.keys())
        report({ source, message: `environment "${name}" of tenant "${tenant}" is not declared`, expected })
      } else if (other !== undefined) {
        const message = `environment "${name}" belongs to tenant "${other}" already`
        report({ source, message, expected: 'an environment of one tenant only' })
      } else homes.set(name, tenantName(tenant))
    }
  }
  for (const [name, { source }] of tenants.size === 0 ? [] : environments) {
    if (homes.has(name)) continue
    const expected = 'its name under one of the tenants'
    report({ source, message: `environment "${name}" belongs to no tenant, and tenants are named`, expected })
  }
  return homes
}

/**
 * Places of the host that cells of two tenants would write to in the end: what one commits into a workspace, the other
 * would find in its own. An upstream's home and a secret's are judged by environment, which has one tenant.
 */
export function sharedWorkspaces(config: Pick<Config, 'environments' | 'agents' | 'upstreams'>): Problem[] {
  const tenantOf = (environment: EnvironmentName) => config.environments.get(environment)?.tenant
  const mounts = mountsNow()
  const used = [
    ...[...config.agents.values()].map((agent) => ({ ...agent, what: `agent "${agent.name}"` })),
    ...[...config.upstreams.values()].flatMap(({ server, ...upstream }) =>
      server.kind === 'stdio' ? [{ ...upstream, cell: server.cell, what: `upstream "${upstream.name}"` }] : [],
    ),
  ].flatMap(({ environment, cell, source, what }) => {
    const { workspace } = cell
    if (workspace === undefined) return []
    const place = placeNow(workspace, mounts)
    return [{ place, shown: shownWith(place, mounts), tenant: tenantOf(environment), source, what }]
  })
  return used.flatMap((one, i) =>
    used.slice(0, i).flatMap((other) => {
      const meets =
        one.shown.some((shown) => liesAt(other.place, shown)) || other.shown.some((shown) => liesAt(one.place, shown))
      if (one.tenant === other.tenant || !meets) return []
      const message = `the workspace of ${one.what} is that of ${other.what}, of tenant "${other.tenant}"`
      return [{ source: one.source, message, expected: 'a directory that no other tenant works on' }]
    }),
  )
}

/** Returns a place; by its name alone where that cannot be followed, which is told at the launch. */
function placeNow(path: string, mounts: Mounts): HostPlace {
  try {
    return placeOf(path, mounts)
  } catch {
    return { path }
  }
}

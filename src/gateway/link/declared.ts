import type { DeclaredTool, DefinitionSeen } from '../../model/index.ts'
import type { Secrets } from '../content/secrets.ts'
import type { UpstreamSetup } from './setup.ts'

/** Returns what the configuration says of each tool, by `upstream/tool`, as grants call it. */
export function declaredIn(upstreams: readonly UpstreamSetup[]): ReadonlyMap<string, DeclaredTool> {
  return new Map(
    upstreams.flatMap(({ name, tools }) => tools.map(([tool, { declared }]) => [`${name}/${tool}`, declared] as const)),
  )
}

/**
 * Takes the definitions that repeat a secret out of an upstream: nobody could have accepted one, and its tool is
 * neither shown nor granted.
 */
export function withoutLeaks(upstream: UpstreamSetup, secrets: Secrets): UpstreamSetup {
  const tools = upstream.tools.map(([name, { declared, pinned }]) => {
    const shown = pinned !== undefined && secrets.leakIn(pinned.definition) === undefined
    return [name, { declared, ...(shown && { pinned }) }] as const
  })
  return { ...upstream, tools }
}

/** Returns an entry for each accepted definition that repeats a secret. */
export function leaksIn(upstreams: readonly UpstreamSetup[], secrets: Secrets): readonly DefinitionSeen[] {
  return upstreams.flatMap(({ name: upstream, tools }) =>
    tools.flatMap(([tool, { pinned }]) => {
      const leaked = pinned && secrets.leakIn(pinned.definition)
      if (pinned === undefined || leaked === undefined) return []
      const problem = `it repeats the secret "${leaked}": accept it again when its upstream does not`
      return [{ kind: 'definition.seen', upstream, tool, digest: pinned.digest, problem }]
    }),
  )
}

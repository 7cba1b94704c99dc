import type { UpstreamConfig } from '../../config/config.ts'
import { no, ok, type Result, type UpstreamName } from '../../model/index.ts'
import { type Inspected, inspectUpstreams } from '../prepare/inspect.ts'
import { programFault, unseenArguments } from '../prepare/program.ts'
import type { Judged } from '../prepare/setup.ts'
import { definitionsIn } from './definition-changes.ts'

/** Everything that upstreams offer now, held against the configuration. */
export interface UpstreamOffers {
  readonly offered: ReadonlyMap<UpstreamName, Inspected>
  readonly silent: readonly SilentUpstream[]
  readonly leaking: readonly LeakingDefinition[]
  readonly unread: readonly UnreadDefinition[]
  readonly undeclared: readonly UndeclaredTools[]
}

/** An upstream that did not tell what it offers. */
export interface SilentUpstream {
  readonly upstream: UpstreamName
  readonly problem: string
  /** Lines that a stdio server complained with. */
  readonly said: readonly string[]
  /** Lines on what its cell may not show it. */
  readonly hints: readonly string[]
}

/** A definition that repeats a secret of its environment: it is shown to nobody. */
export interface LeakingDefinition {
  readonly upstream: UpstreamName
  /** The kind of the definition, with the name of the item where that holds no secret. */
  readonly what: string
  /** Name of the secret. */
  readonly secret: string
}

/** An item of an upstream's lists that cannot be read. */
export interface UnreadDefinition {
  readonly upstream: UpstreamName
  readonly tool: string
  readonly why: string
  /** True where the configuration wants it. */
  readonly declared: boolean
}

/** The difference between the tools that are declared of an upstream and those that it has. */
export interface UndeclaredTools {
  readonly upstream: UpstreamName
  /** Tools that are declared and not offered. */
  readonly missing: readonly string[]
  /** Tools that are offered and not declared: nobody may use them. */
  readonly more: readonly string[]
}

/** Asks these upstreams what they offer; an error in words where this host can start no cell for them. */
export async function offersOf(
  judged: Judged,
  upstreams: readonly UpstreamConfig[],
  stateDirectory: string,
): Promise<Result<UpstreamOffers, string>> {
  const inspected = await inspectUpstreams(judged, upstreams, stateDirectory)
  if (!inspected.ok) return no(inspected.reason)
  const offered = inspected.value
  return ok({
    offered,
    silent: [...offered].flatMap(([upstream, offer]) =>
      'problem' in offer
        ? [{ upstream, problem: offer.problem, said: offer.said, hints: hintsFor(judged, upstream) }]
        : [],
    ),
    leaking: [...offered].flatMap(([upstream, offer]) =>
      'problem' in offer ? [] : offer.leaking.map((leak) => ({ upstream, ...leak })),
    ),
    unread: unreadIn(judged, offered),
    undeclared: undeclaredIn(judged, offered),
  })
}

/** Returns the name of a leaking definition as grants have it; of one that is not named, its kind. */
export function leakingName(what: string): string {
  return what.replace(/^tool /, '').replace(/^prompt /, 'prompt:')
}

/** Returns the tools that the configuration declares and the upstream does not have, and the other way round. */
function undeclaredIn({ config }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>): readonly UndeclaredTools[] {
  return [...offered].flatMap(([upstream, offer]) => {
    if ('problem' in offer) return []
    const declared = [...(config.upstreams.get(upstream)?.tools.keys() ?? [])].filter(
      (tool) => !tool.startsWith('resource:'),
    )
    const has = definitionsIn(offer).map(([tool]) => tool)
    const told = new Set([...offer.leaking.map(({ what }) => leakingName(what)), ...offer.lost.map(({ name }) => name)])
    const missing = declared.filter((tool) => !has.includes(tool) && !told.has(tool))
    const more = has.filter((tool) => !declared.includes(tool))
    return missing.length + more.length > 0 ? [{ upstream, missing, more }] : []
  })
}

/** Returns what upstreams offer and cannot be read, each with why; `declared` where the configuration wants it. */
function unreadIn({ config }: Judged, offered: ReadonlyMap<UpstreamName, Inspected>): readonly UnreadDefinition[] {
  return [...offered].flatMap(([upstream, offer]) => {
    const wanted = new Set<string>(config.upstreams.get(upstream)?.tools.keys())
    const lost = 'problem' in offer ? [] : offer.lost
    return lost.map(({ name: tool, why }) => ({ upstream, tool, why, declared: wanted.has(tool) }))
  })
}

/** Returns what the cell of a server that does not start may lack: most lack something that it does not show them. */
function hintsFor({ config }: Judged, name: UpstreamName): readonly string[] {
  const server = config.upstreams.get(name)?.server
  if (server?.kind !== 'stdio') return []
  const [program = '', ...args] = server.command
  const fault = programFault(server.cell, program)
  const unseen = unseenArguments(server.cell, args)
  if (unseen.length > 0) {
    const shown = unseen.map((path) => `${path}: ${path}`).join(', ')
    return [
      `its cell does not see ${unseen.join(', ')}`,
      `show what it needs of it: mcp: { cell: { files: { ${shown} } } }`,
    ]
  }
  return fault === undefined
    ? [
        `its cell sees the host’s /usr and what stands under mcp.cell.files, and has no network; all that it said: .firebreak/log/upstream-${name}.log`,
      ]
    : [fault.problem, fault.fix]
}

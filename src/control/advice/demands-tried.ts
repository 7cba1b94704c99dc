import { isDocumented } from '../../config/called-on.ts'
import type { Agent, Config, UpstreamConfig } from '../../config/config.ts'
import { definitionDigest, definitionFault } from '../../gateway/protocols/mcp/contract/definition.ts'
import { definitionsIn } from '../../host/accept/definition-changes.ts'
import type { Inspected } from '../../host/prepare/inspect.ts'
import type { Judged } from '../../host/prepare/setup.ts'
import { visibleText } from '../../model/index.ts'
import { type Demand, holds, listed, look, missing } from './demand.ts'
import type { Survey } from './findings.ts'

/** Returns what `run` would have said up to the program's first instruction. */
export function launchDemands(
  about: string,
  { name, command }: Agent,
  launches: Survey['launches'],
): readonly Demand[] {
  const tried = launches?.get(name)
  if (tried === undefined) return []
  if (!tried.ok)
    return [missing(about, `it does not start: ${tried.reason}`, 'what is said; firebreak run says the same')]
  return command.length > 0
    ? [holds(about, 'it was started up to its first instruction, and ended there')]
    : [look(about, 'it has no command of its own', 'command: a program and its arguments; or firebreak run -- …')]
}

/** Returns demands from what an upstream says of itself now, beside what was accepted of it. */
export function offeredDemands(
  about: string,
  { config, accepted }: Judged,
  upstream: UpstreamConfig,
  offered: Survey['offered'],
): readonly Demand[] {
  const { name, tools } = upstream
  const isOfDocument = isDocumented(upstream)
  const offer = offered?.get(name)
  if (offer === undefined) return []
  if ('problem' in offer) {
    const said = offer.said.length === 0 ? '' : `: ${offer.said.join(' / ')}`
    return [
      isOfDocument
        ? missing(about, `its document cannot be read: ${offer.problem}`, 'openapi: a file of OpenAPI 3.0 or 3.1')
        : missing(
            about,
            `it does not answer as an MCP server: ${offer.problem}${said}`,
            'start it, or correct how it is reached',
          ),
    ]
  }
  const has = new Map(definitionsIn(offer))
  const own = [...tools.values()].filter((tool) => !tool.name.startsWith('resource:'))
  const gone = own.filter((tool) => !has.has(tool.name) && !unread(offer).has(tool.name))
  const changed = own.filter((tool) => {
    const definition = has.get(tool.name)
    const pinned = accepted.get(name)?.get(tool.name)
    return (
      definition !== undefined &&
      pinned !== undefined &&
      pinned.digest !== definitionDigest(definition, pinned.anyWords)
    )
  })
  const accept = `firebreak accept --upstream ${name} --as ${ownerOf(config)}`
  const [whose, held] = isOfDocument ? ['its document', 'its document offers'] : ['it', 'it answered, and offers']
  return [
    ...(gone.length > 0
      ? [missing(about, `${whose} does not offer ${listed(gone)}`, 'the name that it has for it, or take it out')]
      : []),
    ...(changed.length > 0
      ? [missing(about, `what it says of ${listed(changed)} is not what was accepted: a call is refused`, accept)]
      : []),
    ...(gone.length + changed.length === 0 ? [holds(about, `${held} what is declared of it`)] : []),
  ]
}

/**
 * Returns the declared tools that cannot be accepted: as the upstream offers them now, or else as `accept` found them
 * last.
 */
export function unfitDemands(
  about: string,
  { config, unacceptable }: Judged,
  { name, tools }: UpstreamConfig,
  offered: Survey['offered'],
): { readonly unfit: ReadonlySet<string>; readonly demands: readonly Demand[] } {
  const offer = offered?.get(name)
  const found = offer === undefined || 'problem' in offer ? (unacceptable?.get(name) ?? []) : faultsIn(offer)
  const own = [...found].filter(([tool]) => [...tools.values()].some((each) => each.name === tool))
  const demands = own.map(([tool, why]) =>
    missing(
      about,
      `${visibleText(tool)} cannot be accepted as it was offered last: ${visibleText(why)}`,
      `take it out of tools: and of grants, or have its server changed and ask again: firebreak accept --upstream ${name} --as ${ownerOf(config)}`,
    ),
  )
  return { unfit: new Set(own.map(([tool]) => tool)), demands }
}

function faultsIn(offer: Offer): readonly (readonly [string, string])[] {
  const faulty = definitionsIn(offer).flatMap(([tool, definition]) => {
    const fault = definitionFault(definition)
    return fault === undefined ? [] : [[tool, fault] as const]
  })
  return [...faulty, ...unread(offer)]
}

/**
 * Returns the offered tools that are not among its definitions, each with why: it cannot be read, or repeats a secret.
 */
function unread({ lost, leaking }: Offer): ReadonlyMap<string, string> {
  return new Map([
    ...lost.map(({ name, why }) => [name, `it cannot be read: ${why}`] as const),
    ...leaking.map(({ what, secret }) => {
      const tool = what.replace(/^tool /, '').replace(/^prompt /, 'prompt:')
      return [tool, `its definition repeats the secret "${secret}"`] as const
    }),
  ])
}

type Offer = Extract<Inspected, { readonly tools: unknown }>

export function ownerOf({ agents }: Config): string {
  return [...agents.values()][0]?.owner ?? 'you@example.org'
}

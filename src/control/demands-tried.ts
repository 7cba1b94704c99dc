import type { Agent, Config, Upstream } from '../config/config.ts'
import { definitionDigest } from '../gateway/upstreams.ts'
import { grantedName, type JsonObject } from '../model/index.ts'
import { type Demand, holds, listed, look, missing } from './demand.ts'
import type { Seen } from './demands.ts'
import type { Judged } from './setup.ts'

/** What `run` would have said up to the program's first instruction. */
export function launchDemands(about: string, { name, command }: Agent, launches: Seen['launches']): readonly Demand[] {
  const tried = launches?.get(name)
  if (tried === undefined) return []
  if (!tried.ok)
    return [missing(about, `it does not start: ${tried.reason}`, 'what is said; firebreak run says the same')]
  return command.length > 0
    ? [holds(about, 'it was started up to its first instruction, and ended there')]
    : [look(about, 'it has no command of its own', 'command: a program and its arguments; or firebreak run -- …')]
}

/** What an upstream says of itself now, beside what was accepted of it. */
export function offeredDemands(
  about: string,
  { config, accepted }: Judged,
  { name, tools }: Upstream,
  offered: Seen['offered'],
): readonly Demand[] {
  const offer = offered?.get(name)
  if (offer === undefined) return []
  if ('problem' in offer) {
    const said = offer.said.length === 0 ? '' : `: ${offer.said.join(' / ')}`
    return [
      missing(
        about,
        `it does not answer as an MCP server: ${offer.problem}${said}`,
        'start it, or correct how it is reached',
      ),
    ]
  }
  const has = new Map([
    ...offer.tools.flatMap((each) => named('tool', each)),
    ...offer.prompts.flatMap((each) => named('prompt', each)),
  ])
  const own = [...tools.values()].filter((tool) => !tool.name.startsWith('resource:'))
  const gone = own.filter((tool) => !has.has(tool.name))
  const changed = own.filter((tool) => {
    const definition = has.get(tool.name)
    const digest = accepted.get(name)?.get(tool.name)?.digest
    return (
      definition !== undefined &&
      !tool.name.startsWith('prompt:') &&
      digest !== undefined &&
      digest !== definitionDigest(definition)
    )
  })
  const accept = `firebreak accept --upstream ${name} --as ${ownerOf(config)}`
  return [
    ...(gone.length > 0
      ? [missing(about, `it does not offer ${listed(gone)}`, 'the name that it has for it, or take it out')]
      : []),
    ...(changed.length > 0
      ? [missing(about, `what it says of ${listed(changed)} is not what was accepted: a call is refused`, accept)]
      : []),
    ...(gone.length + changed.length === 0 ? [holds(about, `it answered, and offers what is declared of it`)] : []),
  ]
}

export function ownerOf({ agents }: Config): string {
  return [...agents.values()][0]?.owner ?? 'you@example.org'
}

function named(kind: 'tool' | 'prompt', definition: JsonObject): readonly (readonly [string, JsonObject])[] {
  return typeof definition.name === 'string' ? [[grantedName(kind, definition.name), definition]] : []
}

import { definitionDigest, inputIn } from '../../gateway/protocols/mcp/contract/definition.ts'
import {
  cutText,
  LIMITS,
  ok,
  type PersonName,
  type Problem,
  type Result,
  type ToolName,
  type UpstreamName,
} from '../../model/index.ts'
import { type Accepted, readAllAccepted, readSpoken, type Unacceptable, writeAllAccepted } from '../prepare/accepted.ts'
import type { Judged } from '../prepare/setup.ts'
import { type AcceptAsk, changesIn, type DefinitionChange } from './definition-changes.ts'
import { leakingName, type UpstreamOffers } from './offers.ts'

/** The differences between what upstreams offer and what was accepted, for a person to read. */
export interface DefinitionReview {
  readonly offers: UpstreamOffers
  /** All that differs, in the order of the upstreams. */
  readonly changes: readonly DefinitionChange[]
  /** Changes that a person may accept. */
  readonly acceptable: readonly DefinitionChange[]
  readonly unacceptable: readonly UnacceptableDefinition[]
  /** True where something that is declared cannot be used by anybody, whatever is accepted. */
  readonly amiss: boolean
}

/** A definition that is declared and that nobody can accept. */
export interface UnacceptableDefinition {
  readonly upstream: UpstreamName
  readonly tool: string
  readonly why: string
}

/** Compares what upstreams offer with what was accepted, of the tools that a person asks for. */
export function reviewOffers(judged: Judged, offers: UpstreamOffers, ask: AcceptAsk): DefinitionReview {
  const { leaking, unread, undeclared, silent } = offers
  const changes = changesIn(judged, offers.offered, ask)
  const unacceptable = [
    ...leaking.flatMap(({ upstream, what, secret }) => {
      const tool = leakingName(what)
      const declared = judged.config.upstreams.get(upstream)?.tools.has(tool as ToolName) // looked up, and never used as one
      return declared ? [{ upstream, tool, why: `its definition repeats the secret "${secret}"` }] : []
    }),
    ...changes.flatMap(({ upstream, tool, problem }) =>
      problem === undefined ? [] : [{ upstream, tool, why: problem }],
    ),
    ...unread
      .filter(({ declared }) => declared)
      .map(({ upstream, tool, why }) => ({ upstream, tool, why: `it cannot be read: ${why}` })),
  ]
  return {
    offers,
    changes,
    acceptable: changes.filter(({ problem }) => problem === undefined),
    unacceptable,
    amiss:
      silent.length > 0 ||
      leaking.length > 0 ||
      undeclared.some(({ missing }) => missing.length > 0) ||
      unacceptable.length > 0,
  }
}

/**
 * Writes that a person accepts what they have read, and what nobody can accept; without a person, only the latter. Takes
 * nothing that has a problem, whatever the review says, and keeps what others have accepted since the configuration was
 * read. An error where what was accepted cannot be read by now: it stays as it is. @throws {Error} what the disk says.
 */
export function acceptReviewed(
  { config }: Judged,
  { offers, acceptable, unacceptable }: DefinitionReview,
  by: PersonName | undefined,
): Result<void, Problem> {
  const standing = readAllAccepted(config)
  if (!standing.ok) return standing
  const upstreams = new Map([...standing.value].map(([name, tools]) => [name, new Map<ToolName, Accepted>(tools)]))
  for (const { upstream, tool, definition, anyWords, problem } of acceptable) {
    if (problem !== undefined || by === undefined) continue
    const tools = upstreams.get(upstream) ?? new Map<ToolName, Accepted>()
    const input = inputIn(definition)
    upstreams.set(upstream, tools)
    tools.set(tool, {
      name: tool,
      definition,
      ...(input && { input }),
      digest: definitionDigest(definition, anyWords),
      ...(anyWords && { anyWords }),
      acceptedBy: by,
      acceptedAtMs: Date.now(),
    })
  }
  writeAllAccepted(config, upstreams, spokenBy(config, offers), unacceptableBy(unacceptable))
  return ok(undefined)
}

/**
 * Returns the revision that each upstream spoke when it was asked last: the next start begins with it, and asks no
 * more.
 */
function spokenBy(config: Judged['config'], { offered }: UpstreamOffers): ReadonlyMap<UpstreamName, string> {
  const now = [...offered].flatMap(([name, offer]) => ('problem' in offer ? [] : [[name, offer.revision] as const]))
  return new Map([...readSpoken(config), ...now])
}

/** Returns what cannot be accepted, for `doctor`, which does not ask upstreams what they offer. */
function unacceptableBy(all: readonly UnacceptableDefinition[]): Unacceptable {
  const byUpstream = new Map<UpstreamName, Map<string, string>>()
  for (const { upstream, tool, why } of all) {
    const own = byUpstream.get(upstream) ?? new Map<string, string>()
    byUpstream.set(upstream, own.set(tool, cutText(why, LIMITS.faultCharactersMax)))
  }
  return byUpstream
}

import { type EnvironmentName, type PersonName, samePerson } from '../../model/index.ts'
import type { Judged } from '../prepare/setup.ts'
import type { Actor } from '../reach/actors.ts'
import { changedParts, type PartChange } from '../reach/parts.ts'
import { type ActorChanges, type AgentChanges, actorChanges } from '../reach/reach-diff.ts'
import { keptUntilItsEnd } from './followed.ts'

/** The changes of one agent that one person answers for. */
export interface PlannedChanges extends AgentChanges {
  readonly environment: EnvironmentName
  /**
   * The person who answers for them. Of all changes the owner, by the configuration that is in force; of an agent that is
   * new, by the other. Of what else somebody has to agree to (a second person who is not asked any more, the owner of an
   * agent in whose place another comes), they as well.
   */
  readonly owner: PersonName
}

/** An environment whose gateway cannot follow a change: its cells end, and it opens anew. */
export interface OpenedAnew {
  readonly environment: EnvironmentName
  /** The things that changed and are kept until its end, in words. */
  readonly what: readonly string[]
}

/**
 * The differences between the configuration that is in force and another one.
 *
 * - PL1  All that the second makes possible stands in `agents`, under whoever answers for it. What is not known to be
 *        narrower counts as wider.
 * - PL2  What cannot be followed by a gateway that serves stands in `anew`.
 */
export interface ConfigurationPlan {
  /** Agents with a change; grants for undo under the name `undo`. */
  readonly agents: readonly PlannedChanges[]
  readonly anew: readonly OpenedAnew[]
  /** The reason why no host that is up can take it, in words; absent where it can. */
  readonly never?: string
}

/** Returns the plan of putting one configuration in the place of another. Pure. */
export function planOf(before: Judged, after: Judged): ConfigurationPlan {
  const parts = changedParts(before, after)
  const all = actorChanges(before, after, parts)
  const gone = all.flatMap(({ before: old, after: next }) =>
    old !== undefined && (next === undefined || next.environment !== old.environment) ? [old] : [],
  )
  const agents = all.flatMap((each) => plannedChanges(each, gone))
  const anew = [...before.config.environments.keys()].flatMap((environment): readonly OpenedAnew[] => {
    const what = keptUntilItsEnd(before, after, environment, parts)
    return what.length === 0 ? [] : [{ environment, what }]
  })
  const never = before.config.profile === after.config.profile ? {} : { never: 'the profile is the host’s own' }
  return { agents, anew, ...never }
}

/** Returns an actor's changes, for each person who answers for some of them. */
function plannedChanges({ before, after, changes }: ActorChanges, gone: readonly Actor[]): readonly PlannedChanges[] {
  const known = before ?? after
  if (known === undefined || changes.length === 0) return []
  const { name: agent, environment, owner } = known
  const replaced = before === undefined ? gone.filter((each) => isInPlaceOf(known, each)).map((each) => each.owner) : []
  const others = [...replaced, ...changes.flatMap(({ also = [] }) => also)].filter(
    (person) => !samePerson(person, owner),
  )
  const people = others.filter((person, i) => !others.slice(0, i).some((other) => samePerson(person, other)))
  const widening = changes.filter(({ widens }) => widens)
  return [
    { agent, environment, owner, changes: changes.map(shown) },
    ...people.map((person): PlannedChanges => {
      const own = replaced.some((other) => samePerson(person, other))
        ? widening
        : widening.filter(({ also = [] }) => also.some((other) => samePerson(person, other)))
      return { agent, environment, owner: person, changes: own.map(shown) }
    }),
  ]
}

/** Tells whether an actor that is new comes in the place of one that is gone: it acts where that one did. */
function isInPlaceOf(next: Actor, old: Actor): boolean {
  const upstreams = new Set(old.grants.map(({ upstream }) => upstream))
  return next.environment === old.environment && next.grants.some(({ upstream }) => upstreams.has(upstream))
}

function shown({ widens, rank, about, text }: PartChange): AgentChanges['changes'][number] {
  return { widens, rank, about, text }
}

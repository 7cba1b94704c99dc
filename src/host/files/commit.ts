import { basename, dirname } from 'node:path'
import { byRule, type CommitRule } from '../../cells/landing/rule.ts'
import type { Chosen, Landing, WorkspaceDiff, WorkspaceFault, Workspaces } from '../../cells/workspace.ts'
import type { Agent } from '../../config/config.ts'
import {
  type AgentName,
  cutsOff,
  isJsonObject,
  type Json,
  type JsonObject,
  no,
  ok,
  pathPattern,
  type Result,
} from '../../model/index.ts'
import { storesOf } from '../state/stores.ts'
import { type Fenced, fencedIn } from '../stop/fences.ts'
import { containedText } from '../stop/rung-in.ts'
import { markLanded } from './landed-marks.ts'
import { CHANGED_MEANWHILE, CHANGED_SINCE, changedSinceShown, seenAs } from './shown-changes.ts'
import { markCommitted } from './workspace-marks.ts'

export interface WantedCommit {
  readonly rule: CommitRule
  /** Paths that a person has listed; absent: all that the rule allows. */
  readonly paths?: readonly string[]
  /** The state in which a person was asked about these paths (`seenAs`); in another one none of them lands. */
  readonly seen?: string
  /** Paths that a host would act upon and that are wanted. */
  readonly confirmed: readonly string[]
  /** The last order that the person has been told their agent is contained by; absent: they were told of none. */
  readonly told?: string
}

/** The order that an agent is contained by, and what a person is told of it. */
export interface Contained {
  readonly order: string
  readonly text: string
}

/**
 * Returns by which order an agent is contained at this moment; undefined where it is not. `agent`: undefined where no
 * configuration tells whose files they are; then nobody of the state may be.
 */
export function containedNow(state: string, agent: AgentName | undefined): Result<Contained | undefined, string> {
  const fence = storesOf(state).fences.read()
  if (!fence.ok) return fence
  const told = ({ order, last }: Fenced, text: string) => ok({ order: last ?? order, text })
  if (agent !== undefined) {
    const fenced = fencedIn(fence.value, agent)
    if (fenced === undefined || !cutsOff(fenced.rung)) return ok(undefined)
    return told(fenced, containedText(agent, fenced))
  }
  const [contained] = [...fence.value].filter(([, { rung }]) => cutsOff(rung))
  if (contained === undefined) return ok(undefined)
  const [name, fenced] = contained
  return told(fenced, `no configuration tells whose files they are, and ${name} is ${fenced.rung}`)
}

/** Returns the rule of a commit: paths that a person lists are allowed by that, and `never` binds them, too. */
export function ruleFor(agent: Agent | undefined, listed: boolean): CommitRule {
  const { allow = [], never = [] } = agent?.cell.commit ?? {}
  return { allow: listed ? [['**']] : allow, never }
}

/**
 * Chooses what lands. `stale`: paths of a diff that are not what a person was shown, so that nobody has confirmed them; of
 * those that a person has listed none lands. What the rule lets land, lands whatever anybody was shown.
 */
export function choosing(
  { rule, paths, seen, ...wanted }: WantedCommit,
  stale: (diff: WorkspaceDiff) => ReadonlySet<string> = () => new Set(),
): (diff: WorkspaceDiff) => Promise<Chosen> {
  const [listed, named] = [new Set(paths), new Set(wanted.confirmed)]
  return async (diff) => {
    const { changes, executes } = diff
    const changed = stale(diff)
    const confirmed = wanted.confirmed.filter((path) => !changed.has(path))
    const asked = paths === undefined ? changes : changes.filter(({ path }) => listed.has(path))
    const isOther = paths !== undefined && seen !== undefined && seenAs(diff, paths) !== seen
    const acting = new Set(executes.map(({ path }) => path))
    const isUnseen = (path: string) => isOther || (paths !== undefined && changed.has(path) && !acting.has(path))
    const among = asked.filter(({ path }) => !isUnseen(path))
    const unseen = asked
      .filter(({ path }) => isUnseen(path))
      .map(({ path }) => ({
        path,
        why: changed.has(path) ? CHANGED_SINCE : CHANGED_MEANWHILE,
        needsPerson: true as const,
      }))
    const known = new Set(changes.map(({ path }) => path))
    const { lands, left } = await byRule({ changes: among, executes }, rule, confirmed)
    const told = left.map((each) =>
      changed.has(each.path) && named.has(each.path) ? { ...each, why: `${each.why}; ${CHANGED_SINCE}` } : each,
    )
    return {
      paths: [...lands, ...(paths ?? []).filter((path) => !known.has(path))],
      confirmed,
      left: [...unseen, ...told],
    }
  }
}

/**
 * Lands what is wanted. The directory may hold then what the cell had seen: its labels stay with it from there on, for
 * every cell that is shown it, which is written down before anything lands. Of a contained `agent` nothing does, as asked in
 * the moment of landing, but what a person has named who was told of its last order.
 */
export async function commitWanted(
  workspaces: Workspaces,
  changes: string,
  wanted: WantedCommit,
  agent?: AgentName,
): Promise<Result<Landing, WorkspaceFault>> {
  const stale = (diff: WorkspaceDiff) => changedSinceShown(changes, diff)
  const [state, workspace, choose] = [dirname(dirname(changes)), basename(changes), choosing(wanted, stale)]
  const marks: (() => void)[] = []
  let unmarked: string | undefined
  let contained: string | undefined
  const landing = await workspaces.commitChosen(changes, async (diff) => {
    const chosen = await choose(diff)
    if (chosen.paths.length === 0) return chosen
    const now = containedNow(state, agent)
    const isTold =
      now.ok && (now.value === undefined || (wanted.paths !== undefined && now.value.order === wanted.told))
    if (!isTold) {
      contained = now.ok ? now.value?.text : now.reason
      return { ...chosen, paths: [] }
    }
    try {
      marks.push(markLanded(state, { path: diff.record.lower, workspace, untilMs: Date.now() }))
      marks.push(markCommitted(state, workspace))
      return chosen
    } catch (error) {
      unmarked = error instanceof Error ? error.message : String(error)
      return { ...chosen, paths: [] }
    }
  })
  if (contained !== undefined) return no({ kind: 'unknown', problem: `nothing landed: ${contained}` })
  if (unmarked !== undefined)
    return no({ kind: 'unknown', problem: `nothing landed: its labels cannot be written down first (${unmarked})` })
  // Of any other fault nobody knows what it left.
  const none = landing.ok ? landing.value.landed.length === 0 : landing.reason.kind === 'unconfirmed'
  if (none) for (const takeBack of marks) takeBack()
  return landing
}

/** Writes it as it travels to the run whose cell lives on the files. */
export function wantedJson({ rule, paths, seen, confirmed, told }: WantedCommit): JsonObject {
  const text = (patterns: CommitRule['allow']) => patterns.map((pattern) => pattern.join('/'))
  return {
    allow: text(rule.allow),
    never: text(rule.never),
    ...(paths && { paths }),
    ...(seen !== undefined && { seen }),
    confirmed,
    ...(told !== undefined && { told }),
  }
}

export function wantedFrom(json: Json): WantedCommit {
  const { allow, never, paths, seen, confirmed, told } = isJsonObject(json) ? json : {}
  const texts = (value: Json | undefined) => (Array.isArray(value) ? value.map(String) : [])
  const patterns = (value: Json | undefined) => texts(value).flatMap((text) => [pathPattern(text) ?? fail(text)])
  return {
    rule: { allow: patterns(allow), never: patterns(never) },
    ...(paths !== undefined && { paths: texts(paths) }),
    ...(seen !== undefined && { seen: String(seen) }),
    confirmed: texts(confirmed),
    ...(typeof told === 'string' && { told }),
  }
}

/** A pattern that is not understood must not be left out of `never`. */
function fail(text: string): never {
  throw new RangeError(`not a pattern of paths: ${text}`)
}

import { dirname } from 'node:path'
import { isCovered } from '../gateway/content/cover.ts'
import { type Notice, openNotice } from '../gateway/pipeline/notice.ts'
import { isShortened } from '../gateway/pipeline/record.ts'
import { toolsOf } from '../host/prepare/catalogue.ts'
import { containmentOf, type Judged } from '../host/prepare/setup.ts'
import { tenantOf } from '../host/state/tenants.ts'
import type { LedgerFault } from '../ledger/log/fault.ts'
import type { Recorded } from '../ledger/log/recorded.ts'
import type { Log } from '../ledger/store.ts'
import type { Entry } from '../model/entry.ts'
import {
  type ActionHeld,
  type ActionId,
  type ActionIntent,
  type ActionRefused,
  type AgentName,
  type CellId,
  type DeclaredTool,
  type DetectorMode,
  type DetectorName,
  type EnvironmentName,
  isJsonObject,
  type JsonObject,
  type LowerRung,
  type Noticed,
  no,
  ok,
  type Result,
} from '../model/index.ts'
import { preparedDetectors, Sentinel } from '../sentinel/index.ts'
import { sentArguments } from './replay.ts'

/** One signal that a detector raises over a log, under the configuration at hand. */
export interface WouldFire {
  readonly log: string
  /** The entry that trips it. */
  readonly seq: number
  readonly atMs: number
  readonly detector: DetectorName
  readonly mode: DetectorMode
  readonly rung: LowerRung
  readonly what: string
  readonly evidence: readonly number[]
  readonly cell: CellId
  readonly agent: AgentName
  readonly action?: ActionId
  /** `upstream/tool`, where the entry names one. */
  readonly tool?: string
}

export interface DetectorReplay {
  readonly entries: number
  readonly signals: readonly WouldFire[]
  /** Attempts whose whole arguments could not be read: what they named was looked for in what their entries show. */
  readonly partly: number
}

/**
 * Folds one log through detectors again, in order, as a gateway with this configuration would have.
 *
 * - RD1  Deterministic: it depends on the log and the configuration alone.
 * - RD2  What is watched for is looked for again, in the bytes that were sent where they can be read; what the gateway
 *        noticed then counts as well, since it saw the whole of what was refused.
 */
export async function replayDetectors(
  judged: Judged,
  names: readonly DetectorName[],
  log: Log,
): Promise<Result<DetectorReplay, LedgerFault>> {
  const { rules } = judged.config.containment
  const detectors = preparedDetectors(rules).filter(({ name }) => names.includes(name))
  const tools = declaredTools(judged)
  const sentinel = new Sentinel({ rules, tools }, detectors)
  const notices = new Map<EnvironmentName, Notice>()
  const noticeOf = (environment: EnvironmentName) => {
    const notice = notices.get(environment) ?? noticeFor(judged, environment, log.paths, tools)
    notices.set(environment, notice)
    return notice
  }
  const signals: WouldFire[] = []
  let [entries, partly] = [0, 0]
  for await (const recorded of log.recorded()) {
    if (!recorded.ok) return no(recorded.reason)
    const { entry, isPart } = await whole(recorded.value, noticeOf)
    entries++
    if (isPart) partly++
    for (const { raised } of sentinel.fold(entry)) {
      const { detector, mode, rung, what, evidence, cell, agent, action } = raised
      signals.push({
        log: log.name,
        seq: entry.seq,
        atMs: entry.atMs,
        detector: detector as DetectorName, // from the table
        mode,
        rung,
        what,
        evidence,
        cell,
        agent,
        ...(action && { action }),
        ...(isAttempt(entry) && entry.upstream && entry.tool && { tool: `${entry.upstream}/${entry.tool}` }),
      })
    }
  }
  return ok({ entries, signals, partly })
}

type Attempt = (ActionIntent | ActionHeld | ActionRefused) & Entry

function isAttempt(entry: Entry): entry is Attempt {
  return entry.kind === 'action.intent' || entry.kind === 'action.held' || entry.kind === 'action.refused'
}

async function whole(
  { entry, bytes, skip }: Recorded,
  noticeOf: (environment: EnvironmentName) => Notice,
): Promise<{ readonly entry: Entry; readonly isPart: boolean }> {
  // An answer's bytes tell no detector anything.
  if (entry.kind === 'action.outcome') skip(entry.payload)
  if (!isAttempt(entry)) return { entry, isPart: false }
  const sent = 'payload' in entry && entry.payload ? await bytes(entry.cell, entry.payload) : undefined
  const { upstream, operation = 'tool', tool, args = {} } = entry
  const sentArgs = sent && sentArguments(entry, sent)
  const shown: JsonObject = isJsonObject(args) ? args : {}
  const { noticed = [] } =
    tool === undefined ? {} : noticeOf(entry.environment).in({ upstream, operation, target: tool }, sentArgs ?? shown)
  const then: readonly Noticed[] = entry.noticed ?? []
  const all = [...noticed, ...then.filter(({ name }) => !noticed.some((each) => each.name === name))]
  const { noticed: _, ...rest } = entry
  const isPart = sentArgs === undefined && (isShortened(args) || isCovered(args))
  return { entry: all.length === 0 ? rest : { ...rest, noticed: all }, isPart }
}

export function declaredTools({ config, accepted }: Judged): ReadonlyMap<string, DeclaredTool> {
  return new Map(
    [...config.upstreams.values()].flatMap((upstream) =>
      [...toolsOf(upstream, accepted)].map(([name, { declared }]) => [`${upstream.name}/${name}`, declared] as const),
    ),
  )
}

export function noticeFor(
  { config }: Judged,
  environment: EnvironmentName,
  ledger: Log['paths'],
  tools: ReadonlyMap<string, DeclaredTool>,
): Notice {
  const tenant = tenantOf(config, environment)
  const { decoys, places, ownPaths } = containmentOf(config, tenant)
  const own = [...config.upstreams.values()].filter((upstream) => tenantOf(config, upstream.environment) === tenant)
  return openNotice({
    environment,
    decoys,
    environments: new Map(own.map((upstream) => [upstream.name, upstream.environment])),
    places,
    ownPaths: [...ownPaths, ...ledger.flatMap((path) => [path, dirname(dirname(path))])].filter(
      (path) => path.split('/').length > 2,
    ),
    tools,
  })
}

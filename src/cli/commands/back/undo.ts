import { randomBytes } from 'node:crypto'
import { duration } from '../../../config/units.ts'
import { declaredFor, ordersOf, storyOf } from '../../../host/people/undo.ts'
import type { UndoOrder } from '../../../host/people/undo-order.ts'
import type { Judged } from '../../../host/prepare/setup.ts'
import { logsOf } from '../../../host/state/logs.ts'
import type { Log } from '../../../ledger/store.ts'
import type { UndoHistory } from '../../../ledger/views/undo-history.ts'
import {
  agentName,
  environmentName,
  type JsonObject,
  LIMITS,
  NAME_PATTERN,
  newCellId,
  no,
  ok,
  personName,
  type Result,
} from '../../../model/index.ts'
import { cutText } from '../../../model/text/text.ts'
import { operatorFor } from '../../../operator/operator.ts'
import { type Plan, planOf, type Selection } from '../../../recovery/plan.ts'
import { type Call, type Command, EXIT, type ExitCode } from '../../command.ts'
import { readConfig } from '../../options/config.ts'
import { STATE_OPTIONS, stateOf } from '../../options/state.ts'
import { sharedTerminal } from '../../person/own-terminal.ts'
import { planLines, planObject, totalsLine, totalsOfAll } from '../../print/undo-table.ts'

export const command: Command = {
  name: 'undo',
  usage: [
    'firebreak undo <cell|delegation|action> --by <person> --reason <text> [--dry-run]',
    'firebreak undo --since <time> [--agent <name>] --by <person> --reason <text> [--dry-run]',
  ],
  example:
    'firebreak undo c_4f7r2mz0q8t1x5ka --dry-run\nfirebreak undo --since 2h --agent desk --by maria.silva@shop.example --reason "refund storm"',
  words: 1,
  options: {
    ...STATE_OPTIONS,
    since: { type: 'string', value: 'time', help: 'what was done since: a duration like 2h, or an ISO 8601 time' },
    agent: { type: 'string', short: 'a', value: 'name', help: 'only what this agent did' },
    by: { type: 'string', value: 'person', help: 'who orders it, as the ledger will name them' },
    reason: { type: 'string', value: 'text', help: 'why, for the ledger' },
    'dry-run': { type: 'boolean', help: 'show the plan, and do nothing' },
  },
  run,
}

/** The effects of one environment that were named. */
export interface UndoPart {
  readonly log: string
  readonly record: Log
  readonly state: string
  readonly story: UndoHistory
  readonly plan: Plan
}

async function run(call: Call): Promise<ExitCode> {
  const selection = selectionOf(call, Date.now())
  if (!selection.ok) return usage(call, selection.reason)
  const dry = call.flag('dry-run')
  const by = call.text('by')
  const why = call.text('reason')
  if (!dry && (by === undefined || why === undefined || by === '' || why === ''))
    return usage(call, 'who orders it, and why? --by <person> --reason <text>; --dry-run shows the plan')
  const state = stateOf(call)
  const read = await readConfig(call, state)
  if (!read.ok) return read.reason
  const planned = await plansOf(call, state, read.value, selection.value)
  if (!planned.ok) return planned.reason
  const before = planned.value
  for (const line of planLines(before, dry ? 'plan' : 'before')) call.print.line(line)
  if (dry) {
    call.print.object({ ok: true, dryRun: true, ...planObject(before) })
    return EXIT.ok
  }
  const shared = sharedTerminal(state)
  if (shared !== undefined) {
    call.print.fault(shared, 'nothing was undone')
    return EXIT.denied
  }
  const what: JsonObject = { ...selection.value }
  const problems: string[] = []
  for (const part of before) {
    const orders = ordersOf(read.value.config, part.story, part.plan).flatMap(({ effects, ...served }) =>
      Array.from({ length: Math.ceil(effects.length / LIMITS.undoEffectsMax) }, (_, i) => ({
        ...served,
        effects: effects.slice(i * LIMITS.undoEffectsMax, (i + 1) * LIMITS.undoEffectsMax),
      })),
    )
    for (const each of orders) {
      const order: UndoOrder = {
        cell: newCellId(randomBytes(16)),
        environment: environmentName(part.log),
        by: personName(by ?? ''),
        why: cutText(why ?? '', 500),
        what,
        ...each,
      }
      const done = await follow(call, read.value, state, part, order)
      if (!done.ok) problems.push(`${part.log}: ${done.reason}`)
      if (!done.ok) break
    }
  }
  const after = await plansOf(call, state, read.value, selection.value)
  if (!after.ok) return after.reason
  for (const line of planLines(after.value, 'after')) call.print.line(line)
  call.print.line(totalsLine(after.value))
  const code = exitCode(after.value, problems)
  const error = problems.length > 0 ? { error: problems.join('; ') } : {}
  call.print.object({ ok: code === EXIT.ok, ...error, ...planObject(after.value) })
  for (const problem of problems) call.print.progress(problem)
  return code
}

function usage(call: Call, problem: string): ExitCode {
  call.print.fault(problem, ...command.usage.map((line) => `usage: ${line}`))
  return EXIT.usage
}

function selectionOf(call: Call, nowMs: number): Result<Selection, string> {
  const [of] = call.positionals
  const since = call.text('since')
  const agent = call.text('agent')
  if (of === undefined && since === undefined)
    return no('undo what? A cell, a delegation, an action, or --since <time>')
  if (of !== undefined && !/^[acd]_[0-9a-z]{16,20}$/.test(of))
    return no(`"${of}" is no cell (c_…), delegation (d_…) or action (a_…): firebreak logs shows them`)
  if (agent !== undefined && !NAME_PATTERN.test(agent)) return no(`"${agent}" is no agent's name`)
  const ago = since === undefined ? undefined : duration(since)
  const sinceMs = since === undefined ? undefined : ago === undefined ? Date.parse(since) : nowMs - ago
  if (sinceMs !== undefined && !Number.isSafeInteger(sinceMs))
    return no(`--since ${since}: a duration like 2h, or a time like 2026-11-22T10:00Z`)
  return ok({
    ...(of !== undefined && { of }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(agent !== undefined && { agent: agentName(agent) }),
  })
}

async function plansOf(
  call: Call,
  state: string,
  { config }: Judged,
  selection: Selection,
): Promise<Result<readonly UndoPart[], ExitCode>> {
  const logs = await logsOf(state)
  if (!logs.ok) {
    call.print.fault(logs.reason)
    return no(EXIT.storeUnreachable)
  }
  const parts: UndoPart[] = []
  let known = selection.of === undefined
  for (const { log, state: own } of logs.value) {
    const story = await storyOf(log)
    if (!story.ok) {
      call.print.fault(story.reason, 'firebreak ledger verify tells more')
      return no(EXIT.storeUnreachable)
    }
    known ||= story.value.knows(selection.of ?? '')
    const plan = planOf(story.value, selection, declaredFor(config))
    if (!plan.ok) {
      call.print.fault(plan.reason)
      return no(EXIT.denied)
    }
    parts.push({ log: log.name, record: log, state: own, story: story.value, plan: plan.value })
  }
  if (known) return ok(parts)
  call.print.fault(`there is no ${selection.of} in ${state}`, 'firebreak logs shows what there is')
  return no(EXIT.failed)
}

/** Has one order carried out, and tells how far it is. A command that was killed is ordered again. */
async function follow(
  call: Call,
  judged: Judged,
  state: string,
  part: UndoPart,
  order: UndoOrder,
): Promise<Result<void, string>> {
  if (judged.config.environments.get(order.environment)?.undo === undefined)
    return no(
      `nothing is granted to undo: environments: { ${part.log}: { undo: { owner: …, grants: [{ upstream: …, tools: […], expires: 1h }] } } }`,
    )
  call.print.progress(`undo ${order.cell}: ${order.effects.length} effects in ${part.log}`)
  const watch = new AbortController()
  const watched = progress(call, part.record, order, watch.signal)
  const done = await operatorFor(state, judged).undo(order)
  watch.abort()
  await watched
  return done
}

const TOLD_EVERY_MS = 2_000

/** Tells how far a storm is while it takes its time, as the ledger says it; no more than every two seconds. */
async function progress(call: Call, log: Log, order: UndoOrder, signal: AbortSignal): Promise<void> {
  const effects = new Set(order.effects)
  const tried = new Set<string>()
  let toldAtMs = performance.now()
  for await (const entry of log.follow(signal)) {
    if (!entry.ok) return
    const { value } = entry
    if (value.kind !== 'action.intent' || value.cell !== order.cell || value.undoes === undefined) continue
    if (effects.has(value.undoes)) tried.add(value.undoes)
    if (performance.now() - toldAtMs < TOLD_EVERY_MS) continue
    toldAtMs = performance.now()
    call.print.progress(`${tried.size} of ${order.effects.length} effects`)
  }
}

/** Returns the exit code: what is not undone, and could have been, is no success. */
function exitCode(parts: readonly UndoPart[], problems: readonly string[]): ExitCode {
  const totals = totalsOfAll(parts)
  const waits = parts.some(({ plan }) =>
    plan.effects.some(({ effect, standing }) => standing.kind === 'undoable' && effect.refused?.held !== undefined),
  )
  if (waits) return EXIT.needsApproval
  if (totals.undoable > 0) return EXIT.denied
  return problems.length > 0 || totals.failed > 0 || totals.unknown > 0 || totals.irreversible > 0
    ? EXIT.failed
    : EXIT.ok
}

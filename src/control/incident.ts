import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import process from 'node:process'
import { loadConfig } from '../config/load.ts'
import { declaredFor } from '../host/people/undo.ts'
import { digestFor, grantOf, type Judged, judgeConfig } from '../host/prepare/setup.ts'
import { agentReach } from '../host/reach/reach.ts'
import { configDiff } from '../host/reach/reach-diff.ts'
import { sealedPlaceOf } from '../host/state/stores.ts'
import { readReceipt, unrecordedStops } from '../host/stop/receipt.ts'
import { faultText } from '../ledger/log/fault.ts'
import type { Log } from '../ledger/store.ts'
import { verifyLedger } from '../ledger/verify/verify.ts'
import type { EffectRecord } from '../ledger/views/effects.ts'
import { type AgentName, budgetText, type CellId, isJsonObject, type JsonPath } from '../model/index.ts'
import { cutText } from '../model/text/text.ts'
import { incidentOf, type Material } from '../recovery/incident/compose.ts'
import { Dossier } from '../recovery/incident/dossier.ts'
import type { Incident, ProposedChange } from '../recovery/incident/incident.ts'
import { tightenings } from '../recovery/incident/tighten.ts'
import { planOf } from '../recovery/plan.ts'
import { tightened, unifiedDiff } from '../rehearsal/proposed-config.ts'
import { diffText, reachText } from './reach-text.ts'
import { reasonsTold } from './reasons-told.ts'

/** One log, and the state that its receipts and its witness's seals lie in. */
export interface IncidentPlace {
  readonly log: Log
  readonly state: string
}

export interface IncidentRequest {
  readonly place: IncidentPlace
  readonly cell: CellId
  readonly agent: AgentName | undefined
  readonly nowMs: number
  /** The configuration at hand, or why there is none. */
  readonly judged: Judged | { readonly problem: string }
}

/** Returns whose cell it is, as far as one log can be read; undefined where it does not stand in it. */
export async function agentOfCell(
  log: Log,
  cell: CellId,
): Promise<{ readonly agent?: AgentName; readonly damage?: string }> {
  for await (const entry of log.read()) {
    if (!entry.ok) return { damage: faultText(entry.reason) }
    if (entry.value.kind === 'cell.started' && entry.value.cell === cell) return { agent: entry.value.agent }
  }
  return {}
}

/** Reads everything that there is about one cell, and puts it together. Nothing is written, and nothing is changed. */
export async function makeIncident({ place, cell, agent, nowMs, judged }: IncidentRequest): Promise<Incident> {
  const config = 'problem' in judged ? undefined : judged
  const dossier = new Dossier(cell, agent, reasonsTold)
  let damage: string | undefined
  for await (const entry of place.log.read()) {
    if (entry.ok) dossier.take(entry.value)
    else damage = faultText(entry.reason)
  }
  const declaredOf = config === undefined ? () => undefined : declaredFor(config.config)
  const planned = planOf(dossier.story, { of: cell }, declaredOf)
  // A name of a cell always selects something, be it nothing.
  if (!planned.ok) throw new Error(planned.reason)
  const { damage: found, ...proof } = await proofOf(place)
  const orders = new Set(dossier.contained.map(({ receipt }) => String(receipt.order)))
  return incidentOf({
    cell,
    log: place.log.name,
    nowMs,
    dossier,
    ...((damage ?? found) !== undefined && { damage: damage ?? found }),
    plan: planned.value,
    destinationsOf: (effect) => destinationsOf(config, effect),
    // An older log does not say, and the configuration at hand is all that there is.
    labelsAtStart: (name) => (dossier.begun.has(name) ? [] : (config?.config.agents.get(name)?.cell.labels ?? [])),
    authority: authorityOf(judged, dossier),
    receipts: new Map([...orders].map((order) => [order, readReceipt(place.state, order, dossier.cells)])),
    unrecorded: unrecordedStops(place.state, dossier.cells, orders),
    proof,
    change: config === undefined ? NO_CHANGE : await changeOf(config, dossier),
  })
}

/** Returns its destinations as declared, else every text of its arguments: what nobody declared is a destination. */
function destinationsOf(judged: Judged | undefined, { upstream, tool, args }: EffectRecord): readonly JsonPath[] {
  const declared = judged?.config.upstreams.get(upstream)?.tools.get(tool)
  if (declared?.destinations !== undefined) return declared.destinations.map(({ path }) => path)
  const carried = new Set((declared?.content ?? []).map(([step]) => (typeof step === 'object' ? step.name : '')))
  if (!isJsonObject(args)) return []
  return Object.entries(args).flatMap(([name, value]) =>
    typeof value === 'string' && !carried.has(name) ? [[{ name }]] : [],
  )
}

function authorityOf(judged: IncidentRequest['judged'], { started, gateway }: Dossier): Material['authority'] {
  if ('problem' in judged) return { grants: [], reach: [], problem: judged.problem }
  const { config } = judged
  const agent = started && config.agents.get(started.agent)
  if (agent === undefined)
    return { grants: [], reach: [], problem: 'The configuration at hand declares no such agent.' }
  const reach = agentReach(judged, agent.name)
  const digest = digestFor(judged, agent.environment)
  const changed = gateway !== undefined && gateway.configuration !== digest
  return {
    grants: agent.grants.map((grant, i) => {
      const { id, upstream, tools, budgets, grantedBy, source } = grantOf(agent, grant, i)
      return {
        id,
        by: grantedBy,
        place: `${source.file}:${source.line}`,
        upstream,
        tools: [...tools],
        ...(grant.when && { when: grant.when.value }),
        budgets: budgets.map(budgetText),
      }
    }),
    reach: reach === undefined ? [] : cutLines(reachText(reach)),
    ...(changed && {
      problem: `The configuration at hand is not the one that it ran under (${digest} now): what follows is today’s.`,
    }),
  }
}

const FINDINGS_MAX = 20

/**
 * Returns what seals and witness prove of a log. A reader of the log alone takes damage in its newest segment for its
 * end: the witness knows better.
 */
async function proofOf({ log, state }: IncidentPlace): Promise<Material['proof'] & { readonly damage?: string }> {
  const place = sealedPlaceOf(state)
  const key = readKey(join(place.witness.directory, 'witness.pub'))
  const shown = { ...(key !== undefined && { witnessKey: key }) }
  const verified = await verifyLedger(place)
  if (!verified.ok) return { problem: verified.reason.problem, findings: [], findingsLeftOut: 0, ...shown }
  const own = verified.value.findings.filter((finding) => finding.log === log.name)
  const report = verified.value.logs.find((each) => each.log === log.name)
  const findings = own.slice(0, FINDINGS_MAX).map(({ kind, problem, seq, file }) => {
    const where = [seq === undefined ? '' : `entry ${seq}`, file ?? ''].filter((each) => each !== '').join(', ')
    return `${kind}: ${problem}${where === '' ? '' : ` (${where})`}`
  })
  const broken = own.find(({ kind }) => kind === 'damaged' || kind === 'truncated' || kind === 'missing')
  return {
    ...(broken && { damage: broken.problem }),
    findings,
    findingsLeftOut: own.length - findings.length,
    ...shown,
    ...(report === undefined
      ? { problem: 'the log could not be judged' }
      : {
          log: {
            intact: own.length === 0,
            entries: report.entries,
            sealed: report.sealed,
            seals: report.seals,
            ...(report.sealedAtMs !== undefined && { sealedAtMs: report.sealedAtMs }),
            root: report.root,
            payloadsChecked: report.payloads.checked,
            payloadsUnchecked: report.payloads.unchecked,
          },
        }),
  }
}

function readKey(path: string): string | undefined {
  try {
    return cutText(readFileSync(path, 'utf8').trim(), 256)
  } catch {
    return undefined
  }
}

const NO_CHANGE: ProposedChange = {
  proposals: [],
  patch: [],
  reach: [],
  problem: 'Without a configuration there is nothing to propose.',
}
/** Most lines of a reach, of a patch, of what changes by it. */
const LINES_MAX = 200

/** Written into a copy of the configuration's text, which is judged as the file itself would be; the file is not touched. */
async function changeOf(judged: Judged, dossier: Dossier): Promise<ProposedChange> {
  const { config } = judged
  const agent = dossier.started && config.agents.get(dossier.started.agent)
  if (agent === undefined) return NO_CHANGE
  const proposed = tightenings(dossier, {
    grants: agent.grants.map((grant, i) => ({ ...grantOf(agent, grant, i), tools: [...grant.tools] })),
    declared: (tool) => {
      const [upstream, name] = [tool.slice(0, tool.indexOf('/')), tool.slice(tool.indexOf('/') + 1)]
      const tools = [...config.upstreams.values()].find((each) => each.name === upstream)?.tools.values() ?? []
      return [...tools].find((each) => each.name === name)
    },
    labelsAtStart: dossier.started?.labels ?? agent.cell.labels,
    hasDecoys: Object.values(config.containment.decoys).some(({ length }) => length > 0),
    observing: (detector) =>
      Object.entries(config.containment.rules).some(([name, { mode }]) => name === detector && mode === 'observe'),
  })
  const proposals = proposed.map(({ what, why }) => ({ what, why }))
  const before = readFileSync(config.file, 'utf8')
  let text = before
  let byHand = 0
  // From the last grant on: taking one out moves those behind it.
  for (const change of proposed.toSorted((a, b) => grantIn(b) - grantIn(a))) {
    const next = tightened(text, agent.name, change)
    if (next === undefined) byHand++
    text = next ?? text
  }
  const written =
    byHand === 0 ? {} : { problem: `${byHand} of these cannot be written into the file without changing more of it.` }
  if (text === before) return { proposals, patch: [], reach: [], ...written }
  const loaded = await loadConfig(config.file, { node: process.execPath }, text)
  const after = loaded.ok ? await judgeConfig(loaded.value) : loaded
  if (!after.ok) {
    const [first] = after.reason
    return {
      proposals,
      patch: [],
      reach: [],
      problem: `Together they make no configuration: ${first?.message ?? 'it cannot be read'}`,
    }
  }
  const changes = configDiff(judged, after.value).filter(({ changes: own }) => own.length > 0)
  const patch = unifiedDiff(basename(config.file), before, text)
  return { proposals, patch: cutLines(patch), reach: cutLines(diffText(changes)), ...written }
}

function cutLines(lines: readonly string[]): readonly string[] {
  const left = lines.length - LINES_MAX
  return left <= 0 ? lines : [...lines.slice(0, LINES_MAX), ` … and ${left} lines more`]
}

function grantIn(change: { readonly kind: string }): number {
  return 'grant' in change && typeof change.grant === 'number' ? change.grant : -1
}

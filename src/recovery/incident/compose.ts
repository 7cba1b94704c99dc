import type { EffectRecord } from '../../ledger/views/effects.ts'
import {
  type ActionId,
  type AgentName,
  type CellId,
  decimalText,
  isJsonObject,
  type Json,
  type JsonPath,
  type Label,
  moneyFrom,
} from '../../model/index.ts'
import { howToFindOut, type Plan, type PlannedEffect } from '../plan.ts'
import { type Dossier, isStop, taskText, type Use } from './dossier.ts'
import type {
  Acted,
  AuthorityTold,
  EffectRow,
  EffectsTold,
  GrantTold,
  Incident,
  IncidentVerdict,
  LedgerProof,
  ProposedChange,
  ReceiptTold,
  StopTold,
  Subject,
} from './incident.ts'
import { confirmationsIn, inFlightIn, outcomeTold } from './receipt-told.ts'
import { ours, rungText, w } from './wording.ts'

/** The material of an incident page: all of it was read, and none of it is believed to be well-formed. */
export interface Material {
  readonly cell: CellId
  readonly log: string
  /** Epoch ms. */
  readonly nowMs: number
  readonly dossier: Dossier
  /** The reason for which the log could be read no further. */
  readonly damage?: string
  readonly plan: Plan
  readonly destinationsOf: (effect: EffectRecord) => readonly JsonPath[]
  /** Returns the labels that a cell of this agent had before its first action. */
  readonly labelsAtStart: (agent: AgentName) => readonly Label[]
  readonly authority: Omit<AuthorityTold, 'grants'> & { readonly grants: readonly Omit<GrantTold, 'used'>[] }
  /** Receipts of stops, by their orders. */
  readonly receipts: ReadonlyMap<string, ReceiptTold>
  /** Signed receipts about the cell whose orders stand in no entry: there was no gateway to write one. */
  readonly unrecorded: readonly StopTold[]
  readonly proof: Omit<LedgerProof, 'entries'>
  readonly change: ProposedChange
}

const ROWS_MAX = 60
const STOPS_MAX = 8
const CONFIRMATIONS_MAX = 40
const PEOPLE_MAX = 40
const VALUES_MAX = 5

export function incidentOf(material: Material): Incident {
  const { cell, log, nowMs, dossier, damage, plan, change } = material
  const { entries, own, malformed, firstSeq, lastSeq } = dossier
  const subject = subjectOf(dossier)
  const stops = [...stopsOf(dossier, material.receipts), ...material.unrecorded.map(shortened)].toSorted(
    (a, b) => a.atMs - b.atMs,
  )
  const authority = { ...material.authority, grants: withUse(material.authority.grants, dossier) }
  const carrying = [...dossier.signals, ...dossier.lowered, ...dossier.contained].map(({ seq }) => seq)
  return {
    v: 1,
    cell,
    log,
    madeAtMs: nowMs,
    ...(subject && { subject }),
    read: {
      entries,
      own,
      malformed,
      ...(firstSeq !== undefined && { firstSeq }),
      ...(lastSeq !== undefined && { lastSeq }),
      ...(damage !== undefined && { damage }),
    },
    verdict: verdictOf(dossier, stops),
    people: peopleOf(dossier, authority.grants).slice(0, PEOPLE_MAX),
    timeline: dossier.timeline.result(),
    authority,
    effects: effectsOf(plan, material),
    stops: stops.slice(0, STOPS_MAX),
    stopsLeftOut: Math.max(0, stops.length - STOPS_MAX),
    proof: { ...material.proof, entries: [...new Set(carrying)].sort((a, b) => a - b).slice(0, 40) },
    change,
  }
}

function subjectOf({ started, gateway, endedAtMs, cells }: Dossier): Subject | undefined {
  if (started === undefined) return undefined
  const { agent, owner, environment, atMs, task } = started
  return {
    agent,
    owner,
    environment,
    startedAtMs: atMs,
    cells: cells.size,
    ...(gateway?.tenant && { tenant: gateway.tenant }),
    ...(endedAtMs !== undefined && { endedAtMs }),
    ...(task !== undefined && { task: taskText(task) }),
    ...(gateway && { configuration: gateway.configuration }),
  }
}

function verdictOf(dossier: Dossier, stops: readonly StopTold[]): IncidentVerdict {
  const { lowered, signals, released, story } = dossier
  const kind = stops.some(({ contained }) => !contained) ? 'not-contained' : stops.length > 0 ? 'contained' : undefined
  const stop = lowered.find(({ rung }) => isStop(rung))
  const [first] = stops
  if (stop === undefined || (first !== undefined && !first.recorded && first.atMs < stop.atMs)) {
    if (first === undefined) return { kind: 'not-stopped', later: dossier.later }
    const { atMs, rung, by, why } = first
    return { kind: kind ?? 'lowered', stop: { atMs, rung, by, why }, later: laterThan(atMs, dossier) }
  }
  const signal = signals.find(({ seq }) => seq === stop.signal)
  const tripped = signal?.action === undefined ? undefined : trippedBy(signal.action, story.history.effects)
  const { atMs, rung, by, why } = stop
  return {
    kind: kind ?? 'lowered',
    stop: { atMs, rung, by, why, ...(signal && { detector: signal.detector }) },
    ...(tripped && { tripped }),
    later: dossier.later,
    ...(released && { released: { atMs: released.atMs, by: released.by, why: released.why } }),
  }
}

/** Counts what was sent after the time of a stop that no entry records, by the clock that both were written by. */
function laterThan(stoppedAtMs: number, { uses, cells }: Dossier): IncidentVerdict['later'] {
  const later = uses.filter(({ cell, atMs, unsent }) => cells.has(cell) && atMs > stoppedAtMs && unsent === undefined)
  const reads = later.filter(({ effect }) => effect === 'read').length
  return { effects: later.length - reads, reads }
}

/**
 * Describes the effect that tripped a detector. One that was refused or held never left; an action that is no effect is
 * not shown.
 */
function trippedBy(action: ActionId, effects: ReadonlyMap<ActionId, EffectRecord>): IncidentVerdict['tripped'] {
  const effect = effects.get(action)
  if (effect === undefined) return undefined
  const { upstream, tool, outcome } = effect
  const left =
    outcome === undefined || outcome.kind === 'unknown' ? 'unknown' : outcome.kind === 'not-sent' ? 'no' : 'yes'
  return { action, tool: `${upstream}/${tool}`, left }
}

function peopleOf(dossier: Dossier, grants: readonly GrantTold[]): readonly Acted[] {
  const { started, answers, lowered, released, letGo, undos } = dossier
  const approvers = Object.entries(started?.approvers ?? {})
  const acted: readonly Acted[] = [
    ...answers.map(({ by, approved, hold, atMs }) => ({
      who: by,
      did: w`${ours(approved ? 'approved' : 'denied')} ${hold}`,
      atMs,
    })),
    ...lowered
      .filter(({ by }) => by !== 'firebreak')
      .map(({ by, rung, why, atMs }) => ({ who: by, did: w`ordered ${rungText(rung)}: ${why}`, atMs })),
    ...undos.map(({ by, why, atMs }) => ({ who: by, did: w`ordered the undo: ${why}`, atMs })),
    ...(letGo ? [{ who: letGo.by, did: w`had let its agent go before: ${letGo.why}`, atMs: letGo.atMs }] : []),
    ...(released ? [{ who: released.by, did: w`released it: ${released.why}`, atMs: released.atMs }] : []),
  ]
  return [
    ...(started ? [{ who: started.owner, did: w`answers for ${started.agent}` }] : []),
    ...grants.map(({ by, id, place }) => ({ who: by, did: w`gave grant ${id}, ${place}` })),
    ...approvers.map(([grant, who]) => ({ who, did: w`had agreed to grant ${grant} when the cell started` })),
    ...acted.toSorted((a, b) => (a.atMs ?? 0) - (b.atMs ?? 0)),
  ]
}

function withUse(grants: readonly Omit<GrantTold, 'used'>[], { used }: Dossier): readonly GrantTold[] {
  return grants.map((grant) => {
    const { calls, spend } = used.get(grant.id) ?? { calls: 0, spend: new Map<string, bigint>() }
    return { ...grant, used: { calls, spend: sumTexts(spend) } }
  })
}

function sumsOf(amounts: readonly NonNullable<Use['spend']>[]): readonly string[] {
  const sums = new Map<string, bigint>()
  for (const { units, currency } of amounts) sums.set(currency, (sums.get(currency) ?? 0n) + units)
  return sumTexts(sums)
}

function sumTexts(sums: ReadonlyMap<string, bigint>): readonly string[] {
  return [...sums].filter(([, units]) => units !== 0n).map(([currency, units]) => `${decimalText(units)} ${currency}`)
}

function effectsOf({ effects, notSent, totals }: Plan, material: Material): EffectsTold {
  const { dossier } = material
  const about = effects.map((planned) => ({ planned, ...placeOf(planned, material) }))
  const groups = [
    ...Map.groupBy(about, ({ planned: { effect, standing }, destinations, labels }) =>
      JSON.stringify([effect.upstream, effect.tool, outcomeTold(effect.outcome), standing, destinations, labels]),
    ).values(),
  ]
  const rows = groups.flatMap((group) => {
    const [newest] = group
    return newest === undefined ? [] : [{ ...newest, all: group.map(({ planned }) => planned.effect) }]
  })
  const shown = rows.toSorted((a, b) => rank(b.planned) - rank(a.planned)).slice(0, ROWS_MAX)
  const told = shown.reduce((sum, { all }) => sum + all.length, 0)
  return {
    totals,
    notSent,
    rows: shown.map(rowOf),
    leftOut: effects.length - told,
    undos: dossier.undos.map(({ atMs, by, why }) => ({ atMs, by, why })),
  }
}

/**
 * Returns the rank of an effect for the page: effects that a person has to look at rank higher, and stay where there is
 * no room for all.
 */
function rank({ standing }: PlannedEffect): number {
  return ['none', 'undone', 'undoable', 'irreversible', 'failed', 'unknown'].indexOf(standing.kind)
}

function placeOf(
  { effect }: PlannedEffect,
  { destinationsOf, labelsAtStart, dossier }: Material,
): { readonly destinations: readonly string[]; readonly labels: readonly Label[] } {
  const values = destinationsOf(effect).flatMap((path) => valuesAt(effect.args, path))
  const labels = new Set([...labelsAtStart(effect.agent), ...(dossier.labels.get(effect.action) ?? [])])
  return { destinations: [...new Set(values)].slice(0, VALUES_MAX), labels: [...labels] }
}

interface Alike {
  readonly planned: PlannedEffect
  readonly destinations: readonly string[]
  readonly labels: readonly Label[]
  readonly all: readonly EffectRecord[]
}

function rowOf({ planned, destinations, labels, all }: Alike): EffectRow {
  const { effect, standing } = planned
  const times = all.map(({ atMs }) => atMs)
  const spend = sumsOf(all.flatMap((each) => (each.spend === undefined ? [] : (moneyFrom(each.spend) ?? []))))
  const sent = outcomeTold(effect.outcome)
  return {
    tool: `${effect.upstream}/${effect.tool}`,
    effect: effect.effect,
    count: all.length,
    firstAtMs: times.reduce((a, b) => Math.min(a, b)),
    lastAtMs: times.reduce((a, b) => Math.max(a, b)),
    action: effect.action,
    destinations,
    spend,
    labels,
    outcome: sent === 'not-sent' ? 'unknown' : sent,
    standing: standing.kind === 'none' ? 'unknown' : standing.kind,
    ...(standing.kind === 'undone' && { by: standing.by }),
    ...('why' in standing && standing.why !== undefined && { why: standing.why }),
    ...(standing.kind === 'unknown' && { howToFindOut: howToFindOut(planned) }),
  }
}

function valuesAt(value: Json | undefined, [step, ...rest]: JsonPath): readonly string[] {
  if (value === undefined) return []
  if (step === undefined) return typeof value === 'string' ? [value] : [JSON.stringify(value)]
  if (step === 'items')
    return Array.isArray(value) ? (value as readonly Json[]).flatMap((item) => valuesAt(item, rest)) : []
  return isJsonObject(value) && Object.hasOwn(value, step.name) ? valuesAt(value[step.name], rest) : []
}

function shortened(stop: StopTold): StopTold {
  return { ...stop, confirmations: stop.confirmations.slice(0, CONFIRMATIONS_MAX) }
}

/** An order to several cells has an entry of each: together they are one stop. */
function stopsOf({ contained, lowered, story }: Dossier, receipts: Material['receipts']): readonly StopTold[] {
  const orders = Map.groupBy(contained, ({ receipt }) => String(receipt.order))
  return [...orders].flatMap(([order, entries]) => {
    const [first] = entries
    if (first === undefined) return []
    const points = entries.flatMap(({ receipt }) => confirmationsIn(receipt.confirmations))
    const cause = lowered.findLast(({ seq, rung }) => seq <= first.seq && rung === first.rung)
    const landing = entries.map(({ receipt }) => Number(receipt.mayLandInAll ?? 0))
    return {
      order,
      atMs: typeof first.receipt.atMs === 'number' ? first.receipt.atMs : first.atMs,
      rung: first.rung,
      contained: entries.every(({ receipt }) => receipt.contained === true),
      // Where its gateway was ended, nothing but the receipt says who ordered it.
      by: cause?.by ?? String(first.receipt.by ?? 'firebreak'),
      why: cause?.why ?? String(first.receipt.why ?? ''),
      confirmations: [...new Map(points.map((each) => [each.point, each])).values()].slice(0, CONFIRMATIONS_MAX),
      recorded: true,
      inFlight: inFlightIn(entries[0]?.receipt.mayLand, story.history.effects),
      mayLand: Math.max(0, ...landing.filter(Number.isSafeInteger)),
      receipt: receipts.get(order) ?? { kind: 'missing', problem: 'nobody looked for it' },
    }
  })
}

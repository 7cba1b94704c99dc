import type { Effect } from '../../model/action.ts'
import type { ActionIntent, ActionOutcome, Commitment, Entry } from '../../model/entry.ts'
import type {
  ActionId,
  AgentName,
  CellId,
  EnvironmentName,
  ProtocolName,
  ToolName,
  UpstreamName,
} from '../../model/ids.ts'
import { isJsonObject, type Json } from '../../model/json.ts'
import { grantedName, isConnection } from '../../model/operation.ts'
import { type Check, isRepeatable, type Undo } from '../../model/undo.ts'

/** One action with an effect, and all that the ledger has of what became of it. */
export interface EffectRecord {
  readonly action: ActionId
  readonly seq: number
  readonly atMs: number
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly effect: Effect
  /** Arguments as the entry has them: shortened. */
  readonly args: Json
  readonly spend?: string
  /** Protocol that carried it; absent in old entries. */
  readonly protocol?: ProtocolName
  /** Commitment to the bytes that were sent. */
  readonly payload: Commitment
  outcome?: Outcome
  /** Compensations of it that were recorded to be sent, oldest first. */
  readonly attempts: CompensationAttempt[]
  /** The last compensation that was not let through. */
  refused?: { readonly seq: number; readonly reasons: Json; readonly held?: ActionId }
  /** The latest finding of its check. */
  found?: { readonly seq: number; readonly undone?: boolean; readonly problem?: string }
}

export interface Outcome {
  readonly kind: ActionOutcome['outcome']
  readonly happened?: ActionOutcome['happened']
  readonly payload?: Commitment
  readonly detail?: string
}

export interface CompensationAttempt {
  readonly action: ActionId
  readonly seq: number
  readonly args: Json
  outcome?: Outcome
}

/** The compensation and the check of an effect, as the configuration at hand declares them. */
export interface Declared {
  readonly undo?: Undo
  readonly check?: Check
}

/**
 * Every effect of a log, and what became of it: a fold over entries.
 *
 * - EF1  What compensates or looks at an effect is no effect of its own: nothing undoes an undo.
 * - EF2  An attempt without an outcome stays one: whoever sent it may be gone, and what it sent may have landed.
 */
export class EffectHistory {
  readonly effects: Map<ActionId, EffectRecord> = new Map()
  readonly #attempts = new Map<ActionId, CompensationAttempt>()

  take(entry: Entry): void {
    switch (entry.kind) {
      case 'action.intent':
        return this.#intent(entry)
      case 'action.outcome': {
        const { outcome: kind, happened, payload, detail } = entry
        const more = { ...(happened && { happened }), ...(payload && { payload }) }
        const outcome = { kind, ...more, ...(detail !== undefined && { detail }) }
        const about = this.effects.get(entry.action) ?? this.#attempts.get(entry.action)
        if (about !== undefined) about.outcome = outcome
        return
      }
      case 'action.refused':
      case 'action.held': {
        const effect = entry.undoes && this.effects.get(entry.undoes)
        const held = entry.kind === 'action.held' ? { held: entry.hold } : {}
        if (effect) effect.refused = { seq: entry.seq, reasons: entry.reasons, ...held }
        return
      }
      case 'effect.checked': {
        const { seq, undone, problem } = entry
        const effect = this.effects.get(entry.action)
        if (effect !== undefined)
          effect.found = { seq, ...(undone !== undefined && { undone }), ...(problem !== undefined && { problem }) }
        return
      }
    }
  }

  #intent(entry: ActionIntent & { readonly seq: number; readonly atMs: number }): void {
    const { action, seq, atMs, cell, agent, environment, upstream, operation, effect, args, spend, payload, protocol } =
      entry
    if (entry.undoes !== undefined) {
      const attempt: CompensationAttempt = { action, seq, args }
      this.effects.get(entry.undoes)?.attempts.push(attempt)
      this.#attempts.set(action, attempt)
      return
    }
    if (effect === 'read' || isConnection(entry.operation) || isQuestion(entry)) return
    const tool = operation === 'tool' ? entry.tool : grantedName(operation, entry.tool)
    const about = { cell, agent, environment, upstream, tool, effect, args, payload, ...(protocol && { protocol }) }
    this.effects.set(action, { action, seq, atMs, ...about, attempts: [], ...(spend !== undefined && { spend }) })
  }
}

/** Tells whether an action asks a model: what it costs is spent, and it leaves nothing outside. */
export function isQuestion({ operation, tool }: Pick<ActionIntent, 'operation' | 'tool'>): boolean {
  return operation === 'model' && tool === 'generate'
}

/**
 * Tells whether an action took place, by its upstream's answer: `no` where not a byte left, and where the upstream said
 * that it did not process it.
 */
export function tookPlace(outcome: Outcome | undefined): 'yes' | 'no' | 'unknown' {
  switch (outcome?.kind) {
    case 'done':
      return 'yes'
    case 'withheld':
      return outcome.happened ?? 'yes'
    case 'not-sent':
      return 'no'
    default:
      return 'unknown'
  }
}

/** Standing of an effect (S16). `none`: it was never sent, or its upstream did not look at it. */
export type EffectStanding =
  | { readonly kind: 'none' }
  /** Undone, by the answer of its compensation or by its check. */
  | { readonly kind: 'undone'; readonly by: 'answer' | 'check' }
  | { readonly kind: 'undoable'; readonly why?: string }
  | { readonly kind: 'irreversible' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string }

/**
 * - ST1  `undone` only by an answer or by a check, and a check that was asked later has the last word.
 * - ST2  Whatever has no answer is `unknown`, until a check tells.
 */
export function standingOf(effect: EffectRecord, declared: Declared): EffectStanding {
  const { outcome, refused } = effect
  if (tookPlace(outcome) === 'no') return { kind: 'none' }
  const last = lastAttempt(effect)
  const found = foundSince(effect, last)
  const plain = found === undefined ? byAnswers(effect, last, declared) : byCheck(found, last, declared)
  if (plain.kind !== 'undoable' || refused === undefined || refused.seq < (last?.seq ?? 0)) return plain
  const why = refusalText(refused.reasons)
  if (refused.held !== undefined)
    return { kind: 'undoable', why: `it waits for a person: firebreak approve ${refused.held}` }
  return isImpossible(refused.reasons) ? { kind: 'failed', why } : { kind: 'undoable', why }
}

/**
 * Returns what may be done next for an effect in an undo that began with entry `since`.
 *
 * - NX1  An effect is compensated only while its last attempt, if there was one, is known not to have undone it: by its
 *        check, asked since; by its upstream, which takes one key once; or because not a byte of it left. That its upstream
 *        did not look at it is the upstream's word, and not enough.
 * - NX2  What may never have happened is compensated only after its check said that it stands.
 */
export function nextStep(effect: EffectRecord, declared: Declared, since: number): 'nothing' | 'check' | 'compensate' {
  const { outcome, found } = effect
  const { undo, check } = declared
  const last = lastAttempt(effect)
  const latest = foundSince(effect, last)
  if (tookPlace(outcome) === 'no' || latest?.undone === true) return 'nothing'
  const told = found !== undefined && found.seq > since ? latest : undefined
  const compensate = undo === undefined ? 'nothing' : 'compensate'
  const asks = check !== undefined && told === undefined
  if (last === undefined) {
    const happened = tookPlace(outcome) === 'yes' || told !== undefined
    return happened ? compensate : asks ? 'check' : 'nothing'
  }
  if (asks) return 'check'
  if (last.outcome?.kind === 'done') return 'nothing'
  return told !== undefined || (undo !== undefined && isRepeatable(undo)) ? compensate : 'nothing'
}

/** Returns the last compensation of which a byte may have left. */
function lastAttempt({ attempts }: EffectRecord): CompensationAttempt | undefined {
  return attempts.findLast(({ outcome }) => outcome?.kind !== 'not-sent')
}

function foundSince(
  { found }: EffectRecord,
  last: CompensationAttempt | undefined,
): { readonly undone: boolean } | undefined {
  if (found?.undone === undefined || found.seq < (last?.seq ?? 0)) return undefined
  return { undone: found.undone }
}

function byCheck(
  { undone }: { readonly undone: boolean },
  last: CompensationAttempt | undefined,
  { undo }: Declared,
): EffectStanding {
  if (undone) return { kind: 'undone', by: 'check' }
  if (last?.outcome?.kind === 'done')
    return { kind: 'failed', why: 'its upstream answered that it is undone, and its check says that it stands' }
  if (last?.outcome?.kind === 'failed') return { kind: 'failed', why: refusedByUpstream(last.outcome) }
  return undo === undefined ? { kind: 'irreversible' } : { kind: 'undoable' }
}

function byAnswers(
  { outcome, found }: EffectRecord,
  last: CompensationAttempt | undefined,
  { undo }: Declared,
): EffectStanding {
  const problem = found?.problem === undefined ? '' : `; its check: ${found.problem}`
  if (last === undefined) {
    if (tookPlace(outcome) === 'yes') return undo === undefined ? { kind: 'irreversible' } : { kind: 'undoable' }
    return { kind: 'unknown', why: `${openText(outcome)}: it may have happened${problem}` }
  }
  const kind = last.outcome?.kind
  if (kind === 'done') return { kind: 'undone', by: 'answer' }
  if (kind === 'failed') return { kind: 'failed', why: refusedByUpstream(last.outcome) }
  const why =
    kind === 'withheld'
      ? 'what compensates it was answered with what was withheld'
      : 'what compensates it has no answer'
  return { kind: 'unknown', why: `${why}: it may be undone${problem}` }
}

/** Says why it is unknown whether an effect took place. */
function openText(outcome: Outcome | undefined): string {
  if (outcome?.kind === 'failed') return 'its upstream answered with an error'
  if (outcome?.kind !== 'withheld') return 'no answer came'
  return `what came is no answer to it${outcome.detail === undefined ? '' : ` (${outcome.detail})`}`
}

function refusedByUpstream(outcome: Outcome | undefined): string {
  return `its upstream answered with an error${outcome?.detail === undefined ? '' : `: ${outcome.detail}`}`
}

/** Tells whether no grant and no budget would let a compensation through: there is nothing that could be sent. */
function isImpossible(reasons: Json): boolean {
  return Array.isArray(reasons) && reasons.some((reason: Json) => isJsonObject(reason) && reason.kind === 'arguments')
}

function refusalText(reasons: Json): string {
  const [first] = Array.isArray(reasons) ? (reasons as readonly Json[]) : []
  if (!isJsonObject(first)) return 'it was refused'
  const { kind, problem } = first
  return `it was refused: ${typeof problem === 'string' ? problem : String(kind)}`
}

import { type Declared, type EffectRecord, type EffectStanding, nextStep, standingOf } from '../ledger/views/effects.ts'
import type { UndoHistory } from '../ledger/views/undo-history.ts'
import { type ActionId, type AgentName, isRepeatable, no, ok, type Result } from '../model/index.ts'

/** A person's selection of what to undo, in one log: all conditions have to hold. */
export interface Selection {
  /** A cell and all that it delegated to, a delegation and all below it, or one action. */
  readonly of?: string
  /** Epoch ms, inclusive. */
  readonly sinceMs?: number
  readonly agent?: AgentName
}

export interface PlannedEffect {
  readonly effect: EffectRecord
  readonly declared: Declared
  readonly standing: EffectStanding
  /** The step that an undo would take for it first. */
  readonly step: 'nothing' | 'check' | 'compensate'
}

/** Planned effects, newest first: the last one done is the first one undone. */
export interface Plan {
  readonly effects: readonly PlannedEffect[]
  /** Intents of which not one byte left, or that their upstream did not look at: no effects. */
  readonly notSent: number
  readonly totals: Totals
}

/** S16: `effects` is the sum of the others. */
export interface Totals {
  readonly effects: number
  readonly undone: number
  readonly undoable: number
  readonly irreversible: number
  readonly failed: number
  readonly unknown: number
}

/** An undo that is still to begin: what was found until now is asked again. */
const LATER = Number.MAX_SAFE_INTEGER

/**
 * - PL1  Effects are planned newest first, each once, and no compensation among them.
 * - PL2  Planning changes nothing: the same entries and declarations give the same plan.
 */
export function planOf(
  story: UndoHistory,
  { of, sinceMs = Number.NEGATIVE_INFINITY, agent }: Selection,
  declaredOf: (effect: EffectRecord) => Declared | undefined,
): Result<Plan, string> {
  const fault = of === undefined ? undefined : story.fault(of)
  if (fault !== undefined) return no(fault)
  const selected = [...story.history.effects.values()].filter(
    (effect) =>
      effect.atMs >= sinceMs &&
      (agent === undefined || effect.agent === agent) &&
      (of === undefined || effect.action === of || story.isOf(effect.cell, of)),
  )
  const planned = selected
    .toSorted((a, b) => b.seq - a.seq)
    .map((effect) => {
      const declared = declaredOf(effect) ?? {}
      return { effect, declared, standing: standingOf(effect, declared), step: nextStep(effect, declared, LATER) }
    })
  const effects = planned.filter(({ standing }) => standing.kind !== 'none')
  return ok({ effects, notSent: planned.length - effects.length, totals: totalsOf(effects) })
}

/**
 * The effects for which an undo may have something to do, in its order. The gateway that does it knows the last word: an
 * answer may have come since the plan was made.
 */
export function todo({ effects }: Plan): readonly ActionId[] {
  const open = effects.filter(
    ({ declared, standing, step }) =>
      step !== 'nothing' || (declared.undo !== undefined && standing.kind === 'unknown'),
  )
  return open.map(({ effect }) => effect.action)
}

/** Tells a person how to find out what became of an effect whose outcome is unknown. */
export function howToFindOut({ effect, declared }: PlannedEffect): string {
  const { upstream, tool, action } = effect
  if (declared.check !== undefined) return `firebreak undo ${action} asks its check, ${upstream}/${declared.check.tool}`
  const repeat = declared.undo !== undefined && isRepeatable(declared.undo) && effect.attempts.length > 0
  if (repeat) return `firebreak undo ${action} asks again, under the same key`
  return `look in ${upstream}: firebreak why ${action} shows what was sent; check: under ${tool} lets Firebreak ask`
}

function totalsOf(effects: readonly PlannedEffect[]): Totals {
  const count = (kind: EffectStanding['kind']) => effects.filter(({ standing }) => standing.kind === kind).length
  return {
    effects: effects.length,
    undone: count('undone'),
    undoable: count('undoable'),
    irreversible: count('irreversible'),
    failed: count('failed'),
    unknown: count('unknown'),
  }
}

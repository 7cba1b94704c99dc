import { reasonsFrom } from '../../gateway/pipeline/record.ts'
import type { EffectStanding } from '../../ledger/views/effects.ts'
import { cutText } from '../../model/text/text.ts'
import { explain } from '../../policy/index.ts'
import { howToFindOut, type Plan, type PlannedEffect, type Totals } from '../../recovery/plan.ts'
import { named, plain } from './printable.ts'

interface Part {
  readonly log: string
  readonly plan: Plan
}

/** The words of S16. */
const WORDS: { readonly [kind in Exclude<EffectStanding['kind'], 'none'>]: string } = {
  undone: 'undone',
  undoable: 'can be undone',
  irreversible: 'irreversible',
  failed: 'failed',
  unknown: 'unknown',
}

/** More of one tool that stand alike share a line; whatever a person has to look at has its own. */
const ALIKE_MAX = 5

/** `before` and `after` an undo, or as a `plan` alone. */
export function planLines(parts: readonly Part[], when: 'plan' | 'before' | 'after'): readonly string[] {
  const lines = parts.flatMap(({ log, plan }) => {
    if (plan.effects.length === 0 && plan.notSent === 0) return []
    const sent = plan.notSent === 0 ? '' : `; ${plan.notSent} more were never sent, or not looked at by their upstream`
    const head = `${log}: ${plan.effects.length} effects, newest first${sent}`
    return [head, ...rows(plan.effects, when !== 'after').map((line) => `  ${line}`)]
  })
  if (lines.length === 0) return ['There is no effect in what was named.']
  return when === 'before' ? [...lines, ''] : when === 'plan' ? [...lines, totalsLine(parts)] : lines
}

export function totalsLine(parts: readonly Part[]): string {
  const { effects, undone, undoable, irreversible, failed, unknown } = totalsOfAll(parts)
  return `${effects} effects: ${undone} undone, ${undoable} can be undone, ${irreversible} irreversible, ${failed} failed, ${unknown} unknown`
}

export function totalsOfAll(parts: readonly Part[]): Totals {
  const sum = (of: (totals: Totals) => number) => parts.reduce((all, { plan }) => all + of(plan.totals), 0)
  return {
    effects: sum(({ effects }) => effects),
    undone: sum(({ undone }) => undone),
    undoable: sum(({ undoable }) => undoable),
    irreversible: sum(({ irreversible }) => irreversible),
    failed: sum(({ failed }) => failed),
    unknown: sum(({ unknown }) => unknown),
  }
}

export function planObject(parts: readonly Part[]): object {
  return {
    totals: totalsOfAll(parts),
    notSent: parts.reduce((all, { plan }) => all + plan.notSent, 0),
    effects: parts.flatMap(({ log, plan }) =>
      plan.effects.map((planned) => {
        const { effect, standing, step } = planned
        const { action, cell, agent, upstream, tool, args, spend, atMs } = effect
        const by = effect.attempts.at(-1)
        return {
          action,
          log,
          cell,
          agent,
          tool: `${upstream}/${tool}`,
          args,
          ...(spend !== undefined && { spend }),
          atMs,
          standing: standing.kind,
          ...whyOf(planned),
          ...(standing.kind === 'undone' && { by: standing.by }),
          ...(by !== undefined && { attempt: by.action, attempted: by.args }),
          ...(standing.kind === 'unknown' && { howToFindOut: howToFindOut(planned) }),
          next: step,
        }
      }),
    ),
  }
}

function rows(effects: readonly PlannedEffect[], planning: boolean): readonly string[] {
  const alike = Map.groupBy(effects, (planned) =>
    isPlain(planned) ? `${nameOf(planned)} ${stands(planned)}` : planned,
  )
  return [...alike.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) return []
    if (group.length <= ALIKE_MAX) return group.flatMap((planned) => row(planned, planning))
    return [`${stands(first).padEnd(28)} ${group.length} of ${nameOf(first)}${byWhat(first, planning, false)}`]
  })
}

/** Tells whether a row says nothing that the others of its tool do not. */
function isPlain({ standing }: PlannedEffect): boolean {
  if (standing.kind === 'undoable') return standing.why === undefined
  return standing.kind === 'undone' || standing.kind === 'irreversible'
}

function stands({ standing }: PlannedEffect): string {
  if (standing.kind === 'none') return 'not done'
  if (standing.kind !== 'undone') return WORDS[standing.kind]
  return standing.by === 'check' ? 'undone, its check says so' : 'undone, by its answer'
}

function row(planned: PlannedEffect, planning: boolean): readonly string[] {
  const { effect, standing } = planned
  const { action, args, spend, atMs } = effect
  const when = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')
  const what = `${nameOf(planned)} ${shortened(args)}${spend === undefined ? '' : `  ${spend}`}`
  const { why } = whyOf(planned)
  return [
    `${stands(planned).padEnd(28)} ${action}  ${when}  ${what}${byWhat(planned, planning, true)}`,
    ...(why === undefined ? [] : [`${' '.repeat(29)}${plain(why, 1)}`]),
    ...(standing.kind === 'unknown' ? [`${' '.repeat(29)}to find out: ${howToFindOut(planned)}`] : []),
  ]
}

/**
 * Returns the call that would compensate it, by its template; the one that did, by what was sent: an upstream's answer
 * may have lied about an id.
 */
function byWhat({ effect, declared, standing }: PlannedEffect, planning: boolean, single: boolean): string {
  const { undo } = declared
  const last = effect.attempts.at(-1)
  if (last !== undefined && single)
    return `  ← ${undo === undefined ? 'its undo' : named(undo.tool)} ${shortened(last.args)}`
  if (planning && undo !== undefined && standing.kind === 'undoable')
    return `  ← ${named(undo.tool)} ${shortened(undo.args)}`
  return ''
}

/** Returns why an effect stands as it does; where it was refused, the whole reason, as every refusal is told. */
function whyOf({ effect, standing }: PlannedEffect): { readonly why?: string } {
  if (!('why' in standing) || standing.why === undefined) return {}
  const [first, ...rest] = effect.refused === undefined ? [] : reasonsFrom(effect.refused.reasons)
  const refused = first !== undefined && standing.why.startsWith('it was refused')
  return { why: refused ? `it was refused: ${explain({ reasons: [first, ...rest] }).join('; ')}` : standing.why }
}

function nameOf({ effect }: PlannedEffect): string {
  return `${named(effect.upstream)}/${named(effect.tool)}`
}

function shortened(value: unknown): string {
  const text = JSON.stringify(value)
  return plain(text.length > 100 ? `${cutText(text, 99)}…` : text, 1)
}

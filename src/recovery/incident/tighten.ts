import {
  type Budget,
  type DeclaredTool,
  decimalText,
  type Label,
  maximum,
  SLIDING,
  UNTRUSTED,
} from '../../model/index.ts'
import type { Dossier, Use } from './dossier.ts'
import { counted, joined, ours, type Wording, w } from './wording.ts'

/** A grant of the configuration at hand. */
export interface GrantAtHand {
  readonly id: string
  readonly upstream: string
  /** Tools as the configuration names them; resources and prompts are left as they are. */
  readonly tools: readonly string[]
  readonly budgets: readonly Budget[]
}

export interface AtHand {
  readonly grants: readonly GrantAtHand[]
  readonly declared: (tool: string) => DeclaredTool | undefined
  /** Labels that the workspace brings with it. */
  readonly labelsAtStart: readonly Label[]
  readonly hasDecoys: boolean
  readonly observing: (detector: string) => boolean
}

/** One narrower line of the configuration. Grants are named by their place among the agent's. */
export type Tightening =
  | { readonly kind: 'tools'; readonly grant: number; readonly keep: readonly string[] }
  | { readonly kind: 'budget'; readonly grant: number; readonly of: Budget['kind']; readonly to: string }
  | { readonly kind: 'accepts'; readonly tool: string; readonly keep: readonly Label[] }
  | { readonly kind: 'enforce'; readonly detector: string }
  | { readonly kind: 'decoy'; readonly tool: string }

export type Proposed = Tightening & { readonly what: Wording; readonly why: Wording }

/** Room above what honest work has used: a quarter. */
const ROOM = { of: 5n, in: 4n }
const MINUTE = 60_000

/**
 * Proposes the limits that would have held or slowed the effects in question, and takes away what the agent did not
 * need. Use counts as honest before the first entry that a signal about its cell names as evidence.
 *
 * - TG1  Every proposal narrows: it takes tools, lowers a cap, or makes a person or a detector be asked. None allows.
 * - TG2  It is made from what the ledger has seen, which may be too little of an honest month: a person decides.
 */
export function tightenings(dossier: Dossier, atHand: AtHand): readonly Proposed[] {
  const sent = dossier.uses.filter(({ unsent }) => unsent === undefined)
  const honest = sent.filter(({ cell, seq }) => seq < (dossier.cuts.get(cell) ?? Number.POSITIVE_INFINITY))
  const suspect = sent.filter(({ cell, seq }) => seq >= (dossier.cuts.get(cell) ?? Number.POSITIVE_INFINITY))
  return [
    // Where all that is recorded was part of it, what even that did not use is not needed.
    ...atHand.grants.flatMap((grant, i) => unused(grant, i, honest.length > 0 ? honest : sent)),
    ...atHand.grants.flatMap((grant, i) => capped(grant, i, honest, suspect)),
    ...held(dossier, suspect, atHand),
    ...observed(dossier, atHand),
    ...decoyed(dossier, atHand),
  ]
}

function unused({ id, upstream, tools }: GrantAtHand, grant: number, uses: readonly Use[]): readonly Proposed[] {
  const used = new Set(uses.flatMap(({ operations }) => operations))
  const keep = tools.filter((tool) => /^(?:resource|prompt):/.test(tool) || used.has(`${upstream}/${tool}`))
  const drop = tools.filter((tool) => !keep.includes(tool))
  if (drop.length === 0 || uses.length === 0) return []
  const what = keep.length === 0 ? w`take out grant ${id}` : w`take ${list(drop)} out of grant ${id}`
  return [{ kind: 'tools', grant, keep, what, why: w`no honest action that is recorded has used ${list(drop)}` }]
}

function capped(
  { id, upstream, tools, budgets }: GrantAtHand,
  grant: number,
  honest: readonly Use[],
  suspect: readonly Use[],
): readonly Proposed[] {
  const own = honest.filter(({ grants }) => grants.includes(id))
  const questioned = suspect.filter(({ grants, effect }) => grants.includes(id) && effect !== 'read')
  if (own.length === 0 || questioned.length === 0) return []
  const lower = budgets.flatMap((budget): readonly Proposed[] => {
    const peak = peakOf(own, budget)
    if (peak === undefined) return []
    const to = rounded((peak * ROOM.of + ROOM.in - 1n) / ROOM.in, budget)
    if (to < 1n || to >= maximum(budget)) return []
    const [text, was] = [budgetText(budget, to), budgetText(budget, maximum(budget))]
    const why = w`honest work has used at most ${ours(budgetText(budget, peak))}`
    const what = w`lower the budget of grant ${id} from ${ours(was)} to ${ours(text)}`
    return [{ kind: 'budget', grant, of: budget.kind, to: text, what, why }]
  })
  if (budgets.some(({ kind }) => kind === 'calls')) return lower
  const perMinute = peakIn(own, MINUTE, () => 1n)
  const to = `${(perMinute * 3n + 1n) / 2n}/min`
  const what = w`cap the calls of grant ${id} at ${ours(to)}`
  const why = w`honest work has made at most ${counted(Number(perMinute), 'call')} of ${list(tools.map((tool) => `${upstream}/${tool}`))} in a minute`
  return [...lower, { kind: 'budget', grant, of: 'calls', to, what, why }]
}

/** A cell that has seen what anyone can write asks a person, where its tool no longer accepts that. */
function held({ labels }: Dossier, suspect: readonly Use[], { declared, labelsAtStart }: AtHand): readonly Proposed[] {
  const carried = new Set([...labelsAtStart, ...[...labels.values()].flat()])
  const tools = new Set(suspect.filter(({ effect }) => effect !== 'read').flatMap(({ operations }) => operations))
  return [...tools].flatMap((tool): readonly Proposed[] => {
    const accepts = declared(tool)?.accepts ?? []
    if (!accepts.includes(UNTRUSTED) || !carried.has(UNTRUSTED)) return []
    return [
      {
        kind: 'accepts',
        tool,
        keep: accepts.filter((label) => label !== UNTRUSTED),
        what: w`let ${tool} wait for a person once the cell has read what anyone can write`,
        why: w`that is how it came to be done; honest work of this agent would wait as well`,
      },
    ]
  })
}

function observed({ signals }: Dossier, { observing }: AtHand): readonly Proposed[] {
  const names = new Set(signals.filter(({ mode }) => mode === 'observe').map(({ detector }) => detector))
  return [...names].filter(observing).map((detector) => ({
    kind: 'enforce',
    detector,
    what: w`let the detector ${detector} enforce`,
    why: w`it saw this incident, and only told; firebreak replay --detector ${detector} tells what else it would have stopped`,
  }))
}

/** A tool that no honest agent has a reason to call, beside those in question. */
function decoyed({ signals, story }: Dossier, { hasDecoys, declared }: AtHand): readonly Proposed[] {
  const effect = signals.map(({ action }) => action && story.history.effects.get(action)).find((each) => each)
  if (hasDecoys || effect === undefined) return []
  const tool = `${effect.upstream}/admin.override`
  if (declared(tool) !== undefined) return []
  const why = w`nothing in the configuration is a decoy: the first agent that looks for more than it was given is stopped there`
  return [{ kind: 'decoy', tool, what: w`plant a decoy tool, ${tool}`, why }]
}

/** Returns the most of a budget that honest work used over one of its windows; undefined where that cannot be told. */
function peakOf(uses: readonly Use[], budget: Budget): bigint | undefined {
  const amount = (use: Use): bigint => {
    if (budget.kind === 'calls') return 1n
    const { spend } = use
    const mine = budget.kind === 'spend' && spend?.currency === budget.currency
    return mine ? (spend?.units ?? 0n) : 0n
  }
  if ((budget.kind !== 'calls' && budget.kind !== 'spend') || budget.window.kind === 'task') return undefined
  if (budget.window.kind === 'total') return uses.reduce((sum, use) => sum + amount(use), 0n)
  return peakIn(uses, budget.window.kind === 'sliding' ? budget.window.ms : CALENDAR[budget.window.unit], amount)
}

/** Up, to whole cents: a budget's units are hundredths of them. */
function rounded(amount: bigint, { kind }: Budget): bigint {
  return kind === 'spend' ? ((amount + 99n) / 100n) * 100n : amount
}

/** At least as long as one of them can be: what fits into it fits into that. */
const CALENDAR = { day: 25 * 3_600_000, week: 169 * 3_600_000, month: 745 * 3_600_000 } as const

function peakIn(uses: readonly Use[], windowMs: number, amount: (use: Use) => bigint): bigint {
  let [peak, sum, first] = [0n, 0n, 0]
  const ordered = uses.toSorted((a, b) => a.atMs - b.atMs)
  for (const use of ordered) {
    sum += amount(use)
    for (
      let oldest = ordered[first];
      oldest !== undefined && oldest.atMs <= use.atMs - windowMs;
      oldest = ordered[first]
    ) {
      sum -= amount(oldest)
      first++
    }
    if (sum > peak) peak = sum
  }
  return peak
}

/** Returns a budget as the configuration writes it. */
function budgetText(budget: Budget, amount: bigint): string {
  const most = budget.kind === 'spend' ? `${decimalText(amount)} ${budget.currency}` : `${amount}`
  const { window } = budget
  if (window.kind === 'sliding') return `${most}/${SLIDING.find(([, ms]) => ms === window.ms)?.[0] ?? 'day'}`
  if (window.kind === 'calendar') return `${most} per ${window.unit} ${window.zone}`
  return `${most} total`
}

function list(texts: readonly string[]): Wording {
  const shown = texts.slice(0, 8).map((text) => w`${text}`)
  return texts.length <= 8 ? joined(shown) : [...joined(shown), ` and ${texts.length - 8} more`]
}

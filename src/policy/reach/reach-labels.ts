import type { Effect } from '../../model/action.ts'
import { type Label, UNTRUSTED } from '../../model/label.ts'
import { pathText } from '../../model/text/path.ts'
import type { DeclaredTool } from '../../model/tool.ts'

/** The labels that one field of a result brings into a cell, all at once. */
export interface FieldUnit {
  readonly path: string
  readonly labels: readonly Label[]
}

/**
 * Returns the fields of a tool's results with their declared labels; a field without a rule is untrusted, as `Exposure`
 * has it.
 */
export function fieldUnits({ returns = [] }: Pick<DeclaredTool, 'returns'>): readonly FieldUnit[] {
  const units = returns.map(({ path, labels }) => ({ path: pathText(path), labels }))
  return units.some(({ path }) => path === '$') ? units : [{ path: '$', labels: [UNTRUSTED] }, ...units]
}

/** An operation as labels see it: which ones it accepts, and which ones each field of its answer may bring. */
export interface LabelCarrier {
  readonly id: string
  readonly effect: Effect
  readonly accepts: ReadonlySet<Label>
  readonly units: readonly (readonly Label[])[]
}

export interface Meetings {
  /** For each carrier: the largest sets of labels with which a cell may use it without a person. */
  readonly carried: readonly (readonly (readonly Label[])[])[]
  /** Every label that a cell may come to carry. */
  readonly known: readonly Label[]
}

/** More sets than people's configurations make (10 labels in every combination); past it, everything is said to meet. */
const SETS_MAX = 1_024

/**
 * Tries every set of labels that a cell can come to carry without a person: from what its workspace brings, each
 * operation that accepts what it carries adds what any of its fields brings. Answers can be empty, so that no label has
 * to be taken on.
 */
export function meetings(initial: readonly Label[], carriers: readonly LabelCarrier[]): Meetings {
  const known = [...new Set([...initial, ...carriers.flatMap(({ units }) => units.flat())])].sort()
  const bit = new Map(known.map((label, i) => [label, 1n << BigInt(i)]))
  const bitsOf = (labels: Iterable<Label>) => [...labels].reduce((bits, label) => bits | (bit.get(label) ?? 0n), 0n)
  const able = carriers.map(({ accepts, effect, units }) => ({
    refuses: bitsOf(known.filter((label) => !accepts.has(label) && !(label === UNTRUSTED && effect === 'read'))),
    units: [...new Set(units.map(bitsOf))],
  }))
  const seen = new Set([bitsOf(initial)])
  for (const carried of seen) {
    for (const { refuses, units } of able) {
      if ((carried & refuses) === 0n) for (const unit of units) seen.add(carried | unit)
    }
    if (seen.size > SETS_MAX) break
  }
  const all = bitsOf(known)
  const sets = seen.size > SETS_MAX ? undefined : [...seen]
  const labelsIn = (bits: bigint) => known.filter((label) => (bits & (bit.get(label) ?? 0n)) !== 0n)
  const reached = sets === undefined ? all : sets.reduce((union, set) => union | set, 0n)
  return {
    carried: able.map(({ refuses }) => {
      const fitting = sets === undefined ? [all & ~refuses] : sets.filter((set) => (set & refuses) === 0n)
      return largest(fitting).map(labelsIn)
    }),
    known: labelsIn(reached),
  }
}

function largest(sets: readonly bigint[]): readonly bigint[] {
  return sets.filter((set) => !sets.some((other) => other !== set && (other & set) === set))
}

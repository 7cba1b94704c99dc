import type { Grant } from '../../model/grant.ts'
import type { ComparedReach, ReachedOperation, ReachInput } from './reach.ts'

/** Two configurations of one agent that are compared, and what is said of it. */
export interface Sides {
  readonly before: ReachInput
  readonly after: ReachInput
  readonly old: ComparedReach
  readonly next: ComparedReach
  readonly wider: (rank: number, about: string, text: string) => void
  readonly narrower: (rank: number, about: string, text: string) => void
  /** Old grant → the new ones that stand in for it. */
  readonly assigned: Map<Grant, Set<Grant>>
}

/** Returns how bad it is that an operation becomes possible; the worst is 0. */
export function rankOf({ effect, spend }: ReachedOperation): number {
  if (spend.some(({ perDay }) => perDay === undefined)) return 0
  return { irreversible: 1, spend: 1, write: 3, read: 4 }[effect]
}

export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

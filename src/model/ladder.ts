import type { Effect } from './action.ts'

/** The rungs of the containment ladder, from free to ended. Firebreak only moves a cell to the right. */
export const RUNGS = ['normal', 'watched', 'restricted', 'quarantined', 'frozen', 'killed'] as const

/** A place on the containment ladder. */
export type Rung = (typeof RUNGS)[number]

/** Tells whether `one` is further down the ladder than `other`. */
export function isBelow(one: Rung, other: Rung): boolean {
  return RUNGS.indexOf(one) > RUNGS.indexOf(other)
}

/** Returns the rung of these that is furthest down the ladder. */
export function lowest(first: Rung, ...others: readonly Rung[]): Rung {
  return others.reduce((low, rung) => (isBelow(rung, low) ? rung : low), first)
}

/** Tells whether a cell at this rung may have an effect. What a rung does not permit, no grant allows. */
export function rungPermits(rung: Rung, effect: Effect): boolean {
  return mayAct(rung) || (rung === 'restricted' && effect === 'read')
}

/** Tells whether a cell at this rung may do all that it is granted. */
export function mayAct(rung: Rung): boolean {
  return rung === 'normal' || rung === 'watched'
}

/**
 * Tells whether a rung cuts a cell off: nothing of it is admitted, what is under way ends, and no person moves it up
 * again. Its agent starts anew once it is released.
 */
export function cutsOff(rung: Rung): boolean {
  return isBelow(rung, 'restricted')
}

/** Returns where a cell stands once a person has moved its agent up to `to`. A cell that was cut off stays so. */
export function raised(stood: Rung, to: Rung): Rung {
  return isBelow(stood, to) && !cutsOff(stood) ? to : stood
}

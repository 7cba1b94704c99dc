/** Where a cell stands on the containment ladder, from free to ended. Firebreak only moves a cell to the right. */
export const RUNGS = ['normal', 'watched', 'restricted', 'quarantined', 'frozen', 'killed'] as const

export type Rung = (typeof RUNGS)[number]

/** Whether `one` is further down the ladder than `other`. */
export function isBelow(one: Rung, other: Rung): boolean {
  return RUNGS.indexOf(one) > RUNGS.indexOf(other)
}

export function lowest(first: Rung, ...others: readonly Rung[]): Rung {
  return others.reduce((low, rung) => (isBelow(rung, low) ? rung : low), first)
}

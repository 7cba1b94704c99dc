/** Where a cell stands on the containment ladder, from free to ended. Firebreak only moves a cell to the right. */
export const RUNGS = ['normal', 'watched', 'restricted', 'quarantined', 'frozen', 'killed'] as const

export type Rung = (typeof RUNGS)[number]

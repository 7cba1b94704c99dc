import type { Json } from '../model/json.ts'

/** An answer's content, whatever protocol carried it: all that labels, budgets, masks and compensations look at. */
export interface Reading {
  /** Value that the paths of a declaration speak of; undefined of an error, and where several could be meant. */
  readonly ruled: Json | undefined
  /** Everything else of it that reaches the cell. */
  readonly others: readonly Json[]
  /** Parts that carry data: rows and charges are looked for in them. Absent where there is no result at all. */
  readonly values?: readonly Json[]
  /** True where whoever answered calls it an error. */
  readonly failed: boolean
}

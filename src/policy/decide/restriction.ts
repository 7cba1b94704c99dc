import type { Budget } from '../../model/budget.ts'
import type { Json } from '../../model/json.ts'
import type { Label } from '../../model/label.ts'
import type { JsonPath } from '../../model/text/path.ts'

/** The limits that a delegation sets on the authority it passes on. */
export interface Restriction {
  /** `upstream/tool`, as grants name them; all of the giver's where absent. */
  readonly tools?: ReadonlySet<string>
  readonly arguments: readonly ArgumentLimit[]
  readonly budgets: readonly Budget[]
  /** Exclusive, epoch ms. */
  readonly expiresAtMs: number
  /** Labels that its cell may carry and still act; all where absent. */
  readonly labels?: ReadonlySet<Label>
}

/** The values that one argument of one tool may have. An argument that is missing is outside every limit. */
export interface ArgumentLimit {
  readonly tool: string
  readonly path: JsonPath
  readonly oneOf?: readonly Json[]
  /** Units of a decimal with four places. */
  readonly maxUnits?: bigint
}

import type { Budget, HolderId } from './budget.ts'
import type { ActionId, DelegationId, EnvironmentName, GrantId, ToolName, UpstreamName } from './ids.ts'
import type { Label } from './label.ts'
import type { Rung } from './ladder.ts'
import type { Source } from './source.ts'

export type Verdict = 'allow' | 'deny' | 'hold'

/**
 * An allow names the grants that permit; a deny names every check that failed, not only the first; a hold names
 * everything that a person has to agree to. Never empty.
 */
export interface Decision {
  readonly verdict: Verdict
  readonly reasons: readonly [Reason, ...Reason[]]
}

/** `permit` and `approved` are the only reasons of an allow; `label`, `destination` and `link` hold an action; every other one refuses it. */
export type Reason =
  | { readonly kind: 'permit'; readonly grant: GrantId; readonly source: Source }
  /**
   * A person let this one action through, which no grant permits. The intent names the hold. With the grant that covers
   * its tool, and whose budgets it takes from, where there is one.
   */
  | { readonly kind: 'approved'; readonly grant?: GrantId; readonly source?: Source }
  | { readonly kind: 'rung'; readonly rung: Rung }
  | { readonly kind: 'environment'; readonly cell: EnvironmentName; readonly upstream: EnvironmentName }
  /** What the cell was given is only a part, and this is outside of it. */
  | { readonly kind: 'delegation'; readonly delegation: DelegationId; readonly problem: string }
  /** The owner did not accept this tool for the task. */
  | { readonly kind: 'task'; readonly tool: ToolName }
  | {
      readonly kind: 'no-grant'
      readonly upstream: UpstreamName
      readonly tool: ToolName
      readonly closest?: GrantId
      readonly source?: Source
    }
  | { readonly kind: 'grant-expired'; readonly grant: GrantId; readonly source: Source; readonly atMs: number }
  | { readonly kind: 'grant-revoked'; readonly grant: GrantId; readonly source: Source; readonly atMs: number }
  | {
      readonly kind: 'grant-condition'
      readonly grant: GrantId
      readonly source: Source
      readonly condition: string
      readonly error?: string
    }
  | {
      readonly kind: 'forbid'
      readonly policy: string
      readonly source: Source
      readonly error?: string
      readonly advice?: string
    }
  | {
      readonly kind: 'unrepresentable'
      readonly path: string
      readonly problem: string
      readonly policy: string
      readonly source: Source
    }
  | { readonly kind: 'arguments'; readonly path: string; readonly problem: string }
  | {
      readonly kind: 'definition'
      readonly tool: ToolName
      readonly problem: 'not accepted' | 'changed since it was accepted' | 'withdrawn by its upstream'
    }
  | {
      readonly kind: 'budget'
      readonly holder: HolderId
      /** Absent where a cell set it, for one that it delegated to. */
      readonly source?: Source
      readonly budget: Budget
      readonly left: string
      readonly asked: string
      /** What of it is set aside for tasks. */
      readonly setAside?: string
      readonly returnsAtMs?: number
    }
  | { readonly kind: 'spend'; readonly path: string; readonly problem: string }
  | {
      readonly kind: 'unavailable'
      readonly what: 'ledger' | 'witness' | 'upstream' | 'holds' | 'checkpoint'
      readonly problem: string
    }
  /** Its cell asked for it, after a refusal. What it says of it is its own word. */
  | { readonly kind: 'requested'; readonly why: string }
  | HoldReason

/** Why an action waits for a person. */
export type HoldReason =
  /** The cell has seen data that the tool does not accept. */
  | {
      readonly kind: 'label'
      readonly label: Label
      readonly accepts: readonly Label[]
      readonly cause: Seen | undefined
    }
  /** Where it goes was not said by the owner, the configuration or a trusted field. */
  | {
      readonly kind: 'destination'
      readonly path: string
      readonly value: string
      /** Length of the whole value, where `value` is only its beginning. */
      readonly characters?: number
      /** True where the value is none: it is null, empty, or left out. */
      readonly nothing?: boolean
      readonly seen?: Seen
      readonly like?: LooksNamed
    }
  /** Its content leads somewhere that was not said by them either. */
  | {
      readonly kind: 'link'
      readonly path: string
      readonly value: string
      /** Length of the whole link, where `value` is only its beginning. */
      readonly characters?: number
      readonly seen?: Seen
      readonly like?: LooksNamed
    }

/** Who names what looks the same to a person as a value that is another. */
export type LooksNamed = 'the task' | 'the configuration'

/** Where a cell first met a value or a label: a field of what an action returned, or where it began. */
export interface Seen {
  readonly action?: ActionId
  readonly tool: string
  readonly path: string
  readonly labels: readonly Label[]
  /** How the value differs from what was seen there; absent where it is the same. */
  readonly as?: string
  /** Why it has a label that its own place does not give it: the answer had another shape than declared. */
  readonly shape?: string
}

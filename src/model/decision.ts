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
  /** The place is no origin of the environment's egress, and its relays reach nothing else. */
  | { readonly kind: 'egress'; readonly environment: EnvironmentName; readonly place: string }
  /** The place is no origin of an upstream that the cell is granted, and its programs reach nothing else. */
  | { readonly kind: 'origin'; readonly environment: EnvironmentName; readonly place: string }
  /** The action is outside of the part of an authority that was delegated to the cell. */
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
      /** The part of the budget that is reserved for tasks. */
      readonly setAside?: string
      readonly returnsAtMs?: number
    }
  | { readonly kind: 'spend'; readonly path: string; readonly problem: string }
  | {
      readonly kind: 'unavailable'
      readonly what: 'ledger' | 'witness' | 'upstream' | 'holds' | 'checkpoint'
      readonly problem: string
    }
  /** Held because the cell asked for it after a refusal. `why` is the cell's own text, and not to be believed. */
  | { readonly kind: 'requested'; readonly why: string }
  | HoldReason

/** The reason for which an action waits for a person; `unseen`: for which nobody is asked, since more leaves than they could be shown. */
export type HoldReason = WaitsFor & { readonly unseen?: true }

type WaitsFor =
  /** The cell has seen data that the tool does not accept. */
  | {
      readonly kind: 'label'
      readonly label: Label
      readonly accepts: readonly Label[]
      readonly cause: Seen | undefined
    }
  /** The destination was named by neither the owner, the configuration nor a trusted field. */
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
  /** The content holds a link that neither the owner, the configuration nor a trusted field named. */
  | {
      readonly kind: 'link'
      readonly path: string
      readonly value: string
      /** Length of the whole link, where `value` is only its beginning. */
      readonly characters?: number
      readonly seen?: Seen
      readonly like?: LooksNamed
    }

/** The origin of a known value that looks the same to a person as another value. */
export type LooksNamed = 'the task' | 'the configuration'

/** The place where a cell first met a value or a label: a field of an action's answer, or the cell's start. */
export interface Seen {
  readonly action?: ActionId
  readonly tool: string
  readonly path: string
  readonly labels: readonly Label[]
  /** The difference between the value and the one that was seen there; absent where they are the same. */
  readonly as?: string
  /** The cause of a label that the place itself does not give: the answer had another shape than declared. */
  readonly shape?: string
}

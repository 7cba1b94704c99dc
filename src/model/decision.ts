import type { Budget } from './grant.ts'
import type { EnvironmentName, GrantId, ToolName, UpstreamName } from './ids.ts'
import type { Rung } from './rung.ts'
import type { Source } from './source.ts'

export type Verdict = 'allow' | 'deny' | 'hold'

/** An allow names the grants that permit; a deny names every check that failed, not only the first. Never empty. */
export interface Decision {
  readonly verdict: Verdict
  readonly reasons: readonly [Reason, ...Reason[]]
}

/** `permit` is the only reason of an allow; every other one is a refusal. */
export type Reason =
  | { readonly kind: 'permit'; readonly grant: GrantId; readonly source: Source }
  | { readonly kind: 'rung'; readonly rung: Rung }
  | { readonly kind: 'environment'; readonly cell: EnvironmentName; readonly upstream: EnvironmentName }
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
      readonly grant: GrantId
      readonly source: Source
      readonly budget: Budget
      readonly left: string
      readonly asked: string
      readonly returnsAtMs?: number
    }
  | { readonly kind: 'spend'; readonly path: string; readonly problem: string }
  | { readonly kind: 'unavailable'; readonly what: 'ledger' | 'witness' | 'upstream'; readonly problem: string }

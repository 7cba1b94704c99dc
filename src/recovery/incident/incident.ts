import type {
  ActionId,
  AgentName,
  CellId,
  Effect,
  EnvironmentName,
  Label,
  PersonName,
  Sha256,
  TenantName,
} from '../../model/index.ts'
import type { Totals } from '../plan.ts'
import type { Wording } from './wording.ts'

/**
 * What happened to one cell, as a person hands it on: made from the ledger, the receipts and the configuration at hand.
 * All times are epoch ms, all texts of others are `said` and shortened.
 *
 * - IN1  It says what the ledger says and no more: what cannot be read or proven stands in it as such, in its first line.
 * - IN2  Its size is bounded, whatever the ledger's; what was left out is counted.
 * - IN3  No payload is in it: arguments are as their entries show them.
 */
export interface Incident {
  readonly v: 1
  readonly cell: CellId
  readonly log: string
  readonly madeAtMs: number
  /** Absent where the ledger cannot be read as far as the cell's start. */
  readonly subject?: Subject
  readonly read: ReadTold
  readonly verdict: Verdict
  readonly people: readonly Acted[]
  readonly timeline: { readonly moments: readonly Moment[]; readonly leftOut: number }
  readonly authority: AuthorityTold
  readonly effects: EffectsTold
  readonly stops: readonly StopTold[]
  readonly stopsLeftOut: number
  readonly proof: Proof
  readonly change: Change
}

export interface Subject {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  readonly tenant?: TenantName
  readonly startedAtMs: number
  readonly endedAtMs?: number
  readonly task?: string
  /** It and all that it delegated to. */
  readonly cells: number
  /** What its gateway decided by. */
  readonly configuration?: Sha256
}

/** How much of the log the page was made from. */
export interface ReadTold {
  readonly entries: number
  /** Of the cell, and of all that it delegated to. */
  readonly own: number
  readonly firstSeq?: number
  readonly lastSeq?: number
  /** Why the log could be read no further. */
  readonly damage?: string
  /** Entries that hold something else than what their kind says. */
  readonly malformed: number
}

export interface Verdict {
  /**
   * `contained`: every point has confirmed. `lowered`: the gate admits less or nothing, and no receipt of the warden says
   * more. `not-contained`: a point has not confirmed. `not-stopped`: nobody and nothing has stopped it.
   */
  readonly kind: 'contained' | 'lowered' | 'not-contained' | 'not-stopped'
  readonly stop?: {
    readonly atMs: number
    readonly rung: string
    /** `firebreak`, or a person. */
    readonly by: string
    readonly why: string
    readonly detector?: string
  }
  /** The action that tripped it, and whether a byte of it left. */
  readonly tripped?: { readonly action: ActionId; readonly tool: string; readonly left: 'no' | 'yes' | 'unknown' }
  /** What was admitted after the stop, while it stood: by S8 nothing, and by `restricted` reads only. */
  readonly later: { readonly effects: number; readonly reads: number }
  readonly released?: { readonly atMs: number; readonly by: string; readonly why: string }
}

export interface Acted {
  readonly who: string
  readonly did: Wording
  /** Epoch ms, where it was at a moment. */
  readonly atMs?: number
}

/** One thing that happened, or a run of them that are alike. */
export interface Moment {
  readonly seq: number
  readonly atMs: number
  readonly lastAtMs: number
  readonly count: number
  readonly tone: Tone
  readonly what: Wording
}

export type Tone = 'plain' | 'refused' | 'signal' | 'stop' | 'back'

export interface AuthorityTold {
  readonly grants: readonly GrantTold[]
  /** The worst case of the agent as `firebreak reach` words it. */
  readonly reach: readonly string[]
  /** Why the configuration at hand says nothing, or less. */
  readonly problem?: string
}

export interface GrantTold {
  readonly id: string
  /** Who gave it, and who agreed to it beside the owner. */
  readonly by: string
  /** File and line in the configuration. */
  readonly place: string
  readonly upstream: string
  readonly tools: readonly string[]
  readonly when?: string
  readonly budgets: readonly string[]
  /** By this cell and all below it, settled. */
  readonly used: { readonly calls: number; readonly spend: readonly string[] }
}

export interface EffectsTold {
  readonly totals: Totals
  /** Intents of which not one byte left. */
  readonly notSent: number
  /** Alike ones together, the newest first. */
  readonly rows: readonly EffectRow[]
  readonly leftOut: number
  /** How a person stood for it: orders to undo. */
  readonly undos: readonly { readonly atMs: number; readonly by: string; readonly why: string }[]
}

export interface EffectRow {
  readonly tool: string
  readonly effect: Effect
  readonly count: number
  readonly firstAtMs: number
  readonly lastAtMs: number
  /** The newest of them: `firebreak why` tells the rest. */
  readonly action: ActionId
  readonly destinations: readonly string[]
  /** Sums, a currency each. */
  readonly spend: readonly string[]
  /** What its cell had seen when it did this. */
  readonly labels: readonly Label[]
  /** `unanswered`: what came was withheld, and does not say whether it happened. */
  readonly outcome: 'done' | 'failed' | 'withheld' | 'unanswered' | 'unknown'
  readonly standing: 'undone' | 'undoable' | 'irreversible' | 'failed' | 'unknown'
  readonly by?: 'answer' | 'check'
  readonly why?: string
  readonly howToFindOut?: string
}

/** One order to stop, and what came of it. */
export interface StopTold {
  readonly order: string
  readonly atMs: number
  readonly rung: string
  readonly contained: boolean
  readonly by: string
  readonly why: string
  readonly confirmations: readonly {
    readonly point: string
    readonly by: string
    readonly confirmed: boolean
    readonly said: string
    readonly afterMs: number
    readonly escalated: boolean
  }[]
  /** Whether the ledger tells of it; else its signed receipt is all that does. */
  readonly recorded: boolean
  /** Sent, and without a known outcome when it was stopped. */
  readonly mayLand: number
  /** The first of them, and what the ledger says of each today. */
  readonly inFlight: readonly {
    readonly action: string
    readonly tool: string
    readonly now: EffectRow['outcome'] | 'not-sent'
  }[]
  readonly receipt: ReceiptTold
}

/** What lies beside the ledger of a stop: looked at when the page was made. */
export type ReceiptTold =
  | { readonly kind: 'missing'; readonly problem: string }
  | {
      readonly kind: 'read'
      readonly file: string
      readonly sha256: string
      /** By the warden's own key. */
      readonly signed: boolean
      readonly entriesFile?: string
      readonly entriesSha256?: string
      /** Whether that file is the one which the receipt names by its digest. */
      readonly entriesMatch?: boolean
      readonly processes?: number
      /** Of workspaces: added, changed and removed files. */
      readonly files?: number
    }

export interface Proof {
  /** Absent where nothing could be verified; `problem` says why. */
  readonly log?: {
    readonly intact: boolean
    readonly entries: number
    readonly sealed: number
    readonly seals: number
    readonly sealedAtMs?: number
    /** Hexadecimal. */
    readonly root: string
    readonly payloadsChecked: number
    readonly payloadsUnchecked: number
  }
  readonly problem?: string
  readonly findings: readonly string[]
  readonly findingsLeftOut: number
  /** The witness's public key as it is handed around. */
  readonly witnessKey?: string
  /** Entries that carry the claim of this page: the signal, the rungs, the receipts. */
  readonly entries: readonly number[]
}

/** What a person may want to change; nothing of it has been applied. */
export interface Change {
  readonly proposals: readonly { readonly what: Wording; readonly why: Wording }[]
  /** Lines of a unified diff of the configuration. */
  readonly patch: readonly string[]
  /** What `firebreak reach --diff` says of it. */
  readonly reach: readonly string[]
  readonly problem?: string
}

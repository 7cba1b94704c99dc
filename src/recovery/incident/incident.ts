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
 * The story of one cell, as a person hands it on: made from the ledger, the receipts and the configuration at hand. All
 * times are epoch ms; all texts of others are `said` and shortened.
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
  readonly verdict: IncidentVerdict
  readonly people: readonly Acted[]
  readonly timeline: { readonly moments: readonly TimelineMoment[]; readonly leftOut: number }
  readonly authority: AuthorityTold
  readonly effects: EffectsTold
  readonly stops: readonly StopTold[]
  readonly stopsLeftOut: number
  readonly proof: LedgerProof
  readonly change: ProposedChange
}

export interface Subject {
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  readonly tenant?: TenantName
  readonly startedAtMs: number
  readonly endedAtMs?: number
  readonly task?: string
  /** Cells of the incident: this one and all that it delegated to. */
  readonly cells: number
  /** Digest of the configuration that its gateway decided by. */
  readonly configuration?: Sha256
}

/** The part of the log that the page was made from. */
export interface ReadTold {
  readonly entries: number
  /** Entries of the cell, and of all that it delegated to. */
  readonly own: number
  readonly firstSeq?: number
  readonly lastSeq?: number
  /** The reason for which the log could be read no further. */
  readonly damage?: string
  /** Entries that hold something else than what their kind says. */
  readonly malformed: number
}

export interface IncidentVerdict {
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
  /** Actions that were admitted after the stop, while it stood: by S8 none, and at `restricted` reads only. */
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
export interface TimelineMoment {
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
  /** The reason for which the configuration at hand tells nothing, or less. */
  readonly problem?: string
}

export interface GrantTold {
  readonly id: string
  /** The person who gave it, and the one who agreed to it beside the owner. */
  readonly by: string
  /** File and line in the configuration. */
  readonly place: string
  readonly upstream: string
  readonly tools: readonly string[]
  readonly when?: string
  readonly budgets: readonly string[]
  /** Use by this cell and all below it, settled. */
  readonly used: { readonly calls: number; readonly spend: readonly string[] }
}

export interface EffectsTold {
  readonly totals: Totals
  /** Intents of which not one byte left. */
  readonly notSent: number
  /** Alike ones together, the newest first. */
  readonly rows: readonly EffectRow[]
  readonly leftOut: number
  /** Orders to undo, each by the person who answers for it. */
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
  /** Labels that its cell had when it did this. */
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
  /** True where the ledger has the stop; else its signed receipt is the only record. */
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

/** The receipt of a stop, which lies beside the ledger, as it was when the page was made. */
export type ReceiptTold =
  | { readonly kind: 'missing'; readonly problem: string }
  | {
      readonly kind: 'read'
      readonly file: string
      readonly sha256: string
      /** True where the warden's own key signed it. */
      readonly signed: boolean
      readonly entriesFile?: string
      readonly entriesSha256?: string
      /** True where that file is the one that the receipt names by its digest. */
      readonly entriesMatch?: boolean
      readonly processes?: number
      /** Files of workspaces that were added, changed or removed. */
      readonly files?: number
    }

export interface LedgerProof {
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

/** Changes that a person may want to make; none of them has been applied. */
export interface ProposedChange {
  readonly proposals: readonly { readonly what: Wording; readonly why: Wording }[]
  /** Lines of a unified diff of the configuration. */
  readonly patch: readonly string[]
  /** The output of `firebreak reach --diff` for these changes. */
  readonly reach: readonly string[]
  readonly problem?: string
}

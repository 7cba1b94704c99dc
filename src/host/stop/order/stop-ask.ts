import type { AgentName, PersonName, Rung } from '../../../model/index.ts'
import type { Confirmation, Order } from '../containment.ts'

/** The kinds of things that may have the same name. */
export type TargetKind = 'agent' | 'environment' | 'owner'

/** A stop as a person asks for it. */
export interface StopAsk {
  /** Directory of the state whose wardens are ordered. */
  readonly state: string
  /** Path of the configuration, by which names mean agents; all, or a cell, is stopped without one. */
  readonly configuration: string
  /** `all`, a cell, or the name of an agent, an owner or an environment: `agent:desk` where a name is several things. */
  readonly target: string | undefined
  readonly rung: Exclude<Rung, 'normal'>
  /** The person who orders it, for the ledger and the receipt. */
  readonly by: PersonName
  /** The reason, of which 500 characters are kept. */
  readonly why: string
}

/** A person who has asked for a stop and hears of it while it goes on; what it throws is dropped, and the stop goes on. */
export interface StopListener {
  /** Hears each confirmation as it comes. */
  readonly heard: (confirmation: Confirmation) => void
  /** Hears what the record lacks. */
  readonly amiss: (what: StopAmiss) => void
  /** Hears that a server was named, and that the cell for which it acts is ordered. */
  readonly actsFor: (server: string, cell: string) => void
  /**
   * Hears what is waited for from now on; `what` tells how much of it is left. It is over `boundMs` after the last
   * confirmation at the latest, or where nothing is said, when a disk has answered.
   */
  readonly waiting: Waits
}

export type Waits = (what: () => string, boundMs?: number) => void

/** A part of a stop's record that is missing, or a warden that has refused the order; `said` may be of another user. */
export interface StopAmiss {
  readonly kind: 'no-receipt' | 'receipt-lacks' | 'untold' | 'refused'
  readonly said: string
}

/** The outcome of an order. */
export interface StopAnswer {
  readonly order: Order
  /** Cells that wardens have named in their receipts. */
  readonly cells: readonly string[]
  readonly confirmations: readonly Confirmation[]
  /** True only where every point has confirmed; anything else may go on. */
  readonly contained: boolean
  /** True where a run has written its receipt, which is named by the order. */
  readonly hasReceipt: boolean
  readonly amiss: readonly StopAmiss[]
}

/** The reason why nobody was stopped. */
export type StopFault =
  /** The directory is no state of which runs are met; `states` are those that may be meant. */
  | { readonly kind: 'no-state'; readonly problem: string; readonly states: readonly string[] }
  /** The name is that of several things. */
  | { readonly kind: 'several'; readonly name: string; readonly kinds: readonly TargetKind[] }
  /** No configuration can be read, and nothing that runs has that name. */
  | { readonly kind: 'no-configuration' }
  /** Neither the configuration nor anything that runs knows the name; undefined where none was given. */
  | { readonly kind: 'unknown'; readonly name: string | undefined; readonly agents: readonly AgentName[] }
  /** No cell of that name runs, or ever ran where it is known. Whatever had its name was looked for, and is not there. */
  | { readonly kind: 'no-cell'; readonly cell: string }
  | ServerFault

/** The reason why no agent's cell is meant by that of a server. */
export type ServerFault =
  | { readonly kind: 'persons-server'; readonly cell: string }
  | { readonly kind: 'shared-server'; readonly cell: string; readonly served: readonly ServedByShared[] }

/** A cell for which a shared server acts. */
export interface ServedByShared {
  readonly cell: string
  readonly agent: string | undefined
}

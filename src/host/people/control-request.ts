/** The requests of people to a running warden, and its replies, as they pass over its socket. */
import type { ActionId, AgentName, EnvironmentName, Json, JsonObject, PersonName, Rung } from '../../model/index.ts'
import type { Confirmation, Order, Receipt } from '../stop/containment.ts'
import type { OrderSeen } from '../stop/fences.ts'
import type { UndoOrder } from './undo-order.ts'

/** A person's request to a running warden. */
export type ControlRequest =
  | { readonly kind: 'contain'; readonly order: Order }
  | {
      readonly kind: 'release'
      readonly agent: AgentName
      readonly environment: string
      readonly from: Rung
      readonly to: Rung
      readonly by: PersonName
      readonly why: string
      /** Time at which the person was told where the agent stands, by `monotonicUs`, and what they were told. */
      readonly askedUs: number
      readonly seen?: OrderSeen
    }
  | { readonly kind: 'undo'; readonly order: UndoOrder }
  /** An answer to a hold lies in the state for the gateway of this environment. */
  | { readonly kind: 'answers'; readonly environment: EnvironmentName; readonly hold: ActionId }
  | { readonly kind: 'cells' }
  | { readonly kind: 'files'; readonly ask: FilesAsk }

/** An answer of a warden, a line each; the last one is `done`. */
export type ControlReply =
  | { readonly kind: 'confirmation'; readonly confirmation: Confirmation }
  /** Every point of a stop has been asked, and its record is still being made. */
  | { readonly kind: 'recording' }
  | {
      readonly kind: 'done'
      readonly ok: boolean
      readonly said: string
      readonly receipt?: Receipt
      readonly cells?: readonly LiveCell[]
      /** Environment whose shared servers an order was carried out on, those that it means. */
      readonly environment?: string
      /** Set by the one that asked, not by the warden: whoever listens at this socket does not answer. */
      readonly silent?: Silent
      /** Result of what was done with files; absent where no cell of this warden lives on them. */
      readonly files?: Json
    }

/** The socket of a warden that does not answer. */
export interface Silent {
  /** Directory of the state that has it. */
  readonly state: string
  readonly socket: string
  /** The number in its name: that of the warden in its own PID namespace, which may be somebody else's here. */
  readonly pid: number
}

/** Something about the files of a workspace that a cell lives on. */
export interface FilesAsk {
  readonly what: 'checkpoint' | 'restore' | 'commit'
  /** Name of the workspace in the state. */
  readonly workspace: string
  readonly detail: JsonObject
}

export interface LiveCell {
  readonly cell: string
  readonly agent: string
  readonly environment: string
  readonly owner: string
  /** Rung on which it stands: as it was last ordered, or as its gateway last said. */
  readonly rung: Rung
  readonly sinceMs: number
}

/** A request, and the time by `monotonicUs` at which who asked gives up; absent where they wait for ever. */
export type TimedRequest = ControlRequest & { readonly untilUs?: number }

export type Done = Extract<ControlReply, { kind: 'done' }>

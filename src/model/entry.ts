import type { Effect } from './action.ts'
import type { HolderId } from './budget.ts'
import type {
  ActionId,
  AgentName,
  CellId,
  CheckpointId,
  DelegationId,
  EnvironmentName,
  GrantId,
  PersonName,
  ProtocolName,
  Sha256,
  TenantName,
  ToolName,
  UpstreamName,
} from './ids.ts'
import type { Json, JsonObject } from './json.ts'
import type { Label } from './label.ts'
import { cutsOff, type Rung } from './ladder.ts'
import type { Amounts } from './measure.ts'
import type { Operation } from './operation.ts'

/**
 * The body of a record in the ledger, which adds `seq` and `atMs`. Every body is plain JSON, so that its RFC 8785 bytes
 * are the leaf. All kinds stand in this one long file, since together they are the format on disk.
 *
 * - E1  An `action.intent` stands before anything of it was sent, and exactly one `action.outcome` follows it, or none:
 *       an intent without outcome is *unknown*.
 * - E2  A payload is never in an entry: it is named by its commitment, and kept apart.
 */
export type EntryBody =
  | GatewayStarted
  | ConfigurationApplied
  | CellStarted
  | CellTakenOver
  | CellEnded
  | ActionIntent
  | ActionRefused
  | ActionHeld
  | HoldAnswered
  | LabelSeen
  | DelegationMade
  | DelegationEnded
  | ActionOutcome
  | DefinitionSeen
  | UpstreamSeen
  | ListCut
  | EgressTried
  | CellSensed
  | SignalRaised
  | RungChanged
  | CellContained
  | CheckpointMade
  | CheckpointRestored
  | UndoStarted
  | EffectChecked
  | UndoEnded
  | Stopped

/** One record as it stands in a log. */
export type Entry = { readonly v: 1; readonly seq: number; readonly atMs: number } & EntryBody

export interface GatewayStarted {
  readonly kind: 'gateway.started'
  readonly environment: EnvironmentName
  /** Absent where none is named. */
  readonly tenant?: TenantName
  /** Digest of everything a decision depends on: configuration, policies, accepted definitions. */
  readonly configuration: Sha256
  readonly version: string
  /** The reason for which the gateway before this one was lost. Present where the lost one's cells may go on. */
  readonly replaces?: string
  /** The steady time that its budgets are counted in, by the host's uptime at some moment of this boot. */
  readonly clock?: { readonly atMs: number; readonly boot: string; readonly upMs: number }
}

/**
 * A person has put another configuration in the place of the one that the gateway read: from this entry on, its cells are
 * decided by it, those that run, too.
 */
export interface ConfigurationApplied {
  readonly kind: 'configuration.applied'
  readonly environment: EnvironmentName
  readonly by: 'firebreak' | PersonName
  /** Digests, as in `gateway.started`. */
  readonly before: Sha256
  readonly after: Sha256
  /** Agents that may do less than before: approvals of theirs that were not used are withdrawn. */
  readonly narrowed?: readonly AgentName[]
  /** Agents that may do more than before. */
  readonly widened?: readonly Widened[]
}

/** The things that became possible for one agent, on the word of the person who answers for it. */
export interface Widened {
  readonly agent: AgentName
  readonly agreed: PersonName
  /** Sentences, the worst first. */
  readonly what: readonly string[]
  /** Number of sentences that are not told. */
  readonly more?: number
}

export interface CellStarted {
  readonly kind: 'cell.started'
  readonly cell: CellId
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  /** The launch receipt: files, environment names, limits, uid, filter digest, profile. */
  readonly receipt: JsonObject
  /** The people who agreed to the cell's grants, beside its owner. */
  readonly approvers?: Readonly<Record<GrantId, PersonName>>
  /** The assignment that the owner gave, if there was one. */
  readonly task?: Json
  /** The delegation that is all the authority of this cell; its agent's own grants do not apply. */
  readonly delegation?: DelegationId
  /** Labels that the cell carried before it had asked for anything: of its workspace, its files, and its piped input. */
  readonly labels?: readonly Label[]
}

/** A cell of a lost gateway, taken over by this one. The cell stood still meanwhile, and goes on after this entry. */
export interface CellTakenOver {
  readonly kind: 'cell.taken-over'
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  /** The reason for which its gateway was lost. */
  readonly why: string
  /** The rung on which it goes on: never higher than it stood, and never `normal`. */
  readonly rung: Rung
  /** All that it is taken to have seen. */
  readonly labels: readonly Label[]
}

export interface CellEnded {
  readonly kind: 'cell.ended'
  readonly cell: CellId
  /** Exit, teardown proof (cgroup removed, no mount, no listener), what was left. */
  readonly receipt: JsonObject
}

/**
 * A thing in an attempt's whole arguments that the sentinel watches for. The entry itself may show long arguments
 * shortened.
 */
export interface Noticed {
  /** A decoy's name; a part of Firebreak; a place of another environment; what destroys, where the entry does not show it. */
  readonly kind: 'decoy' | 'own-authority' | 'environment' | 'destruction'
  readonly name: string
  /** Something that looks like a credential came with it. */
  readonly credential?: true
}

export interface ActionIntent {
  readonly kind: 'action.intent'
  readonly action: ActionId
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  readonly upstream: UpstreamName
  readonly operation: Operation
  readonly tool: ToolName
  /** Further operations of the same upstream that it makes use of; each is let through with it. */
  readonly alongside?: readonly ToolName[]
  /** Protocol that carries it; absent in entries from before 0.2, which are of `mcp`. */
  readonly protocol?: ProtocolName
  readonly effect: Effect
  readonly definition: Sha256
  /** The arguments, long texts shortened to their length and digest; the whole of them is in the payload. */
  readonly args: Json
  /** Commitment to the exact bytes that will be sent. */
  readonly payload: Commitment
  readonly reasons: Json
  readonly spend?: string
  readonly charge?: Charge
  /** The approved hold that this uses up. */
  readonly hold?: ActionId
  readonly noticed?: readonly Noticed[]
  /** For a connection of a relay: the call on whose word it was made, where one was under way. */
  readonly during?: ActionId
  readonly undoes?: ActionId
  readonly checks?: ActionId
}

/**
 * The amounts that an intent takes from budgets, beside one call and its `spend`: the most that it may bring, where somebody
 * counts it, and its `connections` where it is one and no call. Where absent, only its first grant is charged, with no more.
 */
export interface Charge extends Amounts {
  /** Holders that are charged, where the first grant of its reasons is not the only one. */
  readonly holders?: readonly HolderId[]
  /** The cell whose task's share it is taken from. */
  readonly task?: CellId
  /** The time at which it is counted, in steady time and by date; absent where that is the entry's time. */
  readonly atMs?: number
  readonly dateMs?: number
}

export interface ActionRefused {
  readonly kind: 'action.refused'
  readonly action: ActionId
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  /** Absent where the frame was refused before it named one. */
  readonly upstream?: UpstreamName
  readonly operation?: Operation
  readonly tool?: ToolName
  readonly alongside?: readonly ToolName[]
  readonly effect?: Effect
  readonly args?: Json
  readonly payload?: Commitment
  /** Refused in the same second, and told the same reference: there were too many to record each. */
  readonly more?: number
  readonly reasons: Json
  readonly noticed?: readonly Noticed[]
  /** For a connection of a relay: the call on whose word it was made, where one was under way. */
  readonly during?: ActionId
  readonly undoes?: ActionId
  readonly checks?: ActionId
}

/** An attempt that waits for a person. Later attempts at the same thing name the same hold, in short. */
export interface ActionHeld {
  readonly kind: 'action.held'
  readonly action: ActionId
  /** The action that opened it. */
  readonly hold: ActionId
  /** Number of further attempts in the same second, too many to record each. */
  readonly more?: number
  readonly cell: CellId
  readonly agent: AgentName
  readonly environment: EnvironmentName
  readonly upstream: UpstreamName
  readonly operation: Operation
  readonly tool: ToolName
  readonly alongside?: readonly ToolName[]
  readonly effect: Effect
  readonly definition: Sha256
  readonly args: Json
  /** Commitment to all of the arguments, for whoever is asked; absent where it is a further attempt at the same thing. */
  readonly payload?: Commitment
  /** Digest of all that an approval is for. */
  readonly binding: Sha256
  readonly labels: readonly Label[]
  readonly reasons: Json
  readonly spend?: string
  /** Unanswered, it is a refusal from then on; epoch ms. */
  readonly expiresAtMs: number
  /** The people whose agents ask; in a hardened environment one of them cannot approve. */
  readonly notBy?: readonly PersonName[]
  readonly noticed?: readonly Noticed[]
  /** For a connection of a relay: the call on whose word it was made, where one was under way. */
  readonly during?: ActionId
  readonly undoes?: ActionId
  readonly checks?: ActionId
}

/** A person has answered. */
export interface HoldAnswered {
  readonly kind: 'hold.answered'
  readonly hold: ActionId
  readonly approved: boolean
  readonly by: PersonName
  /** The time at which an unused approval ends; epoch ms. */
  readonly expiresAtMs: number
  readonly why?: string
}

/** A label that a cell has taken on: from this entry on, it counts as one that has seen such data. */
export interface LabelSeen {
  readonly kind: 'label.seen'
  readonly cell: CellId
  readonly agent: AgentName
  readonly label: Label
  /** The field that brought it. */
  readonly from: Json
}

/** A cell has given another agent, in a cell of its own, a part of what it may do. */
export interface DelegationMade {
  readonly kind: 'delegation.made'
  readonly delegation: DelegationId
  /** The giver's. */
  readonly cell: CellId
  readonly agent: AgentName
  readonly to: AgentName
  /** 1 for one that an agent's own cell gave. */
  readonly depth: number
  readonly restriction: Json
  readonly assignment: string
  readonly noticed?: readonly Noticed[]
}

export interface DelegationEnded {
  readonly kind: 'delegation.ended'
  readonly delegation: DelegationId
  readonly why: string
}

export interface ActionOutcome {
  readonly kind: 'action.outcome'
  readonly action: ActionId
  /**
   * `done`: the upstream answered, and the answer was passed on. `failed`: it answered with an error. `withheld`: it
   * answered, and the answer was refused. `not-sent`: no byte left. `unknown`: bytes left and no answer came.
   */
  readonly outcome: 'done' | 'failed' | 'withheld' | 'not-sent' | 'unknown'
  /**
   * Tells whether the effect of a withheld answer took place; absent where it did, as far as can be told. `no`: the
   * upstream said that it did not process the call. `unknown`: the answer does not tell, such as a refusal by HTTP 403.
   */
  readonly happened?: 'no' | 'unknown'
  /**
   * The amounts that were charged in the end, where they differ from the intent's. Its times are those of the
   * difference.
   */
  readonly settled?: Amounts & {
    readonly spend?: string
    readonly atMs?: number
    readonly dateMs?: number
  }
  /** Bytes that passed through a connection: from the cell's relay, and back to it. */
  readonly passed?: { readonly sent: number; readonly received: number }
  /** Tools that a model asked its client to call, with the digest (SHA-256) of the canonical form of their arguments. */
  readonly asks?: readonly { readonly name: string; readonly id?: string; readonly args?: Sha256 }[]
  readonly payload?: Commitment
  readonly detail?: string
  /** The names of secrets that its upstream tried to hand to the cell: cut, and a sign that something is wrong there. */
  readonly leaked?: readonly string[]
}

/** An upstream offers a definition that differs from the accepted one, or shadows another upstream's tool. */
export interface DefinitionSeen {
  readonly kind: 'definition.seen'
  readonly upstream: UpstreamName
  readonly tool: ToolName
  readonly digest: Sha256
  readonly problem: string
  /** True where it differs in nothing but its descriptions. */
  readonly words?: true
}

/**
 * The state of an upstream that nobody gets to, or that stands again: what it offers is left out of lists meanwhile.
 */
export interface UpstreamSeen {
  readonly kind: 'upstream.seen'
  readonly upstream: UpstreamName
  /** The cell that it serves, where it serves one. */
  readonly cell?: CellId
  /** The reason for which it cannot be reached; absent where it stands again. */
  readonly problem?: string
}

/** The part of an upstream's list that could not be taken, while the rest of it was. */
export interface ListCut {
  readonly kind: 'list.cut'
  readonly upstream: UpstreamName
  readonly list: 'tools' | 'prompts' | 'resources'
  /** Sentences on what could not be taken and why; in parts the upstream's own words. */
  readonly what: readonly string[]
  /** Number of sentences that are not told. */
  readonly more?: number
}

/** A connection that a relay asked for which serves no cell. In logs from before 0.2, a place that any relay asked for. */
export interface EgressTried {
  readonly kind: 'egress.tried'
  readonly upstream: UpstreamName
  /** The cell that it serves, where it serves one. */
  readonly cell?: CellId
  /** Host and port as they were declared; of what was not let through, as the relay wrote them. */
  readonly place: string
  /** The reason for which the connection was not let through. */
  readonly problem?: string
  /** Number of times that the place was asked for since its entry before, this time included; once where absent. */
  readonly times?: number
  readonly noticed?: readonly Noticed[]
}

/** An event inside a cell that the warden, or the kernel for it, observed. */
export interface CellSensed {
  readonly kind: 'cell.sensed'
  readonly cell: CellId
  readonly agent: AgentName
  /** The sensor that observed it: `process`, `system-call`, `decoy-file`, `limit`, `crash`, … */
  readonly sensor: string
  /** One sentence for the owner. */
  readonly what: string
  /** The number of times, where several were gathered. */
  readonly count?: number
  readonly detail: Json
}

/** One detector's observation about one cell, with its evidence. In `observe` nothing follows from it. */
export interface SignalRaised {
  readonly kind: 'signal.raised'
  readonly cell: CellId
  readonly agent: AgentName
  readonly detector: string
  readonly mode: 'observe' | 'enforce'
  /** One sentence for the owner. */
  readonly what: string
  /** Entries of this log by their `seq`, oldest first, the one that tripped it last. */
  readonly evidence: readonly number[]
  /** The action that tripped it, where one did. */
  readonly action?: ActionId
  /** The rung to which the cell's whole tree of delegations is moved, in `enforce`. */
  readonly rung?: Rung
}

/** A cell stands on another rung. Down: by Firebreak itself, or a person's order. Up: a person, by name (S9). */
export interface RungChanged {
  readonly kind: 'rung.changed'
  /** Absent where it is about an agent of which no cell runs. */
  readonly cell?: CellId
  readonly agent: AgentName
  readonly from: Rung
  readonly to: Rung
  readonly by: 'firebreak' | PersonName
  readonly why: string
  /** The signal's entry, where it was one. */
  readonly signal?: number
}

/** Tells whether an entry is a person's release of an agent that was contained. */
export function isReleased(entry: EntryBody): entry is RungChanged {
  return entry.kind === 'rung.changed' && entry.cell === undefined && cutsOff(entry.from)
}

/** The warden's receipt of a stop: what each enforcement point has confirmed, when, and in what words. */
export interface CellContained {
  readonly kind: 'cell.contained'
  readonly cell: CellId
  readonly agent: AgentName
  readonly rung: Rung
  readonly receipt: JsonObject
}

/** The files of a workspace were saved. */
export interface CheckpointMade {
  readonly kind: 'checkpoint.made'
  readonly checkpoint: CheckpointId
  readonly agent: AgentName
  /** The workspace whose files were saved: the agent's own, or that of an agent it delegated to. */
  readonly workspace: string
  /** The cell that stood frozen meanwhile; absent where none lived on it. */
  readonly cell?: CellId
  readonly by: 'firebreak' | PersonName
  readonly why: string
  /** A person's; one that bears a name never goes by itself. */
  readonly name?: string
  /** Epoch ms; before the entry's time where no gateway ran. */
  readonly madeAtMs: number
  /** On the host's disk. */
  readonly bytes: number
}

/** The files of a workspace are those of a checkpoint again. Effects and budgets stay what they were. */
export interface CheckpointRestored {
  readonly kind: 'checkpoint.restored'
  readonly checkpoint: CheckpointId
  readonly agent: AgentName
  readonly workspace: string
  /** The cell that was ended for it. */
  readonly cell?: CellId
  readonly by: PersonName
  readonly why: string
  /** The checkpoint of the files that stood there before; absent where a person chose to keep none. */
  readonly before?: CheckpointId
  /** Epoch ms. */
  readonly restoredAtMs: number
}

/**
 * A person has ordered that effects be compensated. What follows is done under an id of its own, which is no cell's, and
 * under the environment's grants for undo: intents that name the effect that they undo (`undoes`) or look at (`checks`).
 */
export interface UndoStarted {
  readonly kind: 'undo.started'
  readonly cell: CellId
  readonly agent: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  readonly by: PersonName
  readonly why: string
  /** The person's selection: cells, a time, an agent. */
  readonly what: Json
}

/** The finding of an effect's declared check. */
export interface EffectChecked {
  readonly kind: 'effect.checked'
  readonly cell: CellId
  /** The effect. */
  readonly action: ActionId
  /** The action that asked, where one could be made. */
  readonly check?: ActionId
  /** True where the effect does not stand (any more); absent where the check could not tell. */
  readonly undone?: boolean
  readonly problem?: string
}

export interface UndoEnded {
  readonly kind: 'undo.ended'
  readonly cell: CellId
  readonly receipt: JsonObject
}

export interface Stopped {
  readonly kind: 'gateway.stopped'
  readonly environment: EnvironmentName
  readonly why: string
}

/** `sha256:` over a random salt and the bytes; the salt is kept with the payload, so erasing it leaves nothing to guess. */
export interface Commitment {
  readonly sha256: Sha256
  readonly bytes: number
}

/**
 * The port behind which cells run. A driver is a kind of place that runs them: `linux`, or `memory` in tests. Outside of
 * this room the words here, in `spec.ts` and in `workspace.ts` are all that is known of one.
 */
import type { CellId } from '../model/ids.ts'
import type { JsonObject } from '../model/json.ts'
import type { Result } from '../model/result.ts'
import type { HostReport } from './abilities.ts'
import type { Reaped } from './census.ts'
import type { Handle } from './handle.ts'
import type { CellSpec, Exit, LaunchFault, LaunchReceipt, Layer, Profile, TeardownReceipt } from './spec.ts'
import type { Workspaces } from './workspace.ts'

/** A kind of place that runs cells. */
export interface Driver {
  /** Name by which a configuration chooses it (`cell: driver`). */
  readonly name: string
  /** Tries what this host lets it enforce, and which promises hold under which profile because of that. */
  abilities(): Promise<HostReport>
  /** Returns why it runs no cells of that profile on this host; asked before anything is made. */
  unfit(profile: Profile): WardenFault | undefined
  /** Returns why a launch would be refused by what is asked for alone; nothing is made. */
  refusal(spec: CellSpec): LaunchFault | undefined
  /** Opens a warden, once what dead ones have left is gone. `profile`: the best that this user has, by default. */
  open(options: { readonly profile?: Profile }): Promise<Result<Warden, WardenFault>>
}

/** The reason why no warden could be opened. */
export type WardenFault =
  | { readonly kind: 'missing'; readonly what: string; readonly fix: string }
  | { readonly kind: 'profile'; readonly problem: string; readonly fix: string }
  /** The run directory cannot be made, or somebody else could have made it. */
  | { readonly kind: 'place'; readonly problem: string; readonly fix: string }

/**
 * A driver that was opened by one process, which launches, freezes, kills and tears down cells through it.
 *
 * - W1  A cell that it launched dies with its process, and what a killed one left is gone after the next that is opened.
 * - W2  It holds no descriptor of a cell that has been torn down.
 */
export interface Warden {
  readonly profile: Profile
  /** Directory in which a `Census` finds its cells. */
  readonly runDirectory: string
  readonly reaped: readonly Reaped[]
  readonly workspaces: Workspaces
  /** Builds a cell, which waits for its `start()`; that asks `mayBegin` (K6), by default of nobody. */
  launch(spec: CellSpec, mayBegin?: MayBegin): Promise<Result<Cell, LaunchFault>>
  /** Notes a gateway beside the cells: it is ended where this process dies and it does not. */
  recordGateway(pid: number): Result<void, string>
  /** Tears every cell down, then removes what the warden itself made. */
  close(): Promise<void>
}

/** Tells whether a cell may run its first instruction, or why not. */
export type MayBegin = () => Result<void, string>

/**
 * One isolated, running instance of an agent, or of a stdio upstream.
 *
 * - K1  Not one instruction of it runs before `start()`.
 * - K2  `start()` closes the warden's copies of its listeners first: hand them over before.
 * - K3  `halt` answers only after whoever enforces has confirmed.
 * - K4  After `teardown()` says gone, nothing of ours remains for it.
 * - K5  A listener is made anew only while the cell lives, and never beside one that stands.
 * - K6  `start()` asks whether it may begin in the tick in which it lets the cell go: an order that came before that tick
 *       is seen, and one that comes after it finds a cell that is there.
 */
export interface Cell {
  readonly id: CellId
  readonly receipt: LaunchReceipt
  /** Resolves once, when the command and everything beside it has ended. */
  readonly exited: Promise<Exit>
  readonly door: CellDoor
  /** Directory of the host where the changes to its workspace stand while it lives, for root only. */
  readonly upper?: string
  /** Lets the cell run its first instruction; or says why it may not begin, and leaves it as it is, to be torn down. */
  start(): Result<void, string>
  /** Freezes or kills the cell. A frozen one runs no instruction until `thaw`; halting again proves it again. */
  halt(rung: 'frozen' | 'killed'): Promise<Result<Proof, HaltFault>>
  /** Lets a frozen cell go on; only on a named person's word (S9), which the warden does not ask for. */
  thaw(): Promise<Result<void, HaltFault>>
  /** Sends a signal to the command itself, as from its terminal. False when it has ended or not begun. */
  signal(number: number): boolean
  /** Makes the listeners anew, where those that were handed over are gone. The taker closes them once they are handed over. */
  listenAgain(): Promise<Result<readonly Handle[], string>>
  /** Counts its listeners and their connections, which `gatewayPid` or this process may hold; or says why it cannot. */
  connections(gatewayPid: number): Promise<Result<number, string>>
  /** Returns the names of the processes of it that are left. */
  left(): Promise<readonly string[]>
  /** Describes its processes for whoever asks later; looks in the tick in which it is asked. */
  evidence(): Promise<JsonObject>
  /** Carries a person's streams to and from the cell, in processes that have no power over either. */
  pump(streams: Streams): Pump
  /** Tells what happens in the cell, from its first instruction to its end, where the driver can see that. */
  sense(onSensed: (sensed: Sensed) => void): void
  /** Kills what still runs and removes what was made for it. Calling it again returns the same receipt. */
  teardown(): Promise<TeardownReceipt>
}

/** The ends of a cell's bytes that are ours. */
export interface CellDoor {
  /** Listeners on the cell's own 127.0.0.1, in the order of `CellSpec.ports`; after them those of `CellSpec.anywhere`. */
  readonly listeners: readonly Handle[]
  readonly stdio: CellStdio
}

/** The ends of a cell's standard streams. The taker owns what it takes; the rest closes at teardown. */
export type CellStdio =
  | { readonly kind: 'pipes'; readonly stdin: Handle; readonly stdout: Handle; readonly stderr: Handle }
  | { readonly kind: 'terminal'; readonly controller: Handle }
  /** Objects in this process, which only `pump` reaches. */
  | { readonly kind: 'none' }

/** The word of whoever enforces that a rung is in force. */
export interface Proof {
  readonly by: Prover
  /** Words for the receipt. */
  readonly said: string
  /** Epoch ms. */
  readonly atMs: number
}

/** A party that can prove that a cell stands: the kernel, or a driver whose cells are no processes. */
export type Prover = 'kernel' | 'driver'

/** The reason why a cell does not stand, or does not go on. */
export type HaltFault =
  | { readonly kind: 'lacking'; readonly layer: Layer; readonly problem: string }
  | { readonly kind: 'failed'; readonly step: string; readonly problem: string }
  | { readonly kind: 'timeout'; readonly step: 'freeze' | 'thaw' | 'kill'; readonly afterMs: number }

/** The person's own descriptors; they stay open and stay theirs. */
export interface Streams {
  readonly stdin: number
  readonly stdout: number
  readonly stderr: number
}

/** Processes that carry a cell's streams. */
export interface Pump {
  /** Resolves when all that the cell has written has been passed on, and the person's terminal is as it was. */
  readonly done: Promise<void>
  /** Stops reading from the person. Called when the cell has ended. */
  stop(): void
  /** Looks how large the person's terminal is: the kernel tells that only to processes of the terminal's session. */
  resized(): void
}

/** One thing that was seen of a cell; see `CellSensed` of the model. */
export interface Sensed {
  readonly sensor: 'process' | 'crash' | 'system-call' | 'storm' | 'limit' | 'decoy-file' | 'lost'
  /** One sentence for the owner. */
  readonly what: string
  readonly count: number
  readonly detail: JsonObject
}

/** The words of `apply`, as a person's command and a host that is up say them to each other: plain JSON. */
import type { AgentName, EnvironmentName, PersonName, Sha256 } from '../../model/index.ts'
import type { NextStart } from './next-start.ts'
import type { OpenedAnew, PlannedChanges } from './plan.ts'

/** A configuration that differs from the one that a host goes by. */
export interface Planned {
  /** The configuration of the host; absolute. */
  readonly file: string
  /** Digest of all that was read: it is said again with the order to put it in force. */
  readonly seen: Sha256
  readonly agents: readonly PlannedAgent[]
  /** Environments whose cells end by it. */
  readonly anew: readonly OpenedAnew[]
  /** Agents whose cells that run keep something of what was before. */
  readonly nextStart: readonly NextStart[]
  /** The reason why a host that is up never takes it. */
  readonly never?: string
}

/** The changes of one agent, at most as many as are shown. */
export interface PlannedAgent extends PlannedChanges {
  readonly widens: boolean
  /** Number of changes that are not told. */
  readonly more?: number
}

/** A person's order to put a configuration in force. */
export interface ApplyAsk {
  readonly seen: Sha256
  readonly by: PersonName
  /** The people whose word is given: the owner of each agent that it widens has to be among them. */
  readonly agreed: readonly PersonName[]
  /** True where cells may be ended for what a gateway keeps until its end. */
  readonly restart: boolean
}

/** A configuration that was put in force. */
export interface Applied {
  readonly agents: readonly PlannedAgent[]
  /** Environments whose ledger could not be written, or that did not open: nothing of this stands there. */
  readonly unrecorded: readonly EnvironmentName[]
  /** Environments whose gateway did not take it: another has taken its place, with the cells that could go on. */
  readonly replaced: readonly EnvironmentName[]
  /** Environments whose cells were ended. */
  readonly ended: readonly EnvironmentName[]
  /** Environments that no gateway of the host serves, and in which it is not known to be in force. */
  readonly elsewhere: readonly Elsewhere[]
}

/** An environment that another process may serve, by the configuration that it has read. */
export interface Elsewhere {
  readonly environment: EnvironmentName
  /** The reason why its ledger does not open; it names the process that holds it. */
  readonly why: string
  /** Cells that another process's warden tells of. */
  readonly cells: readonly { readonly cell: string; readonly agent: string }[]
}

/** The reasons why a configuration was not put in force. Nothing was changed then, but for `lost`: that is not known. */
export type ApplyFault =
  | { readonly kind: 'no-host' }
  /** One is up, as its lock says, and is not reached. */
  | { readonly kind: 'unreached'; readonly problem: string }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] }
  /** A file of it is another than its person was shown. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'never'; readonly why: string }
  /** The word of these people, who answer for agents that may do more, is not given. */
  | {
      readonly kind: 'owners'
      readonly missing: readonly { readonly agent: AgentName; readonly owner: PersonName }[]
    }
  /** Cells would have to be ended, and that was not allowed. */
  | {
      readonly kind: 'restart'
      readonly environments: readonly (OpenedAnew & { readonly cells: number })[]
    }
  /** The ledger did not take what widens. */
  | { readonly kind: 'unrecorded'; readonly problem: string }
  | { readonly kind: 'lost'; readonly problem: string }

import type { LandedWork } from '../../ledger/views/seen-labels.ts'
import type {
  ActionId,
  AgentName,
  Budget,
  CatalogueTool,
  CellContained,
  CellId,
  CheckpointMade,
  CheckpointRestored,
  ConfigurationApplied,
  Containment,
  EnvironmentName,
  GrantId,
  Json,
  JsonObject,
  Label,
  PersonName,
  PlaceOf,
  Rung,
  Sha256,
  Source,
  Spans,
  TenantName,
  ToolName,
  UpstreamName,
} from '../../model/index.ts'
import { isJsonObject, KEEP_INEXACT, type ModelTerms, parseExactJson, type WrittenPrice } from '../../model/index.ts'

import type { PolicyBundle } from '../../policy/index.ts'
import type { PackagePolicy } from '../protocols/package/rules/package-policy.ts'

/**
 * The setup that the warden gives a gateway: once at its start, through a pipe, and then a message for each cell. The
 * gateway trusts it: it made the gateway. It is plain JSON, but for bigints, which `writeSetup` writes as text.
 */
export interface GatewaySetup {
  readonly environment: EnvironmentName
  /** The tenant whose environment it is; nothing of another tenant is here. Absent where none is named. */
  readonly tenant?: TenantName
  /** Holds are approved by another person than those who own the agents. */
  readonly hardened: boolean
  /** Origins that the environment's relays may reach. */
  readonly egress: readonly string[]
  /** Places of other environments that are known by their address: nothing of this one goes there. */
  readonly elsewhere: readonly string[]
  /** The reason why the gateway before it was lost, where it is there for the cells that this one left. */
  readonly replaces?: string
  /** Digest of all files that the configuration was read from. */
  readonly configuration: Sha256
  /** The environment of every upstream of the tenant: names only, for refusals that explain themselves. */
  readonly environments: readonly (readonly [UpstreamName, EnvironmentName])[]
  readonly upstreams: readonly UpstreamSetup[]
  readonly agents: readonly AgentSetup[]
  /**
   * Names of agents, each at the number by which a `launch` means it. A name keeps its number while its environment is
   * open, whatever is applied meanwhile.
   */
  readonly numbered: readonly AgentName[]
  /** The actor under whose grants effects are undone; absent: nothing is undone. */
  readonly undo?: AgentSetup
  readonly policies: PolicyBundle
  readonly containment: ContainmentSetup
  readonly secrets: readonly (readonly [name: string, value: string])[]
  /** Earlier values of the secrets, in a gateway that was lost: looked for in answers, and not injected. */
  readonly pastSecrets?: readonly (readonly [name: string, value: string])[]
}

/** `containment:`, and what the sentinel watches for. */
export interface ContainmentSetup extends Containment {
  /** Hosts of the tenant's upstreams and egress, in every environment. */
  readonly places: readonly PlaceOf[]
  /** Absolute: the configuration and the policies. Where the gateway keeps its ledger it knows itself. */
  readonly ownPaths: readonly string[]
}

export interface UpstreamSetup {
  readonly name: UpstreamName
  /** The way to it: an MCP server over HTTP or in a cell of its own, or an origin of the web. */
  readonly server:
    | ({ readonly kind: 'http' } & ReachedServer)
    | ({
        readonly kind: 'origin'
        readonly model?: ModelSetup
        readonly packages?: PackageSetup
        readonly git?: { readonly user?: string; readonly lfs?: readonly string[] }
        readonly tunnel?: true
      } & ReachedServer)
    | { readonly kind: 'stdio'; readonly shared: boolean }
  readonly tools: readonly (readonly [ToolName, CatalogueTool])[]
  /** Connections that it may make on a cell's word; absent of what is no relay, or reaches nothing. */
  readonly connections?: readonly (readonly [ToolName, CatalogueTool])[]
  /** The revision of its protocol that it spoke when it was accepted. */
  readonly known?: string
  /** The reason why it is left out of this start; nothing connects to it. */
  readonly down?: string
}

/** An interface of models that an origin speaks, as a message has it. */
export type ModelSetup = Omit<ModelTerms, 'prices'> & {
  readonly prices: readonly (readonly [model: string, price: WrittenPrice])[]
}

/** A registry of packages, as a message has it. */
export type PackageSetup = PackagePolicy & {
  /** Origin of the files, where they lie elsewhere than the lists. */
  readonly files?: string
}

/** A server that the gateway goes to. */
export interface ReachedServer {
  readonly url: string
  readonly headers: readonly (readonly [string, string])[]
  /** Names of the secrets that its entry was judged with: no other is filled in. */
  readonly secrets: readonly string[]
  /** Certificates in PEM that alone are trusted to speak for it. */
  readonly ca?: string
}

/** Returns the names of the secrets that an upstream is connected with. */
export function secretsOf({ server }: UpstreamSetup): readonly string[] {
  return server.kind === 'stdio' ? [] : server.secrets
}

export interface AgentSetup {
  readonly name: AgentName
  readonly owner: PersonName
  readonly grants: readonly GrantSetup[]
  /** The files of its cells are saved before an action that cannot be taken back; without that it is refused, or not. */
  readonly checkpoints?: { readonly required: boolean }
  /** Agents that its cells may delegate to. */
  readonly delegates: readonly AgentName[]
}

/** A grant without its time: it begins when the cell does. */
export interface GrantSetup {
  readonly id: GrantId
  readonly upstream: UpstreamName
  readonly tools: readonly ToolName[]
  readonly budgets: readonly Budget[]
  readonly expiresMs: number
  /** The person who agreed to it, beside the agent's owner. */
  readonly approver?: PersonName
  readonly source: Source
}

/** See `Task`. */
export interface TaskSetup {
  readonly text: string
  readonly givenBy: PersonName
  readonly tools?: readonly string[]
}

/** The certificate authority of one cell and its private key (PKCS #8), both DER in base64; see `trust/issuer.ts`. */
export interface IssuerSetup {
  readonly certificate: string
  readonly key: string
}

/** A deed of the warden's, for the ledger. */
export type Noted = CheckpointMade | CheckpointRestored | CellContained | ConfigurationApplied

/** One message on the warden's channel, with the descriptors that belong to it. */
export type WardenMessage =
  /** A cell, with its listeners: the first for MCP, then those of `web`. */
  | {
      readonly kind: 'cell'
      readonly number: number
      readonly cell: CellId
      readonly agent: AgentName
      readonly receipt: JsonObject
      /** Labels that the cell's files bring with them. */
      readonly labels: readonly Label[]
      /** The rung at which its agent stands already; `normal` where absent. */
      readonly rung?: Rung
      /** The times at which earlier cells saw what may stand in the files that they left; absent where none are kept. */
      readonly lived?: Spans
      /** Workspaces whose work has landed in what the cell is shown. */
      readonly landed?: readonly LandedWork[]
      readonly task?: TaskSetup
      /** The issuer whose certificate the cell is shown. Present where TLS of the cell ends at the gate. */
      readonly issuer?: IssuerSetup
      /** The sockets at every address, in the order of the descriptors that follow the first. */
      readonly web?: readonly { readonly transport: 'tcp' | 'udp'; readonly port: number }[]
      /** The number of the cell that delegated: this one has no grants of its own. */
      readonly parent?: number
      /**
       * A lost gateway served it, from `sinceMs` on; it stands still. Fails where the ledger does not tell enough of
       * it.
       */
      readonly again?: { readonly sinceMs: number; readonly why: string }
    }
  /** Our ends of a stdio server's standard input and output, for one cell or for all; and a relay's way out. */
  | {
      readonly kind: 'upstream'
      readonly upstream: UpstreamName
      readonly number: number | null
      /** The server's own: by it, it is given up. */
      readonly server: number
    }
  /** An upstream that has no server, and gets none soon. */
  | {
      readonly kind: 'upstream-down'
      readonly upstream: UpstreamName
      readonly number: number | null
      readonly why: string
    }
  /** The server of a way out has ended on an order: what waits in it goes with it. */
  | { readonly kind: 'way-out-over'; readonly upstream: UpstreamName; readonly number: number | null }
  /** Secrets as they are now: read again because their time had come, or because this upstream refused one. */
  | {
      readonly kind: 'secrets'
      readonly upstream?: UpstreamName
      readonly values: readonly (readonly [name: string, value: string])[]
    }
  /**
   * Another configuration takes the place of the one before, for cells that are served, too. A file comes with it
   * (`FollowedSetup`). Answered by `answered`.
   */
  | {
      readonly kind: 'configure'
      readonly number: number
      /** Agents that may do less by it: approvals of theirs that were not used are withdrawn. */
      readonly narrowed: readonly AgentName[]
    }
  /** A person has answered a hold. */
  | {
      readonly kind: 'answer'
      readonly number: number
      readonly hold: ActionId
      readonly approved: boolean
      readonly by: PersonName
      readonly forMs: number
      readonly why?: string
    }
  /** The answer to a `checkpoint`: its cell's files are saved, and that is in the ledger; or why they are not. */
  | { readonly kind: 'checkpointed'; readonly number: number; readonly problem?: string }
  /** A deed of the warden's, for the ledger. Answered by `answered`. */
  | {
      readonly kind: 'note'
      readonly number: number
      readonly entry: Noted
    }
  /** Cells are moved down the ladder: by a person, or by the warden for what it saw. Answered by `ordered`. */
  | {
      readonly kind: 'order'
      readonly number: number
      readonly cells: readonly number[]
      readonly rung: Rung
      readonly by: 'firebreak' | PersonName
      readonly why: string
    }
  /** `answered` when the disk has every entry so far, or never will. */
  | { readonly kind: 'settle'; readonly number: number }
  /** A person moves an agent up the ladder. Answered by `ordered`. */
  | {
      readonly kind: 'release'
      readonly number: number
      /** Time by `monotonicUs` at which the person was told where the agent stands. */
      readonly askedUs: number
      readonly agent: AgentName
      readonly from: Rung
      readonly to: Rung
      readonly by: PersonName
      readonly why: string
    }
  /** An event that the warden saw in a cell. */
  | {
      readonly kind: 'sensed'
      readonly number: number
      readonly sensor: string
      readonly what: string
      readonly count: number
      readonly detail: JsonObject
    }
  /** A person wants effects compensated, under an id that is no cell's. Answered by `cell-ready`; it ends with `ended`. */
  | {
      readonly kind: 'undo'
      readonly number: number
      readonly cell: CellId
      readonly by: PersonName
      readonly why: string
      readonly what: Json
    }
  /** At most `LIMITS.undoEffectsMax`, in the order that they are to be compensated in. Answered by `undone`. */
  | { readonly kind: 'undo-effects'; readonly number: number; readonly effects: readonly ActionId[] }
  /** The cell of a delegation could not be made. */
  | { readonly kind: 'unlaunched'; readonly parent: number; readonly agent: AgentName; readonly why: string }
  | { readonly kind: 'ended'; readonly number: number; readonly receipt: JsonObject }
  | { readonly kind: 'stop'; readonly why: string }

/**
 * The setup of a gateway that would start now, whose upstreams are reached as they are, and without its secrets; and what
 * comes by it to cells that are served.
 */
export interface FollowedSetup extends GatewaySetup {
  readonly raised: readonly RaisedLabels[]
}

/** Labels that a cell carries from now on: the configuration says so of what it was shown. */
export interface RaisedLabels {
  /** The warden's own name for the cell. */
  readonly number: number
  readonly labels: readonly Label[]
}

/** Bigints as `{"$bigint":"…"}`: budgets are the only ones. */
export function writeSetup(setup: GatewaySetup | FollowedSetup): string {
  return JSON.stringify(setup, (_, value: unknown) =>
    typeof value === 'bigint' ? { $bigint: value.toString() } : value,
  )
}

/** Reads a setup. It comes from the warden and never from a cell: its shape is what `writeSetup` wrote. */
export function readSetup(text: string): GatewaySetup {
  return withBigints(parseExactJson(text, KEEP_INEXACT)) as GatewaySetup
}

/** Reads what a `configure` brings; see `readSetup`. */
export function readFollowed(text: string): FollowedSetup {
  return withBigints(parseExactJson(text, KEEP_INEXACT)) as FollowedSetup
}

function withBigints(value: Json): unknown {
  if (Array.isArray(value)) return value.map(withBigints)
  if (!isJsonObject(value)) return value
  if (typeof value.$bigint === 'string') return BigInt(value.$bigint)
  // What an upstream said of a tool holds none, whatever it looks like.
  const members = Object.entries(value).map(([key, item]) => [key, key === 'pinned' ? item : withBigints(item)])
  return Object.fromEntries(members)
}

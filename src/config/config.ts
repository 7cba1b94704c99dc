import type {
  AgentName,
  Budget,
  Containment,
  DeclaredTool,
  EnvironmentName,
  Label,
  PathPattern,
  PersonName,
  Source,
  TenantName,
  ToolName,
  UpstreamName,
} from '../model/index.ts'
import type { Written } from './shape.ts'

/** What isolates: `full` needs root, `user` only user namespaces. Each promise says under which it holds. */
export type Profile = 'full' | 'user'

/** `firebreak.yaml`, read and judged: every name in it resolves, every path is absolute, every secret has one home. */
export interface Config {
  /** Absolute. */
  readonly file: string
  /** Everything relative in the file is relative to this. */
  readonly directory: string
  readonly profile: Profile
  /** Empty where none is named. */
  readonly tenants: ReadonlySet<TenantName>
  readonly environments: ReadonlyMap<EnvironmentName, Environment>
  readonly upstreams: ReadonlyMap<UpstreamName, Upstream>
  readonly agents: ReadonlyMap<AgentName, Agent>
  readonly policies: readonly PolicyFile[]
  readonly containment: Containment
  readonly secrets: ReadonlyMap<string, SecretSource>
}

export interface Environment {
  readonly name: EnvironmentName
  /** Absent where none is named: then one is implied, and everything is its own. */
  readonly tenant?: TenantName
  /** Effects need a grant that somebody else than the agent's owner approved, and its holds somebody else's approval. */
  readonly hardened: boolean
  /** Origins that its relays may reach; nothing else has any network. */
  readonly egress: readonly Written<URL>[]
  /** What undo may do in it; absent, nothing is undone. */
  readonly undo?: UndoConfig
}

/** Compensations run under grants and budgets of their own, for which a person answers; no agent has them. */
export interface UndoConfig {
  readonly owner: PersonName
  readonly grants: readonly GrantConfig[]
}

export interface Upstream {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly mcp: StdioServer | HttpServer
  readonly tools: ReadonlyMap<ToolName, DeclaredTool>
  /** It reaches further on a cell's word. One behind a URL is out of our hands, and a person has accepted that. */
  readonly relay: boolean
  readonly source: Source
}

/** A program that speaks MCP on its standard streams, in an upstream cell. */
export interface StdioServer {
  readonly kind: 'stdio'
  readonly command: readonly string[]
  readonly cell: CellConfig
  /** One instance for all cells of its environment, where otherwise each agent's cell has its own. */
  readonly shared: boolean
}

export interface HttpServer {
  readonly kind: 'http'
  readonly url: URL
  /** Values may hold `${secret:name}`. */
  readonly headers: ReadonlyMap<string, string>
  /** A file of certificates that alone are trusted to sign for it; absent: those that this host trusts. */
  readonly ca?: string
}

export interface Agent {
  readonly name: AgentName
  readonly owner: PersonName
  readonly environment: EnvironmentName
  readonly command: readonly string[]
  readonly cell: CellConfig
  readonly grants: readonly GrantConfig[]
  /** Agents of the same environment that its cells may delegate to. */
  readonly delegates: readonly AgentName[]
  readonly source: Source
}

export interface CellConfig {
  /** A root directory of its own; absent: the host's /usr, read-only, and a made-up /etc. */
  readonly root?: string
  /** The directory that the cell sees as /workspace, through a private overlay. */
  readonly workspace?: string
  /** Parts of the workspace that its cell does not see; absent: files that are made to hold credentials. */
  readonly hide?: readonly PathPattern[]
  /** Labels of all that the cell is shown at its start. Untrusted, unless the configuration says otherwise. */
  readonly labels: readonly Label[]
  /** True where the configuration says the labels itself. */
  readonly labelled: boolean
  /** Place in the cell → path on the host, read-only. */
  readonly files: ReadonlyMap<string, string>
  /** Directory in the cell where its command starts; absent: its workspace, or `/`. */
  readonly cwd?: string
  readonly env: ReadonlyMap<string, string>
  readonly cpu: number
  readonly memoryBytes: number
  readonly pids: number
  /** Bytes per second, read and written each; absent: not limited. */
  readonly ioBytesPerSecond?: number
  readonly wallMs: number
  /** When the workspace's files are saved by themselves, and how much is kept; absent: when a person asks. */
  readonly checkpoints?: CheckpointPlan
  /** What lands of the workspace's changes without a person who lists paths, and what lands in no way. */
  readonly commit?: { readonly allow: readonly PathPattern[]; readonly never: readonly PathPattern[] }
}

export interface CheckpointPlan {
  readonly everyMs?: number
  /** Of each occasion, and all together on the host's disk; absent: as many as there are by default. */
  readonly keep?: number
  readonly bytesMax?: number
  /** Before an action that cannot be taken back. */
  readonly beforeIrreversible: boolean
  /** Such an action is refused where they cannot be saved. */
  readonly required: boolean
}

/** One entry under `grants:`. It becomes a `Grant` for each cell when that starts. */
export interface GrantConfig {
  readonly upstream: UpstreamName
  readonly tools: ReadonlySet<ToolName>
  readonly when?: Written<string>
  readonly budgets: readonly Budget[]
  readonly expiresMs: number
  /** Who agreed to it, beside the agent's owner. */
  readonly approver?: PersonName
  readonly source: Source
}

export interface PolicyFile {
  /** Whose it is; absent where it is everybody's. */
  readonly tenant?: TenantName
  /** Relative to the configuration, as messages show it. */
  readonly file: string
  readonly text: string
}

export type SecretSource =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string; readonly everyMs?: number }
  /** What it says on standard output is the value. */
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly everyMs?: number }

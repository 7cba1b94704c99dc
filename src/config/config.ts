import type { Profile } from '../model/host/profile.ts'
import type {
  AgentName,
  Budget,
  Containment,
  DeclaredTool,
  EnvironmentName,
  Label,
  ModelTerms,
  PackageTerms,
  PathPattern,
  PersonName,
  Source,
  TenantName,
  ToolName,
  UpstreamName,
} from '../model/index.ts'
import type { FileBeside } from './read/file-beside.ts'
import type { Written } from './shape.ts'

export type { Profile }

/** `firebreak.yaml`, read and judged: every name in it resolves, every path is absolute, every secret has one home. */
export interface Config {
  /** Absolute. */
  readonly file: string
  /** The text that stood in it when it was read. */
  readonly text: string
  /** Everything relative in the file is relative to this. */
  readonly directory: string
  readonly profile: Profile
  /** Empty where none is named. */
  readonly tenants: ReadonlySet<TenantName>
  readonly environments: ReadonlyMap<EnvironmentName, Environment>
  readonly upstreams: ReadonlyMap<UpstreamName, UpstreamConfig>
  readonly agents: ReadonlyMap<AgentName, Agent>
  readonly policies: readonly PolicyFile[]
  readonly containment: Containment
  readonly secrets: ReadonlyMap<string, SecretSource>
}

export interface Environment {
  readonly name: EnvironmentName
  /** Absent where none is named: then one is implied, and everything is its own. */
  readonly tenant?: TenantName
  /**
   * True where effects need a grant that a second person approved, beside the agent's owner, and holds are answered by
   * another person than the owner.
   */
  readonly hardened: boolean
  /** True where a run may be observed: its agent then gets what only reads, beside its grants. */
  readonly observe: boolean
  /** Origins that its relays may reach; nothing else has any network. */
  readonly egress: readonly Written<URL>[]
  /** The rules for undo in this environment; absent, nothing is undone. */
  readonly undo?: UndoConfig
}

/** Compensations run under grants and budgets of their own, for which a person answers; no agent has them. */
export interface UndoConfig {
  readonly owner: PersonName
  readonly grants: readonly GrantConfig[]
}

export interface UpstreamConfig {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly server: StdioServer | HttpServer | OriginServer
  readonly tools: ReadonlyMap<ToolName, DeclaredTool>
  /**
   * True for an upstream that reaches further on a cell's word. A relay behind a URL is out of our hands, and a person
   * has accepted that.
   */
  readonly relay: boolean
  readonly source: Source
}

/** A program that speaks MCP on its standard streams, in an upstream cell. */
export interface StdioServer {
  readonly kind: 'stdio'
  readonly command: readonly string[]
  readonly cell: CellConfig
  /** True for one instance for all cells of its environment; else each agent's cell has its own. */
  readonly shared: boolean
}

export interface HttpServer {
  readonly kind: 'http'
  readonly url: URL
  /** Values may hold `${secret:name}`. */
  readonly headers: ReadonlyMap<string, string>
  /** A file of certificates that alone are trusted to sign for it; absent: those that this host trusts. */
  readonly ca?: FileBeside
}

/** An origin of the web: its tools are requests, by their patterns. */
export interface OriginServer {
  readonly kind: 'origin'
  /** Scheme, host and port alone. */
  readonly url: URL
  /** Put into each request in the place of the program's own. Values may hold `${secret:name}`. */
  readonly headers: ReadonlyMap<string, string>
  /** A file of certificates that alone are trusted to sign for it; absent: those that this host trusts. */
  readonly ca?: FileBeside
  /** Path of a document that describes its operations, which `accept` alone reads; absent: patterns are all that is known of them. */
  readonly openapi?: string
  /** The interface of models that it speaks; absent: requests by their patterns. */
  readonly model?: ModelTerms
  /**
   * Set where it is a git server, whose tools are patterns of repositories and refs. `user`: whose password its token is;
   * `lfs`: origins at which its files of LFS lie, beside its own.
   */
  readonly git?: { readonly user?: string; readonly lfs?: readonly URL[] }
  /** The registry of packages that it is. */
  readonly packages?: PackageConfig
  /** True where its TLS is between it and the programs of a cell. */
  readonly tunnel?: true
}

/** A registry of packages, and the list of those that may not be had. */
export interface PackageConfig extends PackageTerms {
  /** Packages that may not be had, one a line. */
  readonly denyList?: FileBeside
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
  /** True in a run that is observed. */
  readonly observed?: true
  readonly source: Source
}

/** Place in a cell of the files that its home begins with. */
export const HOME_FILES = '/firebreak/home'

export interface CellConfig {
  /** Name of the driver that runs it; absent: linux. */
  readonly driver?: string
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
  /** True where its home begins with a directory's files, which are shown at `HOME_FILES`. */
  readonly home?: true
  /** Directory in the cell where its command starts; absent: its workspace, or `/`. */
  readonly cwd?: string
  readonly env: ReadonlyMap<string, string>
  readonly cpu: number
  readonly memoryBytes: number
  readonly pids: number
  /** Bytes per second, read and written each; absent: not limited. */
  readonly ioBytesPerSecond?: number
  readonly wallMs: number
  /** The plan by which the workspace's files are saved; absent, they are saved only when a person asks. */
  readonly checkpoints?: CheckpointPlan
  /**
   * The workspace's changes that land without a person who lists paths (`allow`), and those that land in no way
   * (`never`).
   */
  readonly commit?: { readonly allow: readonly PathPattern[]; readonly never: readonly PathPattern[] }
}

export interface CheckpointPlan {
  readonly everyMs?: number
  /** Checkpoints kept of each occasion, and bytes of all together on the host's disk; absent, the defaults. */
  readonly keep?: number
  readonly bytesMax?: number
  /** True where the files are saved before each action that cannot be taken back. */
  readonly beforeIrreversible: boolean
  /** True where such an action is refused when the files cannot be saved. */
  readonly required: boolean
}

/** One entry under `grants:`. It becomes a `Grant` for each cell when that starts. */
export interface GrantConfig {
  readonly upstream: UpstreamName
  readonly tools: ReadonlySet<ToolName>
  readonly when?: Written<string>
  readonly budgets: readonly Budget[]
  readonly expiresMs: number
  /** The person who agreed to the grant, beside the agent's owner. */
  readonly approver?: PersonName
  /** True for a grant that stands in no file, of a run that is observed. */
  readonly observed?: true
  readonly source: Source
}

export interface PolicyFile {
  /** The tenant that it binds; absent where it binds everybody. */
  readonly tenant?: TenantName
  /** Relative to the configuration, as messages show it. */
  readonly file: string
  readonly text: string
}

export type SecretSource =
  | { readonly kind: 'env'; readonly variable: string }
  | { readonly kind: 'file'; readonly path: string; readonly everyMs?: number }
  /** A command whose standard output is the value. */
  | { readonly kind: 'command'; readonly command: readonly string[]; readonly everyMs?: number }

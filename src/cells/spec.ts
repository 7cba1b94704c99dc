import type { Profile } from '../model/host/profile.ts'
import type { CellId } from '../model/ids.ts'

export type { Profile }

/** The order for one launch. Everything in it comes from the configuration, nothing from a cell. */
export interface CellSpec {
  readonly id: CellId
  /** State, agent and part that the cell belongs to. Absent for our own helpers. */
  readonly about?: CellAbout
  /** An absolute path inside the cell, or a name found on its PATH, and the arguments. */
  readonly command: readonly [string, ...string[]]
  /**
   * Command that is run in place of `command`: the same words with secrets put into them. It stands in no receipt and
   * in no record; on the host it is the process's command line, as any other is (proc(5)).
   */
  readonly secretCommand?: readonly [string, ...string[]]
  /** The whole process environment of the command. Nothing is inherited. */
  readonly variables: Readonly<Record<string, string>>
  /** Inside the cell. Default: the workspace, or `/` without one. */
  readonly workingDirectory?: string
  readonly root: RootSpec
  /** Host paths shown read-only at places of the cell: a pinned node, an agent's or a server's code. */
  readonly files: readonly FileSpec[]
  /** Files that stand nowhere on the host, shown read-only as those are. */
  readonly texts?: readonly TextSpec[]
  /** Directory in the cell whose files its home begins with: one of `files`. */
  readonly home?: string
  /** Places in the cell where a file stands that nobody should open; see `sensors/`. */
  readonly decoys?: readonly string[]
  readonly workspace?: WorkspaceSpec
  readonly limits: CellLimits
  /** Ports on the cell's own 127.0.0.1 that its gateway will accept on, in this order in `Cell.listeners`. */
  readonly ports: readonly number[]
  /**
   * Ports on which its gateway accepts at every IPv4 address that the cell dials; after those of `ports` in
   * `Cell.listeners`. Where there is one, every address is the cell's own: nothing that it sends to any leaves it, and
   * what it dialled is the accepted socket's own address. Absent or empty: 127.0.0.0/8 is all that there is.
   */
  readonly anywhere?: readonly AnywherePort[]
  readonly stdio: StdioSpec
  /**
   * Configuration, policies, state, Firebreak itself. No workspace or file may contain or lie in one of them;
   * symlinks are resolved before the comparison.
   */
  readonly protectedPaths: readonly string[]
  /** Paths that may be shown to a cell, read-only, and that no workspace may contain or lie in. */
  readonly shownPaths?: readonly string[]
  /** Protected paths that no cell may read: they are hidden in its root file system, too. */
  readonly unseenPaths?: readonly string[]
  /** Layers that this launch does without, by a person's word, where the host lacks them. Default: none. */
  readonly accepts?: readonly Layer[]
}

/**
 * The part that a cell plays:
 *
 * - `agent`  an agent's cell
 * - `server` a stdio server that serves one cell, on its word
 * - `shared` a stdio server that serves several
 * - `person` on a person's word and no agent's: servers of an undo or of an inspection, our own helpers
 */
export type CellPart = 'agent' | 'server' | 'shared' | 'person'

/** The note of what a cell is, for whoever finds it without its warden. */
export interface CellAbout {
  readonly part: CellPart
  /** Directory of the state that the cell belongs to. */
  readonly state: string
  readonly environment: string
  /** The agent that it is, or on whose word it acts. */
  readonly agent?: string
  readonly owner?: string
  /** Absolute path of the configuration that names the agent. */
  readonly configuration?: string
  /** The cell that it serves, or that delegated to it. */
  readonly of?: CellId
}

export type RootSpec =
  /** The host's /usr, read-only, and a minimal /etc of ours. */
  | { readonly kind: 'host-usr' }
  /** A root file system of its own, read-only; it must hold the directories /proc, /dev and /tmp. */
  | { readonly kind: 'directory'; readonly path: string }

/** A port that is answered at every IPv4 address. */
export interface AnywherePort {
  readonly transport: 'tcp' | 'udp'
  readonly port: number
}

export interface FileSpec {
  /** Absolute, on the host; a file or a directory. */
  readonly from: string
  /** Absolute, in the cell. */
  readonly to: string
}

export interface TextSpec {
  /** Bytes where it is no text at all, as a key store of Java is. */
  readonly text: string | Uint8Array
  /** Place in the cell, absolute. */
  readonly to: string
}

export interface WorkspaceSpec {
  /** The directory it starts from. Never written. */
  readonly lower: string
  /** Directory of the changes, in the state; made if missing, 0700, on a file system overlayfs can write to. */
  readonly changes: string
  /** Absolute, in the cell. */
  readonly at: string
  /** Paths in it, relative, that the cell finds empty and cannot change: files and directories. */
  readonly hidden?: readonly string[]
}

export interface CellLimits {
  readonly memoryBytes: number
  /** Cores; 0.5 is half of one. */
  readonly cpu: number
  readonly pids: number
  /** Limits on the disk that holds the workspace's changes. */
  readonly io?: IoLimits
  /** Milliseconds from `start()` to the kill; absent means none. */
  readonly wallMs?: number
  /** Open descriptors of each process. Default 4,096: a coding agent's watcher needs over 1,024. */
  readonly descriptors?: number
  /**
   * Bytes that the changes to the workspace may take on the host's disk. Default: 8 GiB, of which none is taken in
   * advance.
   */
  readonly diskBytes?: number
  /** Each of /tmp, /dev/shm and /home in memory. Default: half of `memoryBytes`. */
  readonly temporaryBytes?: number
}

export interface IoLimits {
  readonly readBytesPerSecond?: number
  readonly writeBytesPerSecond?: number
  readonly readsPerSecond?: number
  readonly writesPerSecond?: number
}

/** The user that a command sees itself as, the same in every cell: the name of its host uid is nobody's business inside. */
export const CELL_USER = { uid: 1000, gid: 1000, name: 'agent', home: '/home/agent' } as const

/** Locks of one cell at a time. A database holds some tens; a cell that was given 10,000 holds 2 MiB of the kernel. */
export const LOCKS_MAX = 10_000
/** Open files of one cell, all its processes together: sixteen processes with 4,096 each. */
export const OPEN_FILES_MAX = 65_536
/** Unread netlink bytes that one cell may have. A program that asks for its interfaces reads the answer: some KiB at a time. */
export const QUEUED_BYTES_MAX = 4 * 1024 ** 2
/**
 * Bytes that one cell may have in connections that nobody has accepted: six hundred, each as full as it gets by itself, or
 * 16,384 empty ones.
 */
export const UNACCEPTED_BYTES_MAX = 64 * 1024 ** 2

export type StdioSpec =
  | { readonly kind: 'pipes' }
  | { readonly kind: 'terminal'; readonly columns: number; readonly rows: number }

/** A layer of a cell's wall that a launch can demand of a host, beyond namespaces. */
export type Layer = 'memory' | 'cpu' | 'pids' | 'io' | 'freeze' | 'seccomp' | 'own-uid' | 'owner-map' | 'disk'

/** The reason why a cell was not started. Nothing of it is left. */
export type LaunchFault =
  | { readonly kind: 'lacking'; readonly layer: Layer; readonly problem: string; readonly fix: string }
  | { readonly kind: 'workspace'; readonly path: string; readonly problem: string }
  | { readonly kind: 'file'; readonly path: string; readonly problem: string }
  | { readonly kind: 'spec'; readonly field: string; readonly problem: string }
  /** The system refused a step: which, and its word. `output` is what bubblewrap said. */
  | { readonly kind: 'failed'; readonly step: string; readonly problem: string; readonly output?: string }

export function launchFaultText(fault: LaunchFault): string {
  switch (fault.kind) {
    case 'lacking':
      return `this host cannot enforce ${fault.layer}: ${fault.problem}; ${fault.fix}`
    case 'workspace':
      return `workspace ${fault.path}: ${fault.problem}`
    case 'file':
      return `file ${fault.path}: ${fault.problem}`
    case 'spec':
      return `${fault.field}: ${fault.problem}`
    case 'failed':
      return `${fault.step}: ${fault.problem}${fault.output ? ` (${fault.output.trim()})` : ''}`
  }
}

/** A receipt of all that was given to a cell; goes into the ledger as it is. */
export interface LaunchReceipt {
  readonly cell: CellId
  readonly profile: Profile
  readonly uid: number
  readonly gid: number
  /** The uid that the cell sees itself as. */
  readonly uidInside: number
  readonly command: readonly string[]
  /** Names only: values may be secrets. */
  readonly variables: readonly string[]
  readonly root: string
  readonly files: readonly { readonly from: string; readonly to: string }[]
  /** Places of files that stand nowhere on the host. */
  readonly texts?: readonly string[]
  readonly workspace?: {
    readonly lower: string
    readonly changes: string
    readonly at: string
    readonly owner: string
    readonly hidden?: readonly string[]
  }
  readonly ports: readonly number[]
  readonly anywhere?: readonly AnywherePort[]
  readonly limits: CellLimits
  /** SHA-256 of the seccomp program. */
  readonly filter: string
  /** Hierarchy that enforces each limit: `memory: v1`. */
  readonly enforcedBy: Readonly<Record<string, string>>
  /** Layers that were accepted as lacking. */
  readonly without: readonly Layer[]
}

/** A limit of a cell that something in it has run into. */
export interface LimitReached {
  readonly limit:
    | 'memory'
    | 'pids'
    | 'wall'
    | 'disk'
    | 'temporary'
    | 'descriptors'
    | 'file-locks'
    | 'open-files'
    | 'socket-queues'
    | 'unaccepted'
  /** Number of times that it was reached, where the kernel counts it. */
  readonly count?: number
}

export interface Exit {
  /** Exit code as a shell has it: 128 + n when a signal ended the command. */
  readonly code: number
  readonly why:
    | 'ended'
    | 'killed'
    | 'wall-clock'
    | 'out-of-memory'
    | 'never-started'
    /** The cell held more of the kernel than its bound, which no cgroup counts; see `uncounted/`. */
    | 'file-locks'
    | 'open-files'
    | 'socket-queues'
    | 'unaccepted'
  readonly atMs: number
  /** Limits that were reached, whether it went on or not. */
  readonly limits: readonly LimitReached[]
}

/** One check of a teardown; S13 holds when all of them do. */
export interface TeardownCheck {
  readonly what: 'processes' | 'cgroup' | 'mounts' | 'listener' | 'descriptors' | 'uid' | 'directory'
  readonly gone: boolean
  readonly detail: string
}

export interface TeardownReceipt {
  readonly cell: CellId
  readonly gone: boolean
  readonly checks: readonly TeardownCheck[]
  readonly atMs: number
}

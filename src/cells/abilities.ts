/** The abilities of a host: all that it lets a driver enforce, as doctor tells it. */
import type { Profile } from './spec.ts'

/** A thing that a host has or lacks, and that limits or promises lean on. */
export type Ability =
  | 'root'
  | 'bubblewrap'
  | 'user-namespaces'
  | 'seccomp'
  | 'cgroup-freeze'
  | 'cgroup-memory'
  | 'cgroup-cpu'
  | 'cgroup-pids'
  | 'cgroup-io'
  | 'overlay'
  | 'owner-map'
  | 'disk-images'
  | 'util-linux'
  | 'kernel-counts'
  | 'any-address'

/** One ability, and what was seen of it. */
export interface Finding {
  readonly ability: Ability
  readonly holds: boolean
  /** The sight that says so. */
  readonly why: string
  /** The step by which a person can get it; absent where it holds. */
  readonly fix?: string
}

/** One promise, and the profiles under which this host lets it hold. */
export interface PromiseRow {
  /** The promise as SPECIFICATION.md has it, with the part that this row is about. */
  readonly promise: string
  readonly holds: Readonly<Record<Profile, boolean>>
  /** Abilities that are missing, for each profile. */
  readonly lacking: Readonly<Record<Profile, readonly Ability[]>>
}

/** The abilities of a host, and the promises that hold because of them. */
export interface HostReport {
  readonly kernel: string
  readonly findings: readonly Finding[]
  readonly promises: readonly PromiseRow[]
  /** The best profile that cells start under here; absent where no cell can be started at all. */
  readonly profile?: Profile
}

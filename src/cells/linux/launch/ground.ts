/** The words of a launch, which its steps and those of a workspace share. */
import type { Result } from '../../../model/result.ts'
import type { MayBegin } from '../../driver.ts'
import type { LaunchFault, Profile } from '../../spec.ts'
import type { WorkspaceRecord } from '../../workspace.ts'
import type { CgroupHost } from '../limits/cgroup-host.ts'
import type { FilterProgram } from '../seccomp/filter.ts'
import type { sharedEtc } from '../view/etc.ts'
import type { WorkspaceGround } from '../workspace/overlay.ts'
import type { PreparedMounts } from './bubblewrap.ts'
import type { RunDirectory } from './run-directory.ts'
import type { UserOverlay } from './user-overlay.ts'

/** The means that a warden has at hand for every launch. */
export interface Ground extends WorkspaceGround {
  readonly profile: Profile
  readonly run: RunDirectory
  readonly cgroups: CgroupHost
  readonly filter: FilterProgram
  /** Returns the directory that its cells with such names and such things shown in /etc see as that. */
  readonly etc: ReturnType<typeof sharedEtc>
  readonly rootLinks: PreparedMounts['rootLinks']
  readonly covered: readonly string[]
}

/** A directory of the host, shown in a cell. */
export interface Bind {
  readonly from: string
  readonly to: string
  readonly writable: boolean
}

/** The mounts that a launch makes before bubblewrap starts. */
export interface Mounted {
  readonly binds: readonly Bind[]
  /** On the disk that io limits are for. */
  readonly disk: string
  readonly workspace?: WorkspaceRecord
  /** An overlay that only a user namespace of the cell's own can mount; profile `user`. */
  readonly outer?: UserOverlay
  /** Directory where the changes to the workspace stand behind the overlay. */
  readonly upper?: string
  unmount(): Promise<void>
}

/** The arrangement of a launch, in which an agent's cell and a helper's differ. */
export interface Arrangement {
  /**
   * Permission to begin, asked in the tick in which the cell is let go; absent for helpers, which act on nobody's word.
   */
  readonly mayBegin?: MayBegin
  /** The uid that is wanted; absent: one that nobody has. `held`: the caller's, who holds its reservation. */
  readonly uid?: { readonly wanted: number; readonly held: boolean }
  /** The workspace that it works on, or is about. */
  readonly changes?: string
  /** The user that the cell runs as, where that is not the reserved uid: the owner of a directory that is landed in. */
  readonly runsAs?: { readonly uid: number; readonly gid: number }
  mount(directory: string, uid: number): Promise<Result<Mounted, LaunchFault>>
}

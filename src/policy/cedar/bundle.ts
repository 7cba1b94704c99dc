import type { Effect } from '../../model/action.ts'
import type { EnvironmentName, GrantId, Sha256, ToolName, UpstreamName } from '../../model/ids.ts'
import type { Json } from '../../model/json.ts'
import type { Source } from '../../model/source.ts'
import type { ArgumentType } from '../decide/argument-type.ts'

/**
 * Everything a decision needs to know of policies, as plain JSON: parsed and validated where Cedar's library runs, and
 * handed to the process that decides, which never loads that library.
 */
export interface PolicyBundle {
  readonly policies: readonly BundledPolicy[]
  /** Actions by the id that stands after `Action::`. */
  readonly actions: Readonly<Record<string, BundledAction>>
  readonly upstreams: Readonly<Record<UpstreamName, EnvironmentName>>
  /**
   * Rules that speak only of tools whose definition no person has accepted yet. They are not in force, and there is
   * nothing for them to judge.
   */
  readonly waiting: readonly { readonly id: string; readonly source: Source }[]
}

export interface BundledPolicy {
  /** The grant's id, or that and what it implies; for a policy in a file its `@id`, else `file:line`. Unique in the bundle. */
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  /** Present exactly for a permit. */
  readonly grant?: GrantId
  readonly source: Source
  /** The policy's text as a person wrote it: the whole policy, or the grant's `when`. */
  readonly text: string
  readonly annotations: Readonly<Record<string, string>>
  /** Cedar's JSON policy format, checked by `load/unsupported.ts`. */
  readonly json: Json
}

export interface BundledAction {
  readonly upstream: UpstreamName
  /** The tool as grants name it; see `grantedName`. */
  readonly tool: ToolName
  readonly effect: Effect
  /** Absent until a person accepts a definition. */
  readonly definition?: Sha256
  readonly args: ArgumentType & { readonly kind: 'record' }
}

import type { Grant } from '../../../model/grant.ts'
import type { Source } from '../../../model/source.ts'

/** A policy in Cedar text, and how to find a place in it again. */
export interface WrittenPolicy {
  /** Id of the policy, where no `@id` gives another. */
  readonly id: string
  readonly text: string
  /** The text of the policy or condition that the person wrote. */
  readonly shown: string
  readonly source: Source
  readonly grant?: Grant
  readonly at: (utf16Offset: number) => Source
}

import { protocolName, type ToolName } from '../../../model/index.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'
import { patternOf } from './contract.ts'
import type { RepositoryPattern } from './repository-pattern.ts'
import { ShownObjects } from './shown/shown-objects.ts'

export const GIT_NAME = protocolName('git')

/** A pattern, and the name that it is granted by. */
export interface NamedPattern extends RepositoryPattern {
  readonly tool: ToolName
}

/** One git server, as git of one cell finds it at its own place. */
export class GitLine extends OriginLine {
  readonly patterns: readonly NamedPattern[]
  readonly shown = new ShownObjects()

  constructor(options: OriginLineOptions) {
    super(options, { protocol: GIT_NAME, key: 'git' })
    this.patterns = [...this.contracts.keys()].map((tool) => ({ ...patternOf(tool), tool }))
  }
}

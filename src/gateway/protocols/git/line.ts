import { type CellId, protocolName, type ToolName } from '../../../model/index.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'
import { patternOf } from './contract.ts'
import type { RepositoryPattern } from './repository-pattern.ts'

export const GIT_NAME = protocolName('git')

/** A pattern, and the name that it is granted by. */
export interface NamedPattern extends RepositoryPattern {
  readonly tool: ToolName
}

/** Names of objects that are remembered of one repository as shown to one cell, beside those of its newest list. */
const SHOWN_MAX = 262_144
/** Repositories of one cell whose shown objects are remembered. */
const REPOSITORIES_MAX = 256

/** One git server, as git of a cell finds it at its own place. */
export class GitLine extends OriginLine {
  readonly patterns: readonly NamedPattern[]
  /** Objects that lists have shown, by cell and by repository, the oldest first. */
  readonly #shown = new Map<CellId, Map<string, Set<string>>>()

  constructor(options: OriginLineOptions) {
    super(options, { protocol: GIT_NAME, key: 'git' })
    this.patterns = [...this.contracts.keys()].map((tool) => ({ ...patternOf(tool), tool }))
  }

  /** Remembers the objects that a list has shown to a cell. */
  show(cell: CellId, repository: string, objects: Iterable<string>): void {
    const own = this.#shown.get(cell) ?? new Map<string, Set<string>>()
    this.#shown.set(cell, own)
    const known = own.get(repository) ?? new Set<string>()
    own.delete(repository)
    own.set(repository, known)
    for (const object of objects) if (known.size < SHOWN_MAX) known.add(object)
    const [oldest] = own.keys()
    if (own.size > REPOSITORIES_MAX && oldest !== undefined) own.delete(oldest)
  }

  /** Returns the objects that lists have shown to a cell. */
  shownTo(cell: CellId, repository: string): ReadonlySet<string> {
    return this.#shown.get(cell)?.get(repository) ?? NOTHING
  }

  /** Forgets what was shown to a cell that is gone. */
  leave(cell: CellId): void {
    this.#shown.delete(cell)
  }
}

const NOTHING: ReadonlySet<string> = new Set()

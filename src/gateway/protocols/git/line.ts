import { protocolName, type ToolName } from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import { OriginClient } from '../http/origin-client.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'
import type { Reached } from '../http/send-request.ts'
import { patternOf } from './contract.ts'
import { LfsPlaces } from './lfs/lfs-places.ts'
import type { RepositoryPattern } from './repository-pattern.ts'
import { ShownObjects } from './shown/shown-objects.ts'

export const GIT_NAME = protocolName('git')

/** A pattern, and the name that it is granted by. */
export interface NamedPattern extends RepositoryPattern {
  readonly tool: ToolName
}

export interface GitLineOptions extends OriginLineOptions {
  /** Origins at which files of LFS lie beside the server's own. */
  readonly lfs?: readonly Origin[]
}

/** One git server, as git of one cell finds it at its own place. */
export class GitLine extends OriginLine {
  readonly patterns: readonly NamedPattern[]
  readonly shown = new ShownObjects()
  readonly lfs = new LfsPlaces()
  readonly #others: ReadonlyMap<string, OriginClient>

  constructor(options: GitLineOptions) {
    super(options, { protocol: GIT_NAME, key: 'git' })
    this.patterns = [...this.contracts.keys()].map((tool) => ({ ...patternOf(tool), tool }))
    this.#others = new Map(
      (options.lfs ?? []).map((origin) => [
        origin.text,
        new OriginClient({ ...options, origin, caKey: 'git: { ca: ./ca.pem }' }),
      ]),
    )
  }

  /** Returns how an origin is reached at which the server says that files lie; undefined of one that is not declared. */
  reached(origin: string): Reached | undefined {
    return origin === this.origin.text ? this : this.#others.get(origin)
  }

  override disconnected(): void {
    super.disconnected()
    for (const client of this.#others.values()) client.disconnected()
  }

  override close(): void {
    super.close()
    for (const client of this.#others.values()) client.close()
  }
}

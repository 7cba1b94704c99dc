import type { Dispatcher } from 'undici'
import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { OriginClient } from '../http/origin-client.ts'
import { gitContractOf, patternOf } from './contract.ts'
import type { RepositoryPattern } from './repository-pattern.ts'

export const GIT_NAME = protocolName('git')

export interface GitLineOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly origin: Origin
  readonly tools: Iterable<readonly [ToolName, CatalogueTool]>
  /** Returns the headers that are put into each request, with secrets in them. */
  readonly headers: () => ReadonlyMap<string, string>
  readonly ca?: string
  readonly elsewhere: readonly string[]
  /** The reason why it is left out; nothing connects to it. */
  readonly down?: string
}

/** A pattern, and the name that it is granted by. */
export interface NamedPattern extends RepositoryPattern {
  readonly tool: ToolName
}

/** Names of objects that are remembered of one repository as shown to one cell, beside those of its newest list. */
const SHOWN_MAX = 262_144
/** Repositories of one cell whose shown objects are remembered. */
const REPOSITORIES_MAX = 256

/** One git server, as git of a cell finds it at its own place. */
export class GitLine implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = GIT_NAME
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()
  readonly origin: Origin
  readonly patterns: readonly NamedPattern[]
  readonly down: string | undefined
  readonly #headers: GitLineOptions['headers']
  readonly #client: OriginClient
  /** Objects that lists have shown, by cell and by repository, the oldest first. */
  readonly #shown = new Map<CellId, Map<string, Set<string>>>()

  constructor(options: GitLineOptions) {
    const tools = [...options.tools]
    this.name = options.name
    this.environment = options.environment
    this.origin = options.origin
    this.down = options.down
    this.contracts = new Map(tools.map(([name, tool]) => [name, gitContractOf(tool)]))
    this.patterns = tools.map(([tool]) => ({ ...patternOf(tool), tool }))
    this.#headers = options.headers
    this.#client = new OriginClient({ ...options, caKey: 'git: { ca: ./ca.pem }' })
  }

  /** Tells whether a program of a cell that reaches for a place means this server. */
  isAt({ scheme, host, port }: WebPlace): boolean {
    const { origin } = this
    return scheme === origin.scheme && host === origin.host && port === origin.port
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

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  /** Returns the headers that are put into each request. Throws where one of their secrets is not there: it is down. */
  get headers(): ReadonlyMap<string, string> {
    return this.#headers()
  }

  get pool(): Dispatcher {
    return this.#client.pool
  }

  disconnected(): void {
    this.#client.disconnected()
  }

  close(): void {
    this.#client.close()
  }
}

const NOTHING: ReadonlySet<string> = new Set()

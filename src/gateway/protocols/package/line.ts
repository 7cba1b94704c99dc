import {
  type ActionId,
  type CatalogueTool,
  type CellId,
  type EnvironmentName,
  PACKAGE_REGISTRIES,
  type PackageRegistryName,
  protocolName,
  type ToolName,
  type UpstreamName,
} from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import type { Contract, Line } from '../../pipeline/line.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { OriginClient } from '../http/origin-client.ts'
import { packageContractOf } from './contract.ts'
import type { DecidedRelease } from './lists/marked-list.ts'
import { PackageDesk } from './lists/package-desk.ts'
import { type PackagePolicy, PackageRules } from './rules/package-policy.ts'

export const PACKAGE_NAME = protocolName('package')

export interface PackageLineOptions {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  /** Origin of the lists. */
  readonly origin: Origin
  /** Origin of the files, where they lie elsewhere. */
  readonly files?: Origin
  readonly policy: PackagePolicy
  readonly tools: Iterable<readonly [ToolName, CatalogueTool]>
  /** Returns the headers that are put into each request to the lists' origin, with secrets in them. */
  readonly headers: () => ReadonlyMap<string, string>
  readonly ca?: string
  readonly elsewhere: readonly string[]
  /** The reason why it is left out; nothing connects to it. */
  readonly down?: string
}

/** Releases of all lists together that are remembered, and lists: an install asks for some thousand packages. */
const RELEASES_MAX = 400_000
const LISTS_MAX = 4_096
/** Milliseconds for which what a list said is believed; then it is asked for anew. */
const BELIEVED_MS = 600_000

/** One registry of packages, as the package managers of a cell find it at its own name. */
export class PackageLine implements Line {
  readonly name: UpstreamName
  readonly environment: EnvironmentName
  readonly protocol = PACKAGE_NAME
  readonly definitionProblems = new Map<string, never>()
  readonly contracts: ReadonlyMap<ToolName, Contract>
  readonly underWay = new Map<ActionId, CellId>()
  readonly registry: PackageRegistryName
  readonly rules: PackageRules
  readonly desk = new PackageDesk()
  readonly down: string | undefined
  readonly #options: PackageLineOptions
  readonly #lists: Reached
  readonly #files: Reached
  /** By the name of the package, the oldest first. */
  readonly #known = new Map<string, { readonly releases: readonly DecidedRelease[]; readonly atMs: number }>()
  #releases = 0

  constructor(options: PackageLineOptions) {
    const { policy, tools, origin, files, name, environment } = options
    this.#options = options
    this.name = name
    this.environment = environment
    this.registry = policy.ecosystem
    this.rules = new PackageRules(policy)
    this.down = options.down
    this.contracts = new Map([...tools].map(([tool, known]) => [tool, packageContractOf(known)]))
    const reached = (at: Origin): Reached => ({
      origin: at,
      client: new OriginClient({ ...options, origin: at, caKey: 'packages: { ca: ./ca.pem }' }),
    })
    this.#lists = reached(origin)
    this.#files = files === undefined ? this.#lists : reached(files)
  }

  /** Tells whether a program of a cell that reaches for a place means this registry: its own hosts, or where lists lead. */
  isAt({ scheme, host, port }: WebPlace): boolean {
    const own = PACKAGE_REGISTRIES[this.registry]
    if (scheme === 'https' && port === 443 && (host === own.lists || host === own.files)) return true
    return [this.#lists, this.#files].some(
      ({ origin }) => scheme === origin.scheme && host === origin.host && port === origin.port,
    )
  }

  /** Returns where a file is asked for, or anything else. */
  reachedFor(kind: 'list' | 'file'): Reached {
    return kind === 'file' ? this.#files : this.#lists
  }

  /** Returns the headers that go with a request: credentials to the lists' origin alone, where files lie elsewhere. */
  headersFor(reached: Reached): ReadonlyMap<string, string> {
    return reached === this.#lists ? this.#options.headers() : new Map()
  }

  /** Remembers what a list said of its releases. */
  remember(name: string, releases: readonly DecidedRelease[], nowMs: number): void {
    this.#forget(name)
    this.#known.set(name, { releases, atMs: nowMs })
    this.#releases += releases.length
    for (const [oldest] of this.#known) {
      if (this.#releases <= RELEASES_MAX && this.#known.size <= LISTS_MAX) break
      if (oldest !== name) this.#forget(oldest)
      else break
    }
  }

  /** Returns what the list of a package says, where it is known and new enough to be believed. */
  releasesOf(name: string, nowMs: number): readonly DecidedRelease[] | undefined {
    const known = this.#known.get(name)
    return known === undefined || nowMs - known.atMs > BELIEVED_MS ? undefined : known.releases
  }

  contract(name: ToolName): Contract | undefined {
    return this.contracts.get(name)
  }

  disconnected(): void {
    for (const { client } of new Set([this.#lists, this.#files])) client.disconnected()
  }

  close(): void {
    for (const { client } of new Set([this.#lists, this.#files])) client.close()
    this.desk.close()
  }

  #forget(name: string): void {
    this.#releases -= this.#known.get(name)?.releases.length ?? 0
    this.#known.delete(name)
  }
}

/** An origin and its client. */
export interface Reached {
  readonly origin: Origin
  readonly client: OriginClient
}

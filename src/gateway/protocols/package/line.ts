import { PACKAGE_REGISTRIES, type PackageRegistryName, protocolName } from '../../../model/index.ts'
import type { Origin } from '../../origins/origin.ts'
import type { WebPlace } from '../../web/web-request.ts'
import { OriginClient } from '../http/origin-client.ts'
import { OriginLine, type OriginLineOptions } from '../http/origin-line.ts'
import type { Reached } from '../http/send-request.ts'
import type { DecidedRelease } from './lists/marked-list.ts'
import type { PackageDesk } from './lists/package-desk.ts'
import type { PackageRules } from './rules/package-policy.ts'

export const PACKAGE_NAME = protocolName('package')

/** The origin is that of the lists. */
export interface PackageLineOptions extends OriginLineOptions {
  /** Origin of the files, where they lie elsewhere. */
  readonly files?: Origin
  /** Made once for all cells of the registry. */
  readonly rules: PackageRules
  /** The desk at which all lists of its gateway are read. */
  readonly desk: PackageDesk
}

/** The part of a release that is remembered, for when its file is asked for. */
export type KnownRelease = Pick<DecidedRelease, 'version' | 'url' | 'refusal'>

/** Lists that are remembered, and bytes of all of them: an install asks for some thousand packages. */
export const LISTS_KNOWN_MAX = 4_096
export const LISTS_KNOWN_BYTES_MAX = 33_554_432
/** Bytes of memory that a release counts as beside its texts. */
const RELEASE_COST = 200
/** Milliseconds for which what a list said is believed; then it is asked for anew. */
const BELIEVED_MS = 600_000

/** One registry of packages, as the package managers of a cell find it at its own name. */
export class PackageLine extends OriginLine {
  readonly registry: PackageRegistryName
  readonly rules: PackageRules
  readonly desk: PackageDesk
  readonly #files: OriginClient | undefined
  /** Releases by the name of the package, the oldest first. */
  readonly #known = new Map<string, KnownList>()
  #knownBytes = 0

  constructor(options: PackageLineOptions) {
    super(options, { protocol: PACKAGE_NAME, key: 'packages' })
    const { rules, files, desk } = options
    this.desk = desk
    this.registry = rules.ecosystem
    this.rules = rules
    this.#files = files && new OriginClient({ ...options, origin: files, caKey: 'packages: { ca: ./ca.pem }' })
  }

  /** Tells whether a place is this registry's: its own hosts, or where its lists lead. */
  override isAt(place: WebPlace): boolean {
    const { scheme, host, port } = place
    const own = PACKAGE_REGISTRIES[this.registry]
    if (scheme === 'https' && port === 443 && (host === own.lists || host === own.files)) return true
    const files = this.#files?.origin
    return super.isAt(place) || (scheme === files?.scheme && host === files.host && port === files.port)
  }

  /** Returns the origin that lists are asked of, or files; credentials go to that of the lists alone. */
  reachedFor(kind: 'list' | 'file'): Reached {
    return kind === 'file' ? (this.#files ?? this) : this
  }

  /** Remembers what a list said of its releases. */
  remember(name: string, releases: readonly DecidedRelease[], nowMs: number): void {
    this.#forget(name)
    const bytes = releases.reduce((sum, each) => sum + bytesOf(each), RELEASE_COST)
    // A list that is longer is asked for again with each of its files.
    if (bytes > LISTS_KNOWN_BYTES_MAX) return
    const kept = releases.map(({ version, url, refusal }) => ({ version, url, refusal }))
    this.#known.set(name, { releases: kept, bytes, atMs: nowMs })
    this.#knownBytes += bytes
    for (const oldest of this.#known.keys()) {
      if (this.#knownBytes <= LISTS_KNOWN_BYTES_MAX && this.#known.size <= LISTS_KNOWN_MAX) break
      this.#forget(oldest)
    }
  }

  /** Returns what the list of a package says, where it is known and new enough to be believed. */
  releasesOf(name: string, nowMs: number): readonly KnownRelease[] | undefined {
    const known = this.#known.get(name)
    return known === undefined || nowMs - known.atMs > BELIEVED_MS ? undefined : known.releases
  }

  override disconnected(): void {
    super.disconnected()
    this.#files?.disconnected()
  }

  override close(): void {
    super.close()
    this.#files?.close()
  }

  #forget(name: string): void {
    this.#knownBytes -= this.#known.get(name)?.bytes ?? 0
    this.#known.delete(name)
  }
}

interface KnownList {
  readonly releases: readonly KnownRelease[]
  readonly bytes: number
  readonly atMs: number
}

function bytesOf({ version, url, refusal = '' }: KnownRelease): number {
  return RELEASE_COST + version.length + url.length + refusal.length
}

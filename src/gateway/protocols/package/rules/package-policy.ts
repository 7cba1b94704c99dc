import { normalName } from '../reading/package-name.ts'
import { type Ecosystem, readRelease } from '../reading/release-version.ts'
import { resembledName } from './resembling.ts'

/** An owner's word on packages of one registry. Names stand as people write them. */
export interface PackagePolicy {
  readonly ecosystem: Ecosystem
  /** Milliseconds that a version must have been public, by the registry's clock. */
  readonly ageMsMin: number
  /** Packages, or single versions of them, that may be younger: a named security fix says which it is. */
  readonly youngAllowed: readonly PackageException[]
  /** Names, and scopes of npm as `@scope/*`; absent: every name. */
  readonly only?: readonly string[]
  /** Names, scopes, and single versions; they go before all else. */
  readonly denied: readonly PackageException[]
  readonly pins: readonly PackagePin[]
  /** Names whose programs may run when they are installed. */
  readonly scripts: readonly string[]
  /** Names that may look like popular ones. */
  readonly resembling: readonly string[]
}

/** A package, or one version of it, that is told apart from others, and why. */
export interface PackageException {
  readonly name: string
  readonly version?: string
  readonly why: string
}

/** The files that a version may have: their digests, as `sha512-…` (npm) or `sha256=…` (PyPI). */
export interface PackagePin {
  readonly name: string
  readonly version: string
  readonly integrity: readonly string[]
}

/** Seven days: malicious releases are found and taken away within hours or few days. */
export const PACKAGE_AGE_MS_MIN = 604_800_000

/** The part of a policy that is about one name; plain data, for a thread of its own. */
export interface NameRules {
  readonly ecosystem: Ecosystem
  /** In the form in which its registry compares it. */
  readonly name: string
  /** Reasons against the package itself, whatever its version; in words for a person. */
  readonly refused: readonly string[]
  readonly ageMsMin: number
  readonly youngVersions: readonly string[]
  readonly deniedVersions: ReadonlyMap<string, string>
  readonly pins: ReadonlyMap<string, readonly string[]>
  readonly scripts: boolean
}

/** A policy that is ready to be asked about names. */
export class PackageRules {
  readonly #policy: PackagePolicy
  readonly #young: Exceptions
  readonly #denied: Exceptions
  readonly #only: ReadonlySet<string> | undefined
  readonly #scripts: ReadonlySet<string>
  readonly #resembling: ReadonlySet<string>
  readonly #pins = new Map<string, Map<string, readonly string[]>>()

  /** @throws {Error} with words for a person where the policy names what cannot be a package or a version. */
  constructor(policy: PackagePolicy) {
    const { ecosystem } = policy
    if (!Number.isFinite(policy.ageMsMin) || policy.ageMsMin < 0) throw new Error('the age of a version is at least 0')
    this.#policy = policy
    this.#young = exceptionsOf(ecosystem, policy.youngAllowed)
    this.#denied = exceptionsOf(ecosystem, policy.denied)
    this.#only = policy.only && namesOf(ecosystem, policy.only)
    this.#scripts = namesOf(ecosystem, policy.scripts)
    this.#resembling = namesOf(ecosystem, policy.resembling)
    for (const { name, version, integrity } of policy.pins) {
      const versions = this.#pins.get(named(ecosystem, name)) ?? new Map<string, readonly string[]>()
      const wrong = integrity.find((each) => readIntegrity(each) === undefined)
      if (integrity.length === 0 || wrong !== undefined) throw new Error(`${name} ${version}: ${wrong} is no digest`)
      const release = versioned(ecosystem, version)
      if (versions.has(release)) throw new Error(`${name} ${version} is pinned twice, once in another spelling`)
      versions.set(release, integrity)
      this.#pins.set(named(ecosystem, name), versions)
    }
  }

  get ecosystem(): Ecosystem {
    return this.#policy.ecosystem
  }

  /** Returns what the policy says about a name, which is one as its registry compares it. Nobody outside is asked. */
  about(name: string): NameRules {
    const { ecosystem, ageMsMin } = this.#policy
    const covers = [name, ...(name.includes('/') ? [`${name.slice(0, name.indexOf('/'))}/*`] : [])]
    const refused: string[] = []
    for (const each of covers) {
      const why = this.#denied.names.get(each)
      if (why !== undefined) refused.push(`${name} is denied by its owner here${why === '' ? '' : `: ${why}`}`)
    }
    if (this.#only !== undefined && !covers.some((each) => this.#only?.has(each)))
      refused.push(`${name} is none of the packages that are allowed here`)
    const allowed = this.#only?.has(name) === true || this.#resembling.has(name)
    const resembled = allowed ? undefined : resembledName(ecosystem, name)
    if (resembled !== undefined) refused.push(`${name} looks like ${resembled}, and is another package`)
    return {
      ecosystem,
      name,
      refused,
      ageMsMin: covers.some((each) => this.#young.names.has(each)) ? 0 : ageMsMin,
      youngVersions: [...(this.#young.versions.get(name)?.keys() ?? [])],
      deniedVersions: this.#denied.versions.get(name) ?? new Map(),
      pins: this.#pins.get(name) ?? new Map(),
      scripts: covers.some((each) => this.#scripts.has(each)),
    }
  }
}

/** One version of a package, or of PyPI one file of it, as its list tells of it. */
export interface ListedRelease {
  /** In the form in which versions are compared. */
  readonly version: string
  /** Epoch ms; undefined where the list does not say. */
  readonly publishedMs: number | undefined
  /** Digests of its file as the list has them, also such as nobody here understands. */
  readonly integrity: readonly string[]
  /** Names of the programs that run when it is installed. */
  readonly scripts: readonly string[]
}

export type ReleaseVerdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false
      /** Every reason, in words for a person. */
      readonly why: string
      readonly because: readonly ReleaseReason[]
      /** Epoch ms from which on it would be allowed, where its age is all that is missing. */
      readonly fromMs?: number
    }

/** A kind of reason against a version: the package itself, or what of this version; `entry` where its list contradicts itself. */
export type ReleaseReason = 'package' | 'denied' | 'integrity' | 'scripts' | 'age' | 'entry'

/** Decides on one version: every reason against it is said. What its list does not tell is taken for the worst. */
export function decideRelease(release: ListedRelease, rules: NameRules, nowMs: number): ReleaseVerdict {
  const { version, publishedMs, integrity, scripts } = release
  const reasons: (readonly [ReleaseReason, string])[] = rules.refused.map((why) => ['package', why])
  const denied = rules.deniedVersions.get(version)
  if (denied !== undefined)
    reasons.push(['denied', `this version is denied by its owner here${denied === '' ? '' : `: ${denied}`}`])
  const pinned = rules.pins.get(version)
  if (pinned !== undefined && !isPinned(integrity, pinned))
    reasons.push(['integrity', 'its integrity is not the one that is pinned'])
  if (scripts.length > 0 && !rules.scripts)
    reasons.push(['scripts', `it runs programs when it is installed (${scripts.slice(0, 4).join(', ')})`])
  if (rules.ageMsMin > 0 && !rules.youngVersions.includes(version)) {
    if (publishedMs === undefined) reasons.push(['age', 'when it was published is not known'])
    else if (nowMs - publishedMs < rules.ageMsMin) reasons.push(['age', ageText(publishedMs, rules.ageMsMin)])
  }
  if (reasons.length === 0) return { allowed: true }
  const because = reasons.map(([kind]) => kind)
  const why = reasons.map(([, text]) => text).join('; ')
  const young = because.every((kind) => kind === 'age') && publishedMs !== undefined
  return { allowed: false, why, because, ...(young && { fromMs: publishedMs + rules.ageMsMin }) }
}

/** Says nothing that changes with the time of day: a list that is asked for again is the same. */
function ageText(publishedMs: number, ageMsMin: number): string {
  const days = ageMsMin / 86_400_000
  const age = days >= 1 ? `${Number(days.toFixed(1))} days` : `${Math.ceil(ageMsMin / 60_000)} minutes`
  const from = new Date(Math.min(publishedMs + ageMsMin, DATE_MS_MAX))
  return `it is younger than ${age}, and allowed from ${from.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

/** The last time that a date of JavaScript can be (ECMA-262, 21.4.1.1). */
const DATE_MS_MAX = 8_640_000_000_000_000

/** Returns a digest in one form; undefined of what is none: `sha512-` or `sha256-` and base64 (SRI), `sha256=` or `:` and hex. */
export function readIntegrity(text: string): string | undefined {
  const [, kind, base64] = /^(sha256|sha384|sha512)-([A-Za-z0-9+/]{43,86}={0,2})$/.exec(text) ?? []
  if (kind !== undefined && base64 !== undefined) return sized(kind, Buffer.from(base64, 'base64').toString('hex'))
  const [, of, hex] = /^(sha256|sha384|sha512)[=:]([0-9a-fA-F]{64,128})$/.exec(text) ?? []
  return of === undefined || hex === undefined ? undefined : sized(of, hex.toLowerCase())
}

function sized(kind: string, hex: string): string | undefined {
  return hex.length * 4 === Number(kind.slice(3)) ? `${kind}:${hex}` : undefined
}

/**
 * Tells whether a list says of a file that it has a pinned digest, and nothing else that somebody could check it by: no other
 * digest of that kind, none of a stronger kind, and none that is not understood here.
 */
function isPinned(listed: readonly string[], pinned: readonly string[]): boolean {
  const wanted = new Set(pinned.flatMap((each) => readIntegrity(each) ?? []))
  const kinds = new Set([...wanted].map(kindOf))
  const said = listed.map(readIntegrity)
  const strongest = [...kinds].toSorted().at(-1) ?? ''
  if (said.some((each) => each === undefined || kindOf(each) > strongest)) return false
  const known = said.filter((each) => each !== undefined && kinds.has(kindOf(each)))
  return known.length > 0 && known.every((each) => each !== undefined && wanted.has(each))
}

/** Returns the kind of a digest in one form: `sha256`, `sha384` or `sha512`, the stronger behind the weaker. */
function kindOf(digest: string): string {
  return digest.slice(0, digest.indexOf(':'))
}

interface Exceptions {
  /** Names and scopes, with the reason. */
  readonly names: ReadonlyMap<string, string>
  readonly versions: ReadonlyMap<string, ReadonlyMap<string, string>>
}

function exceptionsOf(ecosystem: Ecosystem, all: readonly PackageException[]): Exceptions {
  const names = new Map<string, string>()
  const versions = new Map<string, Map<string, string>>()
  for (const { name, version, why } of all) {
    if (version === undefined) {
      names.set(covering(ecosystem, name), why)
      continue
    }
    const plain = named(ecosystem, name)
    const before = versions.get(plain) ?? new Map<string, string>()
    versions.set(plain, before.set(versioned(ecosystem, version), why))
  }
  return { names, versions }
}

function namesOf(ecosystem: Ecosystem, names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => covering(ecosystem, name)))
}

function covering(ecosystem: Ecosystem, text: string): string {
  const scope = ecosystem === 'npm' && text.startsWith('@') && text.endsWith('/*')
  if (!scope) return named(ecosystem, text)
  return `${named(ecosystem, `${text.slice(0, -1)}a`).slice(0, -1)}*`
}

function named(ecosystem: Ecosystem, text: string): string {
  const name = normalName(ecosystem, text)
  if (name === undefined) throw new Error(`${text} is no name of a package`)
  return name
}

function versioned(ecosystem: Ecosystem, text: string): string {
  const version = readRelease(ecosystem, text)
  if (version === undefined) throw new Error(`${text} is no version`)
  return version
}

/**
 * Registries of packages that an origin may be, and the hosts that package managers know each by: of its lists, and of its
 * files.
 */
export const PACKAGE_REGISTRIES = {
  npm: { lists: 'registry.npmjs.org', files: 'registry.npmjs.org' },
  pypi: { lists: 'pypi.org', files: 'files.pythonhosted.org' },
} as const

export type PackageRegistryName = keyof typeof PACKAGE_REGISTRIES

export const PACKAGE_REGISTRY_NAMES: readonly PackageRegistryName[] = Object.keys(
  PACKAGE_REGISTRIES,
) as PackageRegistryName[] // the keys of a constant

/** Things that a registry is asked for, by the names that grants have for them. */
export const PACKAGE_OPERATIONS = ['list', 'file'] as const

/** A registry that an origin is, and what its owner says of its packages. Names stand as people write them. */
export interface PackageTerms {
  readonly registry: PackageRegistryName
  /** Origin of the files, if they lie elsewhere. */
  readonly files?: URL
  /** Milliseconds that a version must have been public. */
  readonly ageMsMin: number
  /** Packages (`name`, `name@version`) that may be younger, and why: a named security fix. */
  readonly young: ReadonlyMap<string, string>
  /** Names, and scopes as `@scope/*`, that alone may be had; absent: every name. */
  readonly only?: readonly string[]
  /** Packages (`name`, `name@version`) that may not be had, and why. */
  readonly deny: ReadonlyMap<string, string>
  /** Digests that the file of a version (`name@version`) must have. */
  readonly pins: ReadonlyMap<string, readonly string[]>
  /** Packages whose programs may run when they are installed. */
  readonly scripts: readonly string[]
  /** Packages that may look like popular ones. */
  readonly resembling: readonly string[]
}

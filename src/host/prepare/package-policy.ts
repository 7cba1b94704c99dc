import type { Config, PackageConfig } from '../../config/config.ts'
import type { FileBeside } from '../../config/read/file-beside.ts'
import type { PackageSetup } from '../../gateway/link/setup.ts'
import { readDenyList } from '../../gateway/protocols/package/rules/deny-list.ts'
import { type PackageException, PackageRules } from '../../gateway/protocols/package/rules/package-policy.ts'
import { no, ok, type Problem, type Result } from '../../model/index.ts'

/**
 * Returns an owner's word on a registry's packages as the gateway takes it. The error says which of it is none: nothing is had
 * from a registry whose rules are not understood. Those of one configuration are read once: a long list takes a second.
 */
export function packageSetup(terms: PackageConfig): Result<PackageSetup, string> {
  const setup = SETUPS.get(terms) ?? setupOf(terms)
  SETUPS.set(terms, setup)
  return setup
}

const SETUPS = new WeakMap<PackageConfig, Result<PackageSetup, string>>()

function setupOf(terms: PackageConfig): Result<PackageSetup, string> {
  const { registry: ecosystem, files, denyList, young, deny, only, pins, ageMsMin, scripts, resembling } = terms
  const listed = denyList === undefined ? ok([]) : deniedIn(denyList, ecosystem)
  if (!listed.ok) return no(`${denyList?.path}: ${listed.reason}`)
  const setup: PackageSetup = {
    ecosystem,
    ...(files !== undefined && { files: files.href }),
    ageMsMin,
    youngAllowed: exceptionsOf(young),
    ...(only !== undefined && { only }),
    denied: [...exceptionsOf(deny), ...listed.value],
    pins: [...pins].flatMap(([text, integrity]) => {
      const { name, version } = splitAt(text)
      return version === undefined ? [] : [{ name, version, integrity }]
    }),
    scripts,
    resembling,
  }
  try {
    new PackageRules(setup)
    return ok(setup)
  } catch (error) {
    return no(error instanceof Error ? error.message : String(error))
  }
}

/** Returns what is wrong with rules of registries: those that are not understood deny nothing, so nothing goes by them. */
export function packageProblems({ upstreams }: Pick<Config, 'upstreams'>): readonly Problem[] {
  return [...upstreams.values()].flatMap(({ name, server, source }): readonly Problem[] => {
    if (server.kind !== 'origin' || server.packages === undefined) return []
    const setup = packageSetup(server.packages)
    return setup.ok ? [] : [{ source, message: `packages of "${name}": ${setup.reason}` }]
  })
}

function deniedIn(
  { text, problem }: FileBeside,
  ecosystem: PackageConfig['registry'],
): Result<readonly PackageException[], string> {
  return problem === undefined ? readDenyList(text, ecosystem) : no(`it cannot be read: ${problem}`)
}

function exceptionsOf(all: ReadonlyMap<string, string>): readonly PackageException[] {
  return [...all].map(([text, why]) => ({ ...splitAt(text), why }))
}

/** Splits `name@version`; a scope of npm begins with an at sign of its own. */
function splitAt(text: string): { readonly name: string; readonly version?: string } {
  const at = text.indexOf('@', 1)
  return at < 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) }
}

import { readFileSync } from 'node:fs'
import type { PackageSetup } from '../../gateway/link/setup.ts'
import { readDenyList } from '../../gateway/protocols/package/rules/deny-list.ts'
import { type PackageException, PackageRules } from '../../gateway/protocols/package/rules/package-policy.ts'
import { no, ok, type PackageTerms, type Result } from '../../model/index.ts'

/**
 * Returns an owner's word on a registry's packages as the gateway takes it. The error says which of it is none: nothing is had
 * from a registry whose rules are not understood.
 */
export function packageSetup(terms: PackageTerms): Result<PackageSetup, string> {
  const { registry: ecosystem, files, denyList, young, deny, only, pins, ageMsMin, scripts, resembling } = terms
  const listed = denyList === undefined ? ok([]) : deniedIn(denyList, ecosystem)
  if (!listed.ok) return no(`${denyList}: ${listed.reason}`)
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

function deniedIn(file: string, ecosystem: PackageTerms['registry']): Result<readonly PackageException[], string> {
  try {
    return readDenyList(readFileSync(file, 'utf8'), ecosystem)
  } catch {
    return no('it cannot be read')
  }
}

function exceptionsOf(all: ReadonlyMap<string, string>): readonly PackageException[] {
  return [...all].map(([text, why]) => ({ ...splitAt(text), why }))
}

/** Splits `name@version`; a scope of npm begins with an at sign of its own. */
function splitAt(text: string): { readonly name: string; readonly version?: string } {
  const at = text.indexOf('@', 1)
  return at < 0 ? { name: text } : { name: text.slice(0, at), version: text.slice(at + 1) }
}

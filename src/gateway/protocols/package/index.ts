import { originAt, originOptions } from '../http/origin-line.ts'
import { originPayloads } from '../http/payload.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { PACKAGE_NAME, PackageLine } from './line.ts'
import { PackageDesk } from './lists/package-desk.ts'
import { type PackagePolicy, PackageRules } from './rules/package-policy.ts'

/** Requests to registries of packages. */
export const PACKAGE: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: PACKAGE_NAME,
  payloads: originPayloads,
  dialler(dial) {
    const desk = new PackageDesk()
    // A deny list has up to 250,000 lines: they are read once, and not for each cell.
    const made = new WeakMap<PackagePolicy, PackageRules>()
    const rulesOf = (policy: PackagePolicy) => {
      const rules = made.get(policy) ?? new PackageRules(policy)
      made.set(policy, rules)
      return rules
    }
    return (setup, line) => {
      const { name, server } = setup
      if (server.kind !== 'origin' || server.packages === undefined)
        throw new Error(`${name} is no registry of packages`)
      const { files } = server.packages
      return new PackageLine({
        ...originOptions(setup, line, dial),
        ...(files !== undefined && { files: originAt(name, files) }),
        rules: rulesOf(server.packages),
        desk,
      })
    }
  },
}

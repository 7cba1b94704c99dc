import { originAt, originOptions } from '../http/origin-line.ts'
import { originPayloads } from '../http/payload.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { PACKAGE_NAME, PackageLine } from './line.ts'

/** Requests to registries of packages. */
export const PACKAGE: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: PACKAGE_NAME,
  payloads: originPayloads,
  dialler(dial) {
    return (setup, line) => {
      const { name, server } = setup
      if (server.kind !== 'origin' || server.packages === undefined)
        throw new Error(`${name} is no registry of packages`)
      const { files, ...policy } = server.packages
      return new PackageLine({
        ...originOptions(setup, line, dial),
        ...(files !== undefined && { files: originAt(name, files) }),
        policy,
      })
    }
  },
}

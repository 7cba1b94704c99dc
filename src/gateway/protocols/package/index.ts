import { no, ok, type Result } from '../../../model/index.ts'
import { type Origin, readOrigin } from '../../origins/origin.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { PACKAGE_NAME, PackageLine } from './line.ts'
import { packagePayloads } from './payload.ts'

/** Requests to registries of packages. */
export const PACKAGE: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: PACKAGE_NAME,
  payloads: packagePayloads,
  dialler({ secrets, elsewhere }) {
    return ({ name, server, tools, down }, { environment, onStand }) => {
      if (down !== undefined) onStand(down)
      if (server.kind !== 'origin' || server.packages === undefined)
        throw new Error(`${name} is no registry of packages`)
      const { files, ...policy } = server.packages
      const origin = originOf(server.url)
      const other = files === undefined ? ok(undefined) : originOf(files)
      if (!origin.ok || !other.ok) throw new Error(`${name}: its origin cannot be read`)
      return new PackageLine({
        name,
        environment,
        origin: origin.value,
        ...(other.value !== undefined && { files: other.value }),
        policy: { ...policy, pins: policy.pins },
        tools,
        headers: () => new Map(server.headers.map(([key, value]) => [key, secrets.inject(value, server.secrets)])),
        elsewhere,
        ...(server.ca !== undefined && { ca: server.ca }),
        ...(down !== undefined && { down }),
      })
    }
  },
}

function originOf(url: string): Result<Origin, string> {
  try {
    return readOrigin(new URL(url).origin)
  } catch {
    return no('it is no URL')
  }
}

import { readOrigin } from '../../origins/origin.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { GIT_NAME, GitLine } from './line.ts'
import { gitPayloads } from './payload.ts'

/** Fetches from git servers, and pushes to them. */
export const GIT: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: GIT_NAME,
  payloads: gitPayloads,
  dialler({ secrets, elsewhere }) {
    return ({ name, server, tools, down }, { environment, onStand }) => {
      if (down !== undefined) onStand(down)
      if (server.kind !== 'origin' || server.git === undefined) throw new Error(`${name} is no git server`)
      const origin = readOrigin(new URL(server.url).origin)
      if (!origin.ok) throw new Error(`${name}: ${origin.reason}`)
      const { user } = server.git
      return new GitLine({
        name,
        environment,
        origin: origin.value,
        tools,
        headers: () =>
          new Map(
            server.headers.map(([key, value]) => {
              const own = secrets.inject(value, server.secrets)
              // Git servers take a token as the password of a user (RFC 7617).
              const isToken = key === 'authorization' && user !== undefined
              return [key, isToken ? `Basic ${Buffer.from(`${user}:${own}`).toString('base64')}` : own] as const
            }),
          ),
        elsewhere,
        ...(server.ca !== undefined && { ca: server.ca }),
        ...(down !== undefined && { down }),
      })
    }
  },
}

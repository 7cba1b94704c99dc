import { readOrigin } from '../../origins/origin.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { HTTP_NAME, HttpLine } from './line.ts'
import { httpPayloads } from './payload.ts'

/** Requests to origins of the web, by patterns that a person has declared. */
export const HTTP: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: HTTP_NAME,
  payloads: httpPayloads,
  dialler({ secrets, elsewhere }) {
    return ({ name, server, tools, down }, { environment, onStand }) => {
      if (down !== undefined) onStand(down)
      if (server.kind !== 'origin') throw new Error(`${name} is no origin of the web`)
      const origin = readOrigin(new URL(server.url).origin)
      if (!origin.ok) throw new Error(`${name}: ${origin.reason}`)
      const inject = () =>
        new Map(server.headers.map(([header, value]) => [header, secrets.inject(value, server.secrets)]))
      return new HttpLine({
        name,
        environment,
        origin: origin.value,
        tools,
        injected: server.headers.map(([header]) => header),
        headers: inject,
        elsewhere,
        ...(server.ca !== undefined && { ca: server.ca }),
        ...(down !== undefined && { down }),
      })
    }
  },
}

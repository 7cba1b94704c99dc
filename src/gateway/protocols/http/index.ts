import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { HTTP_NAME, HttpLine } from './line.ts'
import { originOptions } from './origin-line.ts'
import { originPayloads } from './payload.ts'

/** Requests to origins of the web, by patterns that a person has declared. */
export const HTTP: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: HTTP_NAME,
  payloads: originPayloads,
  dialler(dial) {
    return (setup, line) => {
      const { server } = setup
      const injected = server.kind === 'origin' ? server.headers.map(([header]) => header) : []
      return new HttpLine({ ...originOptions(setup, line, dial), injected })
    }
  },
}

import { readOrigin } from '../../origins/origin.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { MODEL_NAME, ModelLine } from './line.ts'
import { modelPayloads } from './payload.ts'

/** Requests to providers of models, by the tables of what each may be asked. */
export const MODEL: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: MODEL_NAME,
  payloads: modelPayloads,
  dialler({ secrets, elsewhere }) {
    return ({ name, server, tools, down }, { environment, onStand }) => {
      if (down !== undefined) onStand(down)
      if (server.kind !== 'origin' || server.model === undefined) throw new Error(`${name} is no provider of models`)
      const origin = readOrigin(new URL(server.url).origin)
      if (!origin.ok) throw new Error(`${name}: ${origin.reason}`)
      const { model } = server
      return new ModelLine({
        name,
        environment,
        origin: origin.value,
        terms: { ...model, prices: new Map(model.prices) },
        tools,
        headers: () => new Map(server.headers.map(([key, value]) => [key, secrets.inject(value, server.secrets)])),
        elsewhere,
        ...(server.ca !== undefined && { ca: server.ca }),
        ...(down !== undefined && { down }),
      })
    }
  },
}

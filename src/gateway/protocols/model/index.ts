import { originOptions } from '../http/origin-line.ts'
import { originPayloads } from '../http/payload.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { MODEL_NAME, ModelLine } from './line.ts'
import { ModelDesk } from './model-desk.ts'

/** Requests to providers of models, by the tables of what each may be asked. */
export const MODEL: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: MODEL_NAME,
  payloads: originPayloads,
  dialler(dial) {
    const desk = new ModelDesk()
    return (setup, line) => {
      const { name, server } = setup
      if (server.kind !== 'origin' || server.model === undefined) throw new Error(`${name} is no provider of models`)
      const { model } = server
      return new ModelLine({
        ...originOptions(setup, line, dial),
        terms: { ...model, prices: new Map(model.prices) },
        injected: server.headers.map(([header]) => header.toLowerCase()),
        desk,
      })
    }
  },
}

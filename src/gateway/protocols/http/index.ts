import { grantedName } from '../../../model/index.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { patternOf } from './contract.ts'
import { HTTP_NAME, HttpLine } from './line.ts'
import { originOptions } from './origin-line.ts'
import { httpPayloads } from './payload.ts'
import { asTexts, requestOf } from './request-bytes.ts'
import { performWhole } from './whole.ts'

/** Requests to origins of the web, by patterns that a person has declared. */
export const HTTP: Protocol & { readonly dialler: (options: DialOptions) => Dialler } = {
  name: HTTP_NAME,
  payloads: httpPayloads,
  dialler(dial) {
    return (setup, line) => {
      const { server } = setup
      const injected = server.kind === 'origin' ? server.headers.map(([header]) => header) : []
      return new HttpLine({ ...originOptions(setup, line, dial), injected })
    }
  },
  async performOwn(gate, cell, line, { target, args: given, signal, about }) {
    if (!(line instanceof HttpLine)) throw new Error(`${line.name} is no origin of the web`)
    const pattern = patternOf(target, line.contract(grantedName('request', target))?.pinned?.input)
    const args = asTexts(pattern, given)
    const made = requestOf(pattern, args)
    const asked = { upstream: line.name, operation: 'request', target, args, ...about } as const
    if (!made.ok) return refuseUnprepared(gate, cell, asked, [{ kind: 'arguments', path: '$', problem: made.reason }])
    const { path, body } = made.value
    const headers = ['accept', 'application/json', ...(body === undefined ? [] : ['content-type', 'application/json'])]
    const performed = await performWhole(gate, cell, line, {
      ...{ pattern, args, path, signal, about },
      headers: [...headers, 'accept-encoding', 'identity'],
      ...(body && { body }),
    })
    if (performed.kind === 'passed') throw new Error('a request of our own has passed on as it came')
    return performed
  },
}

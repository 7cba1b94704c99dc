import { grantedName, type JsonObject, no, ok, type Result } from '../../../model/index.ts'
import type { EnvironmentContext } from '../../admission/environment-context.ts'
import { refuseUnprepared } from '../../pipeline/refused.ts'
import { readTarget } from '../../web/request-target.ts'
import type { Dialler, DialOptions, Protocol } from '../protocol.ts'
import { patternOf } from './contract.ts'
import { sentHeaders } from './headers.ts'
import { HTTP_NAME, HttpLine } from './line.ts'
import { originOptions } from './origin-line.ts'
import type { RequestPattern } from './pattern.ts'
import { httpPayloads } from './payload.ts'
import { asTexts, requestOf } from './request-bytes.ts'
import { performWhole, type WholeRequest } from './whole.ts'

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
    const made = ownRequest(gate, line, pattern, args)
    const asked = { upstream: line.name, operation: 'request', target, args, ...about } as const
    if (!made.ok) return refuseUnprepared(gate, cell, asked, [{ kind: 'arguments', path: '$', problem: made.reason }])
    const performed = await performWhole(gate, cell, line, { ...{ pattern, args, signal, about }, ...made.value })
    if (performed.kind === 'passed') throw new Error('a request of our own has passed on as it came')
    return performed
  },
}

/** Makes a request of ours, in the bytes that leave; the error says why that is not what is judged. */
function ownRequest(
  { secrets }: EnvironmentContext,
  { patterns, injected }: HttpLine,
  pattern: RequestPattern,
  args: JsonObject,
): Result<Pick<WholeRequest, 'path' | 'headers' | 'body'>, string> {
  const made = requestOf(pattern, args)
  if (!made.ok) return made
  const { path, headers: named, body } = made.value
  const target = readTarget(path)
  const found = target.ok ? patterns.find(pattern.method, target.value) : undefined
  if (found?.doubt !== undefined) return no(found.doubt)
  if (found !== undefined && found.pattern.text !== pattern.text)
    return no(`its arguments make a path of ${found.pattern.text}`)
  const json = 'application/json'
  const own =
    body === undefined
      ? [['accept', json] as const]
      : ([
          ['accept', json],
          ['content-type', json],
        ] as const)
  const { method } = pattern
  const leaving = { method, injected, isSearched: secrets.longest() > 0, isWhole: true }
  const sent = sentHeaders([...own, ...named], leaving)
  if (!sent.ok) return sent
  const lost = named.find(([name]) => !sent.value.some((each, i) => i % 2 === 0 && each === name))
  if (lost !== undefined) return no(`its header ${lost[0]} is none that leaves`)
  return ok({ path, headers: sent.value, ...(body && { body }) })
}

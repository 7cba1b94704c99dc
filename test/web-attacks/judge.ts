import { clientHello } from './hello.ts'
import { API, type Arrived, MODEL, PLAIN, type RawStream, TUNNEL, TUNNEL_NAME } from './outside.ts'
import { disagreement, splitStrictly } from './readers.ts'

/** The one first message that names the origin that is tunnelled, whole and in one record. */
const HONEST_HELLO = clientHello({ names: [TUNNEL_NAME] }).toString('latin1')

/** Targets that are granted, of whichever origin. */
const GRANTED = /^\/(?:ok(?:\?q=[^ ]*)?|up\/[^ ?]+|(?:answer|feed)\/\d+|v1\/messages(?:\/count_tokens)?)$/
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE'])

/** Returns what of all that has arrived outside is nobody's right, each in one line. */
export function reachedIn({ connections, attempts, asked, streams }: Arrived, kept?: string): readonly string[] {
  return [
    ...connections.map((place) => `a connection to ${place}`),
    ...(attempts > 0 ? [`${attempts} connections to where nobody stands`] : []),
    ...asked.map((name) => `a question for ${name.slice(0, 80)}`),
    ...streams.flatMap((stream) => wrongIn(stream, kept)),
  ]
}

function wrongIn({ origin, stream: all }: RawStream, kept: string | undefined): readonly string[] {
  if (origin === TUNNEL)
    return all.startsWith(HONEST_HELLO) ? [] : [`at ${origin}: ${JSON.stringify(all.slice(0, 200))}`]
  // What follows the start of a WebSocket is in frames, whose texts are masked.
  const start = /^GET \/feed\/\d+ HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/.exec(all)?.[0]
  const stream = start ?? all
  const framed = start === undefined ? '' : all.slice(start.length)
  if (framed.includes('/evil')) return [`at ${origin}: ${JSON.stringify(framed.slice(0, 200))}`]
  const split = disagreement(stream)
  const wrong = split === undefined ? [] : [split]
  for (const { method, target, host = 'none' } of splitStrictly(stream).requests)
    if (!METHODS.has(method) || !GRANTED.test(target) || !isHostOf(origin, host))
      wrong.push(`${method} ${target} for ${host}`)
  if (kept !== undefined && stream.includes(kept)) wrong.push(`${kept} in ${stream.slice(0, 300)}`)
  return wrong.map((each) => `at ${origin}: ${each}`)
}

function isHostOf(origin: string, host: string): boolean {
  if (origin === API) return host === 'api.far.example'
  if (origin === MODEL) return host === MODEL
  // Names that are led to it are granted, too.
  if (origin === PLAIN) return /^(?:plain|led\d+)\.far\.example$/.test(host)
  return /^(?:declared|hosts)\d\.far\.example$/.test(host)
}

import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { memoryGateway } from '../../../../test/kit/memory-gateway.ts'
import { CLAUDE } from '../../../../test/kit/model-requests.ts'
import { bundle } from '../../../../test/policy/fixture.ts'
import { environmentName, type ModelTerms, upstreamName } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import { Room } from '../../fairness/room.ts'
import { Slots } from '../../fairness/slots.ts'
import type { UpstreamSetup } from '../../link/setup.ts'
import type { WebReply, WebRequest } from '../../web/web-request.ts'
import { DECODED_BYTES_MAX } from '../http/decode.ts'
import type { DialOptions, LineOptions } from '../protocol.ts'
import { MODEL } from './index.ts'
import type { ModelLine } from './line.ts'
import { serveModel } from './serve.ts'

const OPEN = await bundle('')
const TERMS: ModelTerms = { provider: 'anthropic', models: ['claude-haiku-*'], prices: new Map(), kept: false }

/** A cell with a line to a provider, of which no model may be asked that a request names here: each is refused. */
async function desk() {
  const { gate, cell } = await memoryGateway(OPEN)
  const secrets = openSecrets(new Map())
  assert.ok(secrets.ok)
  const server = { kind: 'origin', url: 'https://a.example', headers: [], secrets: [], model: TERMS } as const
  const setup = { name: upstreamName('m'), server, tools: [] } as unknown as UpstreamSetup
  const dial = MODEL.dialler({ secrets: secrets.value, elsewhere: [] } as unknown as DialOptions)
  const line = dial(setup, { environment: environmentName('test'), number: 1 } as LineOptions) as ModelLine
  const [room, unpacking] = [new Room(3 * DECODED_BYTES_MAX), new Slots(1)]
  const ask = (body: Uint8Array, headers: WebRequest['headers']) => {
    const stream = Readable.from([body])
    const shown = { status: 0 }
    const reply: WebReply = {
      gone: new AbortController().signal,
      get hasBegun() {
        return shown.status > 0
      },
      begin: (status) => {
        shown.status = status
        return true
      },
      write: () => true,
      drained: (then) => then(),
      end: () => undefined,
      cut: () => assert.fail('it was cut'),
      refuse: () => assert.fail('it was not refused in the words of the provider'),
    }
    const request: WebRequest = {
      place: { scheme: 'https', host: 'api.anthropic.com', port: 443 },
      ...{ method: 'POST', target: '/v1/messages', length: body.length, hasBody: true, body: stream },
      headers: [['content-type', 'application/json'], ...headers],
    }
    const served = serveModel(gate, cell, line, { request, reply, room, unpacking })
    return { served, shown }
  }
  return { ask, unpacking, room }
}

const BODY = Buffer.from(JSON.stringify(CLAUDE))

describe('serveModel', () => {
  it('unpacks one body of a cell at a time, and serves what needs no unpacking meanwhile', async () => {
    const { ask, unpacking, room } = await desk()
    unpacking.take(
      () => undefined,
      new AbortController().signal,
      () => undefined,
    )
    const packed = ask(gzipSync(BODY), [['content-encoding', 'gzip']])
    const plain = ask(BODY, [])
    await plain.served
    for (let i = 0; i < 50; i++) await turn()
    assert.deepEqual([packed.shown.status, plain.shown.status], [0, 400])
    unpacking.give()
    await packed.served
    assert.equal(packed.shown.status, 400)
    assert.ok(room.take(3 * DECODED_BYTES_MAX), 'all of the room is given back')
  })
})

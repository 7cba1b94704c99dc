/** Tests of what leaves for a provider with a person's yes: what they were shown, and nothing beside it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { CLAUDE } from '../../../../test/kit/model-requests.ts'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type Label, LIMITS, type ModelTerms, personName } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import { Slots } from '../../fairness/slots.ts'
import { modelToolsOf } from './contract.ts'
import { ModelLine } from './line.ts'
import { ModelDesk } from './model-desk.ts'
import { serveModel } from './serve.ts'

const CUSTOMERS = 'customers' as Label // one by its shape
const TERMS: ModelTerms = { provider: 'anthropic', models: ['claude-*'], prices: new Map(), kept: false }

/** A cell that has read what its provider does not accept, and a provider that keeps what comes. */
async function desk() {
  const heard: { readonly asked: string; readonly headers: IncomingHttpHeaders }[] = []
  const server = createServer(({ method = '', url = '', headers }, response) => {
    heard.push({ asked: `${method} ${url}`, headers })
    response.end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  const tools = modelToolsOf(declared('model', 'generate', 'models', 'files'))
  const options = { ...originHere(`http://127.0.0.1:${port}`, tools), injected: [], desk: new ModelDesk() }
  const line = new ModelLine({ ...options, terms: TERMS })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const [room, unpacking] = [new Room(LIMITS.framesBytesMax), new Slots(1)]
  const door = await doorHere((request, reply) =>
    serveModel(gateway.gate, gateway.cell, line, { request, reply, room, unpacking }),
  )
  const learned = { action: 'a_0' as never, tool: 'other/tool' } // an id by its shape
  gateway.cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMERS], learned)
  const ask = async (target: string, init: RequestInit = {}) => {
    const answer = await fetch(`${door.url}${target}`, init)
    return `${answer.status} ${await answer.text()}`
  }
  const held = async () => (await gateway.entries()).filter((entry) => entry.kind === 'action.held')
  const approve = async () => {
    const nowMs = gateway.gate.nowMs()
    const waiting = (await held()).at(-1)
    assert.ok(waiting !== undefined)
    assert.equal(gateway.gate.holds.answer(waiting.hold, true, personName('maria'), nowMs + 60_000, nowMs), undefined)
    return waiting.args
  }
  return { heard, ask, held, approve }
}

const OTHERS = {
  ...{ 'user-agent': 'the iban of ana', 'x-app': 'the iban of ana', 'x-stainless-os': 'the iban of ana' },
  ...{ accept: 'text/iban-of-ana', 'anthropic-version': '1989-37-04' },
}

describe('a request to a provider that a person has let through', () => {
  it('S11: leaves with the query that they were shown, and with no header that its cell chose', async () => {
    const { heard, ask, approve } = await desk()
    assert.match(await ask('/v1/models?limit=2'), /waits for a person/)
    const { path, query } = (await approve()) as Readonly<Record<string, unknown>>
    assert.deepEqual([path, query], ['/v1/models', { limit: '2' }])
    assert.match(await ask('/v1/models?limit=2&after_id=DE89370400440532013000'), /waits for a person/)
    assert.match(await ask('/v1/models?limit=%32', { headers: OTHERS }), /^200 /)
    assert.deepEqual(
      heard.map(({ asked }) => asked),
      ['GET /v1/models?limit=2'],
    )
    assert.doesNotMatch(JSON.stringify(heard[0]?.headers), /iban|1989/)
    assert.equal(heard[0]?.headers['anthropic-version'], '2023-06-01')
  })

  it('S11: is the way out that they were shown: its method, all of its path, and its query', async () => {
    const { heard, ask, approve } = await desk()
    const path = `/v1/files/${'f'.repeat(300)}`
    const asked = `${path}?b=two%20words&a=1&a=2`
    assert.match(await ask(asked), /waits for a person/)
    const { method, path: shown, query } = (await approve()) as Readonly<Record<string, unknown>>
    assert.deepEqual([method, query], ['GET', { a: ['1', '2'], b: 'two words' }])
    assert.match(String(shown), /^\/v1\/files\/f+… \(310 characters, /)
    assert.match(await ask(asked, { method: 'DELETE' }), /waits for a person/)
    assert.match(await ask(`${path}x?b=two%20words&a=1&a=2`), /waits for a person/)
    assert.match(await ask(`${path}?a=1&%61=%32&b=two+w%6Frds`), /^200 /)
    assert.deepEqual(
      heard.map((each) => each.asked),
      [`GET ${path}?a=1&a=2&b=two%20words`],
    )
  })

  it('F1: is no conversation: that is refused, and says what its cell has read', async () => {
    const { heard, ask, held } = await desk()
    const headers = { 'content-type': 'application/json' }
    const told = await ask('/v1/messages', { method: 'POST', headers, body: JSON.stringify(CLAUDE) })
    assert.match(told, /it has read customers, which origin does not accept/)
    assert.deepEqual([await held(), heard], [[], []])
  })
})

/** Tests of what leaves with a person's yes: what they were shown, and nothing beside it. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type Label, LIMITS, personName } from '../../../model/index.ts'
import { Room } from '../../fairness/room.ts'
import { requestsOf } from './contract.ts'
import { HttpLine } from './line.ts'
import { serveHttp } from './serve.ts'

const CUSTOMERS = 'customers' as Label // one by its shape
const BODY = '{"text":"the build is green"}'

/** A cell that has read what its origin does not accept, and an origin that keeps what comes. */
async function desk() {
  const heard: { target: string; readonly body: string; readonly headers: Readonly<Record<string, unknown>> }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece
    })
    request.once('end', () => {
      heard.push({ target: request.url ?? '', body, headers: request.headers })
      response.end('{}')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  const tools = requestsOf(
    declared('request', 'POST /note', 'GET /notes/{of}?q').map((each) => ({
      ...each,
      effect: 'write' as const,
      content: [[]],
    })),
  )
  const line = new HttpLine({ ...originHere(`http://127.0.0.1:${port}`, tools), injected: [] })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const room = new Room(LIMITS.framesBytesMax)
  const door = await doorHere((request, reply) => serveHttp(gateway.gate, gateway.cell, line, { request, reply, room }))
  const learned = { action: 'a_0' as never, tool: 'other/tool' } // an id by its shape
  gateway.cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMERS], learned)
  const send = async (headers: Readonly<Record<string, string>>, body: string | ReadableStream = BODY) => {
    const answer = await fetch(`${door.url}/note`, { method: 'POST', headers, body, duplex: 'half' } as RequestInit)
    return { status: answer.status, text: await answer.text() }
  }
  const ask = async (target: string) => (await fetch(`${door.url}${target}`)).status
  const approve = async () => {
    const held = (await gateway.entries()).find((entry) => entry.kind === 'action.held')
    assert.ok(held !== undefined)
    const nowMs = gateway.gate.nowMs()
    assert.equal(gateway.gate.holds.answer(held.hold, true, personName('maria'), nowMs + 60_000, nowMs), undefined)
  }
  return { ...gateway, heard, send, ask, approve }
}

const JSON_TYPE = { 'content-type': 'application/json' }

describe('a request that a person has let through', () => {
  it('S11: leaves with what they were shown, and with no header that its cell chose', async () => {
    const { heard, send, approve } = await desk()
    assert.equal((await send(JSON_TYPE)).status, 403)
    await approve()
    const more = { accept: 'text/iban-of-ana', 'x-note': 'the iban of ana', 'user-agent': 'the iban of ana' }
    assert.equal((await send({ 'content-type': 'application/iban+json; of=ana', ...more })).status, 200)
    assert.equal(heard.length, 1)
    assert.equal(heard[0]?.body, BODY)
    assert.doesNotMatch(JSON.stringify(heard[0]?.headers), /iban/)
    assert.equal(heard[0]?.headers['content-type'], 'application/json')
  })

  it('S11: leaves in the spelling of the gate, and in none that its cell chose: its body', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const covert = `{${' \t\n'.repeat(1_300)}"t\\u0065xt":\t"the build is gr\\u0065en"}\n`
    for (const [headers, shown, sent] of [
      [JSON_TYPE, BODY, covert],
      [form, 'text=the+build&to=1&to=2', 'te%78t=the%20buil%64&to=%31&to=2'],
    ] as const) {
      const { heard, send, approve } = await desk()
      assert.equal((await send(headers, shown)).status, 403)
      await approve()
      assert.equal((await send(headers, sent)).status, 200)
      assert.deepEqual(
        heard.map(({ body }) => body),
        [shown],
      )
    }
  })

  it('S11: leaves in the spelling of the gate, and in none that its cell chose: its target', async () => {
    const { heard, ask, approve } = await desk()
    assert.equal(await ask('/notes/a:b?q=one+two'), 403)
    await approve()
    assert.equal(await ask('/%6e%6Ftes/%61%3ab?%71=o%6Ee%20tw%6f'), 200)
    assert.deepEqual(
      heard.map(({ target }) => target),
      ['/notes/a:b?q=one%20two'],
    )
  })

  it('S11: is none whose body nobody reads: that one is refused, and says what its cell has read', async () => {
    const { heard, send, entries } = await desk()
    const pieces = new ReadableStream({
      start: (to) => {
        to.enqueue(new TextEncoder().encode('some bytes'))
        to.close()
      },
    })
    const { status, text } = await send({ 'content-type': 'application/octet-stream' }, pieces)
    assert.equal(status, 403)
    assert.match(text, /it has read customers, which \S+ does not accept/)
    assert.deepEqual(
      (await entries()).map(({ kind }) => kind).filter((kind) => kind === 'action.held'),
      [],
    )
    assert.equal(heard.length, 0)
  })
})

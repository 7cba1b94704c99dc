/** Tests of serving an origin, without a cell: an origin on loopback that keeps what it is told. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as requestOver } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type Label, LIMITS } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import { Room } from '../../fairness/room.ts'
import { gitToolsOf } from '../git/contract.ts'
import { GitLine } from '../git/line.ts'
import { serveGit } from '../git/serve.ts'
import { requestsOf } from './contract.ts'
import { HttpLine } from './line.ts'
import { serveHttp } from './serve.ts'

const CUSTOMER = 'customer' as Label // one by its shape
const SECRET = 'correct-horse-battery'

/** An origin that says a header with each answer, and keeps what comes. */
async function origin(header = 'none') {
  const heard = { text: '', isOver: false }
  const server = createServer((request, response) => {
    request.on('data', (piece) => {
      heard.text += String(piece)
    })
    request.once('close', () => {
      heard.isOver = true
    })
    request.once('end', () => void response.setHeader('x-said', header).end('answered'))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const close = () => void server.close().closeAllConnections()
  cleanUp(close)
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://127.0.0.1:${port}`, heard, close }
}

async function served(url: string, secrets: ReadonlyMap<string, string> = new Map()) {
  const tools = requestsOf(declared('request', 'POST /up'))
  const line = new HttpLine({ ...originHere(url, tools), injected: [] })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const known = openSecrets(secrets)
  assert.ok(known.ok)
  const gate = { ...gateway.gate, secrets: known.value }
  const room = new Room(LIMITS.framesBytesMax)
  const door = await doorHere((request, reply) => serveHttp(gate, gateway.cell, line, { request, reply, room }))
  return { ...gateway, ...door }
}

/** Begins an upload, and returns its writer and what is answered. */
function uploading(url: string) {
  const writer = requestOver(`${url}/up`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', 'transfer-encoding': 'chunked' },
  })
  writer.on('error', () => undefined)
  const answered = new Promise<number | undefined>((resolve) => {
    writer.once('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    writer.once('close', () => resolve(undefined))
  })
  return { writer, answered }
}

describe('a body that is under way', () => {
  it('F1: has no more where its cell has learned what the origin may not know', async () => {
    const { url: at, heard, close: closeOrigin } = await origin()
    const { url, cell, entries } = await served(at)
    const { writer, answered } = uploading(url)
    writer.write('begun;')
    await until('the body has begun', () => heard.text === 'begun;')
    const learned = { action: 'a_0' as never, tool: 'other/tool' } // an id by its shape
    cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMER], learned)
    writer.end('the iban of ana')
    assert.equal(await answered, 502)
    assert.deepEqual(heard, { text: 'begun;', isOver: false }, 'nor does it hear that there is nothing more')
    closeOrigin()
    await until('an outcome is recorded', async () => (await entries()).some(({ kind }) => kind === 'action.outcome'))
    assert.equal(heard.text, 'begun;')
    const outcome = (await entries()).find((entry) => entry.kind === 'action.outcome')
    assert.equal(outcome?.outcome, 'unknown')
    assert.match(outcome.detail ?? '', /customer/)
  })

  it('goes on where its cell has learned nothing', async () => {
    const { url: at, heard } = await origin()
    const { url } = await served(at)
    const { writer, answered } = uploading(url)
    writer.write('begun;')
    await until('the body has begun', () => heard.text === 'begun;')
    writer.end('ended')
    assert.equal(await answered, 200)
    assert.equal(heard.text, 'begun;ended')
  })
})

describe('an answer that may not be shown', () => {
  it('S10: is a refusal, of an origin and of a git server', async () => {
    const { url: at } = await origin(SECRET)
    const secrets = new Map([['token', SECRET]])
    const { url } = await served(at, secrets)
    const { writer, answered } = uploading(url)
    writer.end('x')
    assert.equal(await answered, 502)

    const tools = gitToolsOf(declared('git', 'shop/desk: fetch'))
    const line = new GitLine(originHere(at, tools))
    const { gate, cell } = await gatewayTo(line, [...tools.keys()])
    const known = openSecrets(secrets)
    assert.ok(known.ok)
    const own = { ...gate, secrets: known.value }
    const room = new Room(LIMITS.framesBytesMax)
    const door = await doorHere((request, reply) => serveGit(own, cell, line, { request, reply, room }))
    const told = await fetch(`${door.url}/shop/desk.git/info/refs?service=git-upload-pack`)
    const text = await told.text()
    assert.match(text, /refused by Firebreak/)
    assert.doesNotMatch(text, /horse/)
  })
})

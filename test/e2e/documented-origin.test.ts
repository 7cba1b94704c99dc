/**
 * An origin whose operations an OpenAPI document says, as curl of a real cell meets it: accepted by a person, judged by its
 * schemas both ways, masked, and taken back.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, type Ran, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

/** A shop with orders, which says of one of them what its document does not. */
async function shop() {
  const heard: string[] = []
  const cancelled: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (piece) => {
      body += piece
    })
    request.once('end', () => {
      const { method = '', url = '' } = request
      heard.push(`${method} ${url} ${body}`.trim())
      const answer = (status: number, value: unknown) =>
        response.writeHead(status, { 'content-type': 'application/json', etag: '"1"' }).end(JSON.stringify(value))
      if (url === '/v1/orders/13') return void answer(200, { id: 13, state: 7 })
      if (method === 'GET')
        return void answer(200, { id: 1, state: cancelled.length > 0 ? 'cancelled' : 'open', iban: 'GB29NWBK6016' })
      if (method === 'DELETE') {
        cancelled.push(`${url} ${request.headers['if-match']}`)
        return void response.writeHead(204).end()
      }
      if (url === '/v1/notes') return void response.writeHead(204).end()
      answer(201, { id: 41, state: 'open' })
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { text: `http://127.0.0.1:${port}`, heard, cancelled }
}

const ORDER = {
  type: 'object',
  properties: { id: { type: 'integer' }, state: { type: 'string' }, iban: { type: 'string' } },
  required: ['id', 'state'],
}
const ANSWER = { content: { 'application/json': { schema: { $ref: '#/components/schemas/Order' } } } }

function document(state: string) {
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'integer' } }
  return {
    openapi: '3.1.0',
    info: { title: 'shop', version: '1' },
    servers: [{ url: '/v1' }],
    paths: {
      '/orders/{id}': {
        parameters: [id],
        get: { parameters: [{ name: 'full', in: 'query', schema: { type: 'boolean' } }], responses: { 200: ANSWER } },
        delete: {
          parameters: [{ name: 'If-Match', in: 'header', schema: { type: 'string' } }],
          responses: { 204: {} },
        },
      },
      '/notes': {
        post: {
          requestBody: {
            content: { 'application/json': { schema: { type: 'object', additionalProperties: true } } },
          },
          responses: { 204: {} },
        },
      },
      '/orders': {
        post: {
          requestBody: {
            required: true,
            content: {
              'application/json': {
                schema: {
                  type: 'object',
                  properties: { item: { type: 'string' }, state: { enum: ['open', state] } },
                  required: ['item'],
                },
              },
            },
          },
          responses: { 201: ANSWER },
        },
      },
    },
    components: { schemas: { Order: ORDER } },
  }
}

describe('an origin with a document', { skip: SKIP }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let api: Awaited<ReturnType<typeof shop>>
  let dry: Ran
  let accepted: Ran
  let unaccepted: Ran
  let undone: Ran
  let changed: Ran
  const heardBefore: string[] = []

  before(async () => {
    api = await shop()
    const directory = temporaryDirectory()
    const state = join(directory, 'state')
    const path = join(directory, 'shop.json')
    writeFileSync(path, JSON.stringify(document('draft')))
    const file = writeConfig(directory, {
      environments: {
        test: {
          undo: {
            owner: 'maria.silva@shop.example',
            grants: [{ upstream: 'shop', tools: ['DELETE /v1/orders/{id}', 'GET /v1/orders/{id}'], expires: '8h' }],
          },
        },
      },
      upstreams: {
        shop: {
          http: { origin: api.text, openapi: './shop.json' },
          tools: {
            'GET /v1/orders/{id}': { effect: 'read', mask: ['$.iban'], returns: { $: [] } },
            'POST /v1/orders': {
              effect: 'write',
              accepts: ['untrusted'],
              content: ['$'],
              links: 'any',
              undo: { tool: 'DELETE /v1/orders/{id}', args: { id: '$result.id', headers: { 'if-match': '"1"' } } },
              check: { tool: 'GET /v1/orders/{id}', args: { id: '$result.id' }, undone: { '$.state': ['cancelled'] } },
            },
            'POST /v1/notes': { effect: 'read' },
            'DELETE /v1/orders/{id}': { effect: 'irreversible', accepts: ['untrusted'], content: ['$'] },
          },
        },
      },
      agents: {
        alpha: {
          grants: [
            { upstream: 'shop', tools: ['GET /v1/orders/{id}', 'POST /v1/orders', 'POST /v1/notes'], expires: '8h' },
          ],
        },
      },
    })
    const at = ['--config', file]
    const curl = "curl -sS -m 20 -w ' [%{http_code}]'"
    const json = `${curl} -H 'content-type: application/json'`
    const orders = `${api.text}/v1/orders`
    const run = (attempts: Readonly<Record<string, string>>) =>
      firebreak(['run', ...at, '--state', state, '--', 'bash', '-c', scriptOf(attempts)])
    unaccepted = await run({ read: `${curl} ${orders}/1` })
    heardBefore.push(...api.heard)
    dry = await firebreak(['accept', ...at, '--dry-run'])
    accepted = await firebreak(['accept', ...at, '--as', 'maria.silva@shop.example', '--yes'])
    const ran = await run({
      read: `${curl} -D - ${orders}/1`,
      'with a query': `${curl} ${orders}/2?full=true`,
      'another query': `${curl} ${orders}/2?full=maybe`,
      'no number': `${curl} ${orders}/abc`,
      'another answer': `${curl} ${orders}/13`,
      create: `${json} -d '{"item":"cup","state":"open"}' ${orders}`,
      'another member': `${json} -d '{"item":"cup","discount":99}' ${orders}`,
      note: `${json} -d '{"type":"comment"}' ${api.text}/v1/notes`,
      'a note that is not read': `${curl} -H 'content-type: text/plain' -H 'transfer-encoding: chunked' -d '{"type":"comment"}' ${api.text}/v1/notes`,
      'a note of two words': `${json} -d '{"type":"comment","Type":"order"}' ${api.text}/v1/notes`,
      'another kind of body': `${curl} -H 'content-type: text/plain' -d 'item=cup' ${orders}`,
    })
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
    undone = await firebreak([
      'undo',
      ...at,
      '--state',
      state,
      '--since',
      '1h',
      '--by',
      'maria.silva@shop.example',
      '--reason',
      'test',
    ])
    writeFileSync(path, JSON.stringify(document('vip')))
    changed = await firebreak(['accept', ...at, '--dry-run'])
  })

  it('nothing of it is granted before a person has accepted it', () => {
    assert.match(saidIn(unaccepted.stdout).read ?? '', /refused by Firebreak.*\[403\]/s)
    assert.deepEqual(heardBefore, [])
    assert.match(dry.stdout, /GET \/v1\/orders\/\{id\}/)
    assert.equal(dry.code, 4)
    assert.equal(accepted.code, 0, accepted.stdout + accepted.stderr)
    assert.match(accepted.stdout, /4 accepted/)
  })

  it('a request is judged by its schemas, and what is none of them leaves nothing', () => {
    assert.match(said['with a query'] ?? '', /\[200\]/)
    assert.match(said['another query'] ?? '', /query\.full.*\[400\]/s)
    assert.match(said['no number'] ?? '', /\$\.id.*\[400\]/s)
    assert.match(said['another member'] ?? '', /discount.*\[400\]/s)
    assert.match(said['another kind of body'] ?? '', /JSON or a form.*\[400\]/s)
    assert.match(said.note ?? '', /\[204\]/)
    assert.match(said['a note that is not read'] ?? '', /stream.*\[400\]/s)
    assert.match(said['a note of two words'] ?? '', /"type" and "Type".*\[400\]/s)
    assert.deepEqual(
      api.heard.filter((each) => each.startsWith('POST')),
      ['POST /v1/orders {"item":"cup","state":"open"}', 'POST /v1/notes {"type":"comment"}'],
    )
  })

  it('an answer is judged before any of it is shown: another one is withheld, and masked fields stay behind', () => {
    assert.match(said.read ?? '', /\{"id":1,"state":"open","iban":"\[masked\]"\} \[200\]/)
    assert.doesNotMatch(said.read ?? '', /etag|GB29/i)
    assert.match(said['another answer'] ?? '', /its answer is withheld.*\[502\]/s)
    assert.ok(
      entries.some(
        (entry) => entry.kind === 'action.outcome' && /it breaks its definition: \$\.state/.test(entry.detail ?? ''),
      ),
    )
  })

  it('S16: an effect is taken back by what its configuration declares, with values of its answer', () => {
    assert.equal(undone.code, 0, undone.stdout + undone.stderr)
    assert.match(undone.stdout, /1 undone/)
    assert.deepEqual(api.cancelled, ['/v1/orders/41 "1"'])
  })

  it('a document that changes is shown to a person, and changes nothing', () => {
    assert.equal(changed.code, 4)
    assert.match(changed.stdout, /POST \/v1\/orders/)
    assert.match(changed.stdout, /vip/)
  })
})

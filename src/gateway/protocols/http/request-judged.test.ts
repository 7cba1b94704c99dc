/** Tests of what is judged of a request, against what its origin hears: an origin on loopback that keeps what it is told. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingHttpHeaders, request as requestOver } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { declared, doorHere, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type ActionId, type CatalogueTool, type JsonObject, LIMITS, type ToolName } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import { Room } from '../../fairness/room.ts'
import { requestsOf } from './contract.ts'
import { HTTP } from './index.ts'
import { HttpLine } from './line.ts'
import { serveHttp } from './serve.ts'

/** An origin that says yes, and keeps the lines and the bodies that it hears. */
async function origin() {
  const heard: string[] = []
  const headers: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (piece) => {
      body += String(piece)
    })
    request.once('end', () => {
      heard.push(`${request.method} ${request.url} ${body}`.trim())
      headers.push(request.headers)
      response.end(request.url === '/up' ? 'yes' : '{}')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { url: `http://127.0.0.1:${port}`, heard, headers }
}

async function served(tools: ReadonlyMap<ToolName, CatalogueTool>, granted: readonly ToolName[] = [...tools.keys()]) {
  const { url: at, heard, headers } = await origin()
  const line = new HttpLine({ ...originHere(at, tools), injected: [] })
  const gateway = await gatewayTo(line, granted)
  const room = new Room(LIMITS.framesBytesMax)
  const door = await doorHere((request, reply) => serveHttp(gateway.gate, gateway.cell, line, { request, reply, room }))
  const said = async () => (await gateway.entries()).flatMap((entry) => (entry.kind === 'action.intent' ? [entry] : []))
  return { ...gateway, ...door, line, heard, headers, said }
}

/** Sends a body in chunks, and returns the status and what is answered. */
async function streamed(url: string, type: string, body: string): Promise<string> {
  const writer = requestOver(url, {
    method: 'POST',
    headers: { 'transfer-encoding': 'chunked', ...(type !== '' && { 'content-type': type }) },
  })
  writer.end(body)
  const [response] = await once(writer, 'response')
  let text = ''
  for await (const piece of response) text += String(piece)
  return `${response.statusCode} ${text}`
}

describe('a body that nobody reads', () => {
  it('S11: stands in an argument of its own, which no rule for a body that is read can take for one', async () => {
    const { url, heard, said } = await served(requestsOf(declared('request', 'POST /up')))
    assert.match(await streamed(`${url}/up`, 'application/pdf', 'x'), /^200 yes/)
    assert.match(await streamed(`${url}/up`, '', 'y'), /^200 yes/)
    assert.deepEqual(
      (await said()).map(({ args }) => args),
      [{ stream: { type: 'application/pdf' } }, { stream: { type: '' } }],
    )
    assert.match(await streamed(`${url}/up`, 'comment', '{"type":"comment"}'), /^400 .*type\/subtype/)
    assert.deepEqual(heard, ['POST /up x', 'POST /up y'])
  })

  it('S11: is refused where what was accepted of its operation says JSON alone, however open that is', async () => {
    const body: JsonObject = { type: 'object', additionalProperties: true }
    const { url, heard } = await served(accepted({ type: 'object', properties: { body }, additionalProperties: false }))
    assert.match(await streamed(`${url}/up`, 'text/plain', '{"type":"text/plain"}'), /^400 .*stream/)
    assert.match(await streamed(`${url}/up`, 'application/json', '{"type":"text/plain"}'), /^200 yes/)
    assert.deepEqual(heard, ['POST /up {"type":"text/plain"}'])
  })

  it('leaves where that names another kind, and so does JSON by its schema; with neither nothing does', async () => {
    const { url, heard } = await served(
      accepted({
        type: 'object',
        properties: {
          body: { type: 'object', properties: { item: { type: 'string' } }, required: ['item'] },
          stream: { type: 'object', properties: { type: { type: 'string' }, length: { type: 'integer' } } },
        },
        additionalProperties: false,
        if: { required: ['stream'] },
        else: { required: ['body'] },
      }),
    )
    assert.match(await streamed(`${url}/up`, 'image/png', 'x'), /^200 yes/)
    assert.match(await streamed(`${url}/up`, 'application/json', '{"item":"cup"}'), /^200 yes/)
    assert.match(await streamed(`${url}/up`, 'application/json', '{"type":"image/png"}'), /^400/)
    assert.match(await (await fetch(`${url}/up`, { method: 'POST' })).text(), /^refused by Firebreak: .*body/)
    assert.deepEqual(heard, ['POST /up x', 'POST /up {"item":"cup"}'])
  })
})

/** Returns an operation with what a person has accepted of it. */
function accepted(input: JsonObject, target = 'POST /up'): ReadonlyMap<ToolName, CatalogueTool> {
  return new Map(
    [...requestsOf(declared('request', target))].map(([name, { declared: own, pinned }]) => {
      assert.ok(pinned)
      return [name, { declared: own, pinned: { ...pinned, input } }]
    }),
  )
}

/** Sends a request whose target and headers are written as they stand here. */
async function written(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<string> {
  const { port } = new URL(url)
  const writer = requestOver({ port, host: '127.0.0.1', path, method: 'POST', headers })
  writer.end(body)
  const [response] = await once(writer, 'response')
  let text = ''
  for await (const piece of response) text += String(piece)
  return `${response.statusCode} ${text}`
}

describe('a request that is judged', () => {
  const digests = { 'content-md5': 'a', digest: 'a', 'content-digest': 'a', 'repr-digest': 'a', signature: 'a' }

  it('S11: leaves in one spelling of its path, its query and its body', async () => {
    const { url, heard, headers, said } = await served(requestsOf(declared('request', 'POST /note/{p}?q&tag*')))
    const path = '/note/%61%2fb?t%61g=x&q=%61+%62&tag='
    const type = { 'content-type': 'Application/JSON; charset=UTF-8; of=ana' }
    const spaced = `{ "t\\u0065xt" :${'\t'.repeat(4_000)}"green" }`
    assert.match(await written(url, path, { ...type, ...digests }, spaced), /^200/)
    const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'identity' }
    assert.match(await written(url, '/note/a?', { ...form, ...digests }, '%74ext=%67reen%20(1)'), /^200/)
    assert.deepEqual(heard, ['POST /note/a%2Fb?q=a%20b&tag=x&tag= {"text":"green"}', 'POST /note/a text=green+%281%29'])
    assert.deepEqual(
      headers.map((each) => [each['content-type'], each['content-length'], each['content-encoding']]),
      [
        ['application/json', '16', undefined],
        ['application/x-www-form-urlencoded; charset=utf-8', '18', undefined],
      ],
    )
    for (const each of headers) for (const name of Object.keys(digests)) assert.equal(each[name], undefined, name)
    assert.deepEqual(
      (await said()).map(({ args }) => args),
      [
        { p: 'a/b', query: { q: 'a b', tag: ['x', ''] }, body: { text: 'green' } },
        { p: 'a', body: { text: 'green (1)' } },
      ],
    )
  })

  it('S11: says one type, by which it was judged', async () => {
    const { url, heard } = await served(requestsOf(declared('request', 'POST /up')))
    const body = '{"amount":5,"x":"&amount=9999&y="}'
    for (const type of [
      'application/json;a=b, application/x-www-form-urlencoded',
      'application/x-www-form-urlencoded;a=b, application/json',
      'image/png;a=b, application/json',
    ])
      assert.match(await written(url, '/up', { 'content-type': type }, body), /^400 .*type\/subtype/, type)
    assert.deepEqual(heard, [])
    assert.match(await streamed(`${url}/up`, 'multipart/form-data; boundary="a=b"', '--a=b--'), /^200 yes/)
    assert.deepEqual(heard, ['POST /up --a=b--'])
  })

  it('S11: has no header beside one that is an argument which servers take for it', async () => {
    const headers: JsonObject = { type: 'object', properties: { 'x-account': { type: 'string' } } }
    const tools = accepted({ type: 'object', properties: { body: {}, headers }, additionalProperties: false })
    const { url, heard, headers: came } = await served(tools)
    const json = { 'content-type': 'application/json' }
    for (const twin of ['x.account', 'xaccount', 'x--account'])
      for (const own of [{}, { 'x-account': 'mine' }])
        assert.match(await written(url, '/up', { ...json, ...own, [twin]: 'victim' }, '1'), /^400 /, twin)
    assert.deepEqual(heard, [])
    assert.match(await written(url, '/up', { ...json, 'x-account': 'mine', 'x-other': 'b' }, '1'), /^200 /)
    assert.deepEqual([came[0]?.['x-account'], came[0]?.['x-other']], ['mine', 'b'])
  })

  it('S11: has no encoded slash where its argument would not show it', async () => {
    const { url, heard } = await served(requestsOf(declared('request', 'POST /files/{path*}')))
    assert.match(await written(url, '/files/a%2Fb', {}, ''), /^400 .*encoded slash in \{path\*\}/)
    assert.match(await written(url, '/files/%61/b%20c', {}, ''), /^200/)
    assert.deepEqual(heard, ['POST /files/a/b%20c'])
  })
})

describe('a path that servers read in several ways', () => {
  it('S11: is refused where one of them is another operation, and says which', async () => {
    const tools = requestsOf(declared('request', 'GET /users/{id}', 'GET /users/export'))
    const [users] = tools.keys()
    assert.ok(users)
    const { url, heard } = await served(tools, [users])
    for (const path of ['/users/EXPORT', '/users/export.json', '/users/%2565xport'])
      assert.match(await (await fetch(url + path)).text(), /^refused by Firebreak: .*GET \/users\/export/, path)
    assert.equal((await fetch(`${url}/users/ana`)).status, 200)
    assert.deepEqual(heard, ['GET /users/ana'])
  })
})

describe('a request that no cell asked for', () => {
  const text: JsonObject = { type: 'string' }
  const named: JsonObject = {
    type: 'object',
    properties: {
      id: text,
      headers: { type: 'object', properties: { 'if-match': text, 'x-key': text, te: text, range: text } },
    },
  }
  const own = async (
    tools: ReadonlyMap<ToolName, CatalogueTool>,
    target: string,
    args: JsonObject,
    secrets: ReadonlyMap<string, string> = new Map(),
  ) => {
    const { gate, cell, line, heard, headers } = await served(tools)
    const known = openSecrets(secrets)
    assert.ok(known.ok && HTTP.performOwn)
    const { signal } = new AbortController()
    const about = { checks: 'a_00000000000000000000' as ActionId } // by its shape
    const call = { operation: 'request', target, args, about, signal } as const
    const performed = await HTTP.performOwn({ ...gate, secrets: known.value }, cell, line, call)
    return { performed, heard, headers }
  }

  it('S11: has the headers among its arguments, as texts, or does not leave', async () => {
    const target = 'PUT /orders/{id}'
    const args = { id: '1', headers: { 'if-match': '"v1"', 'x-key': 7 } }
    const sent = await own(accepted(named, target), target, args)
    assert.equal(sent.performed.kind, 'answered')
    assert.deepEqual([sent.headers[0]?.['if-match'], sent.headers[0]?.['x-key']], ['"v1"', '7'])
    const secrets = new Map([['token', 'correct-horse-battery']])
    for (const headers of [{ te: 'trailers' }, { range: 'bytes=0-1' }, { 'if-match': 'a\r\nx: y' }]) {
      const { performed, heard } = await own(accepted(named, target), target, { id: '1', headers }, secrets)
      assert.deepEqual([performed.kind, heard], ['refused', []], JSON.stringify(headers))
    }
  })

  it('S11: is refused where its arguments make it another operation', async () => {
    const tools = requestsOf(declared('request', 'DELETE /orders/{id}', 'DELETE /orders/all'))
    for (const id of ['all', 'ALL', 'all.json']) {
      const { performed, heard } = await own(tools, 'DELETE /orders/{id}', { id })
      assert.deepEqual([performed.kind, heard], ['refused', []], id)
    }
    const { heard } = await own(tools, 'DELETE /orders/{id}', { id: '7' })
    assert.deepEqual(heard, ['DELETE /orders/7'])
  })
})

/** What a cell can put into a frame: each is refused, nothing of it reaches an upstream, and the gateway goes on. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import type { JsonObject } from '../../src/model/index.ts'
import { residentMiB, startGatewayProcess } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import {
  call,
  errorOf,
  type HttpReply,
  initialize,
  MODERN_META,
  modern,
  modernHeaders,
  post,
  rpc,
  textOf,
} from '../kit/wire.ts'

const NOTE: JsonObject = {
  type: 'object',
  properties: { text: { type: 'string' }, to: { type: 'object', properties: { account: { type: 'string' } } } },
}
const upstream = await startUpstream({
  era: 'modern',
  tools: [tool('note', { inputSchema: NOTE })],
  onCall: ({ args }) => textResult(`noted ${String(args.text)}`),
})
const desk = { mcp: { url: upstream.url }, tools: { note: 'write' } } as const
const gateway = await startGatewayProcess({ upstreams: { desk, none: desk } })
const cell = await gateway.admit()
const url = cell.url('desk')
const neighbour = await gateway.admit('beta')
assert.equal(textOf(await call(url, 'note', { text: 'first' })), 'noted first')

/** A call of `note` whose arguments are this very text. */
function noteFrame(args: string): string {
  const meta = JSON.stringify(MODERN_META)
  return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"note","arguments":${args},"_meta":${meta}}}`
}

function send(body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Promise<HttpReply> {
  return post(url, body, { headers: { ...modernHeaders('tools/call', { name: 'note' }), ...headers } })
}

describe('S11: an ambiguous frame is refused, not repaired', () => {
  const UNREADABLE: Readonly<Record<string, string | Uint8Array>> = {
    'an empty body': '',
    'half a frame': noteFrame('{"text":"x"}').slice(0, -3),
    'two frames': noteFrame('{"text":"x"}').repeat(2),
    'duplicate keys in arguments': noteFrame('{"text":"a","text":"b"}'),
    'duplicate keys at the top': noteFrame('{"text":"a"}').replace('{"jsonrpc"', '{"method":"ping","jsonrpc"'),
    'a duplicate key in another spelling': noteFrame('{"text":"a","\\u0074ext":"b"}'),
    'a byte order mark': `\uFEFF${noteFrame('{"text":"x"}')}`,
    'a lone surrogate': noteFrame('{"text":"\\ud800"}'),
    'a number past 2^53': noteFrame('{"text":9007199254740993}'),
    'a number past all numbers': noteFrame('{"text":1e999}'),
    NaN: noteFrame('{"text":NaN}'),
    'a comment': noteFrame('{"text":"x"/* */}'),
    'a trailing comma': noteFrame('{"text":"x",}'),
    '__proto__ as a key': noteFrame('{"__proto__":{"text":"x"}}'),
    'bytes that are not UTF-8': Buffer.from(noteFrame('{"text":"\xff\xfe"}'), 'latin1'),
    'UTF-16': Buffer.from(noteFrame('{"text":"x"}'), 'utf16le'),
    '10,000 levels of lists': noteFrame(`{"text":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
    '10,000 levels of objects': noteFrame(`${'{"to":'.repeat(10_000)}1${'}'.repeat(10_000)}`),
    'more values than are counted': noteFrame(`{"text":[${'0,'.repeat(60_000)}0]}`),
  }
  for (const [what, body] of Object.entries(UNREADABLE)) {
    it(`S11: ${what}`, async () => {
      const reply = await send(body)
      assert.equal(reply.status, 400)
      assert.equal(errorOf(reply)?.code, -32700)
    })
  }

  const NO_REQUEST: Readonly<Record<string, string>> = {
    'a batch': `[${noteFrame('{}')}]`,
    'a text': '"tools/call"',
    'a response': '{"jsonrpc":"2.0","id":1,"result":{}}',
    'JSON-RPC 1.0': noteFrame('{}').replace('"2.0"', '"1.0"'),
    'an id that is null': noteFrame('{}').replace('"id":1', '"id":null'),
    'an id that is an object': noteFrame('{}').replace('"id":1', '"id":{"a":1}'),
    'params as a list': '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["note"]}',
    'a member that JSON-RPC does not have': noteFrame('{}').replace('"id":1', '"id":1,"auth":"x"'),
  }
  for (const [what, body] of Object.entries(NO_REQUEST)) {
    it(`S11: ${what}`, async () => {
      const reply = await send(body)
      assert.equal(reply.status, 400)
      assert.equal(errorOf(reply)?.code, -32600)
    })
  }

  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/jsonp',
    '',
  ]) {
    it(`S11: the content type "${type}"`, async () => {
      assert.equal((await send(noteFrame('{"text":"x"}'), { 'content-type': type })).status, 415)
    })
  }

  it('S15: a frame that cannot be read is in the record, and its answer carries the reference', async () => {
    const reply = await send(noteFrame('{"text":"a","text":"b"}'))
    const reference = /"reference":"(a_[0-9a-z]+)"/.exec(reply.text)?.[1]
    assert.ok(reference)
    const told = (entries: readonly { readonly kind: string }[]) =>
      entries.some((entry) => 'action' in entry && entry.action === reference && entry.kind === 'action.refused')
    assert.ok(told(await gateway.entries(told)))
  })

  it('S11: a body that says it is compressed, or in another character set', async () => {
    const body = noteFrame('{"text":"x"}')
    assert.equal((await send(body, { 'content-encoding': 'gzip' })).status, 415)
    assert.equal((await send(body, { 'content-encoding': 'br' })).status, 415)
    assert.equal((await send(body, { 'content-type': 'application/json; charset=utf-16' })).status, 415)
    assert.equal((await send(body, { 'content-type': 'application/json; charset=utf-7' })).status, 415)
  })
})

describe('S15: what the protocol does not allow is refused, and is in the record like every other refusal', () => {
  const params = { name: 'note', arguments: { text: 'x' } }
  const REFUSED: Readonly<Record<string, () => Promise<HttpReply>>> = {
    'a member that is not passed on': () => modern(url, 'tools/call', { ...params, task: { ttl: 1 } }),
    'one in a session': async () =>
      post(url, rpc('tools/call', { ...params, task: { ttl: 1 } }), { headers: await initialize(url) }),
    'a method that is not passed on': () => modern(url, 'tasks/list', {}),
    'one in a session, too': async () => post(url, rpc('sampling/createMessage'), { headers: await initialize(url) }),
    'a revision of tomorrow': () =>
      call(
        url,
        'note',
        {},
        {
          meta: { 'io.modelcontextprotocol/protocolVersion': '2027-01-01' },
          headers: { 'mcp-protocol-version': '2027-01-01' },
        },
      ),
    'a session of somebody else': () =>
      post(url, rpc('tools/call', params), { headers: { 'mcp-session-id': 'not-mine' } }),
  }
  for (const [what, ask] of Object.entries(REFUSED)) {
    it(`S15: ${what}`, async () => {
      const reply = await ask()
      const reference = /"reference":"(a_[0-9a-z]+)"/.exec(reply.text)?.[1]
      assert.ok(reference, reply.text)
      const told = (entries: readonly { readonly kind: string }[]) =>
        entries.some((entry) => 'action' in entry && entry.action === reference && entry.kind === 'action.refused')
      assert.ok(told(await gateway.entries(told)))
    })
  }

  for (const [what, lines] of Object.entries({
    'two hosts': 'Host: localhost\r\nHost: attacker.example\r\nContent-Type: application/json\r\n',
    'the same host twice': 'Host: localhost\r\nHost: localhost\r\nContent-Type: application/json\r\n',
    'two content types': 'Host: localhost\r\nContent-Type: application/json\r\nContent-Type: text/plain\r\n',
    'no host': 'Content-Type: application/json\r\n',
  })) {
    it(`S11: ${what}`, async () => {
      const body = noteFrame('{"text":"twice"}')
      const routed = Object.entries(modernHeaders('tools/call', { name: 'note' })).map(([k, v]) => `${k}: ${v}\r\n`)
      const sent = `POST /mcp/desk HTTP/1.1\r\n${lines}${routed.join('')}Content-Length: ${body.length}\r\n\r\n${body}`
      const said = await new Promise<string>((resolve) => {
        const socket = connect(cell.port, '127.0.0.1')
        socket.write(sent)
        socket.once('data', (bytes: Buffer) => {
          resolve(bytes.toString())
          socket.destroy()
        })
      })
      assert.match(said, /^HTTP\/1\.1 4(?:03|15) /)
      assert.ok(upstream.calls.every(({ args }) => args.text !== 'twice'))
    })
  }
})

describe('S11: what the schema does not declare is refused', () => {
  const UNDECLARED: Readonly<Record<string, JsonObject>> = {
    'a further argument': { text: 'x', bcc: 'y' },
    'a further argument within': { to: { account: 'a', bcc: 'y' } },
    '__entity in the arguments': { __entity: { type: 'Agent', id: 'root' } },
    '__entity within': { to: { __entity: { type: 'Agent', id: 'root' } } },
    '__extn in the arguments': { __extn: { fn: 'unknown', arg: 'x' } },
    '__expr in the arguments': { __expr: 'principal' },
    'a value of another type': { text: 1 },
  }
  for (const [what, args] of Object.entries(UNDECLARED)) {
    it(`S11: ${what}`, async () => {
      const reply = await call(url, 'note', args)
      assert.equal(errorOf(reply)?.code, -32602)
      const reference = /a_[0-9a-z]{20}/.exec(errorOf(reply)?.message ?? '')?.[0]
      const told = await gateway.entries((all) =>
        all.some((e) => e.kind === 'action.refused' && e.action === reference),
      )
      const refused = told.find((entry) => entry.kind === 'action.refused' && entry.action === reference)
      assert.match(JSON.stringify(refused), /"kind":"arguments"/)
    })
  }

  for (const member of ['inputResponses', 'requestState', 'task', 'cursor']) {
    it(`S11: "${member}" beside the arguments`, async () => {
      const reply = await modern(url, 'tools/call', { name: 'note', arguments: {}, [member]: {} })
      assert.equal(errorOf(reply)?.code, -32602)
    })
  }

  it('S11: in a session as well', async () => {
    const headers = await initialize(url)
    const reply = await post(url, rpc('tools/call', { name: 'note', arguments: { bcc: 'x' } }), { headers })
    assert.equal(errorOf(reply)?.code, -32602)
  })
})

describe('S17: a frame has a limit', () => {
  it('S17: a frame that declares 100 MB is refused before it is read', async () => {
    const before = residentMiB(gateway.gatewayPid)
    const sent = await stream(100 * MIB, { 'content-length': String(100 * MIB) })
    assert.ok(sent.status === 413 || sent.status === 'cut', String(sent.status))
    // What the kernel holds between the two counts as taken here.
    assert.ok(sent.taken < 32 * MIB, `${sent.taken} bytes were taken`)
    assert.ok(residentMiB(gateway.gatewayPid) - before < 32)
  })

  it('S17: a frame of 100 MB that declares nothing is cut at its limit', async () => {
    const before = residentMiB(gateway.gatewayPid)
    const sent = await stream(100 * MIB, {})
    assert.ok(sent.status === 413 || sent.status === 'cut', String(sent.status))
    // What the kernel holds between the two counts as taken here.
    assert.ok(sent.taken < 32 * MIB, `${sent.taken} bytes were taken`)
    assert.ok(residentMiB(gateway.gatewayPid) - before < 32)
  })

  it('S17: the largest frame that is allowed is taken, and one byte more is not', async () => {
    const most = noteFrame('{"bcc":""}')
    const padded = noteFrame(`{"bcc":"${'x'.repeat(MIB - most.length)}"}`)
    assert.equal(errorOf(await send(padded))?.code, -32602)
    assert.equal((await send(`${padded} `)).status, 413)
  })

  it('S17: headers past their limit are refused', async () => {
    assert.equal((await send(noteFrame('{"text":"x"}'), { 'x-filler': 'x'.repeat(20_000) })).status, 431)
  })
})

describe('S11: HTTP itself', () => {
  const RAW: Readonly<Record<string, string>> = {
    'what is not HTTP': 'HELO desk\r\n\r\n',
    'two lengths': `POST /mcp/desk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\n{}}`,
    'a length and chunks': `POST /mcp/desk HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'no host': `POST /mcp/desk HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}`,
    'a folded header': `POST /mcp/desk HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`,
  }
  for (const [what, bytes] of Object.entries(RAW)) {
    it(`S11: ${what}`, async () => {
      const reply = await raw(bytes)
      assert.match(reply, /^(?:HTTP\/1\.1 (?:400|403|415) .*|)$/m)
      assert.doesNotMatch(reply, /^HTTP\/1\.1 2/m)
    })
  }
  it('S1: a listener is no proxy: CONNECT and foreign URLs lead nowhere', async () => {
    assert.doesNotMatch(await raw('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n'), /^HTTP\/1\.1 2/m)
    const foreign = `GET ${upstream.url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`
    assert.doesNotMatch(await raw(foreign), /^HTTP\/1\.1 2/m)
  })
})

it('S11: of all these frames none has left, and the neighbour is served', async () => {
  assert.equal(textOf(await call(neighbour.url('desk'), 'note', { text: 'last' })), 'noted last')
  assert.deepEqual(
    upstream.calls.map(({ args }) => args.text),
    ['first', 'last'],
  )
  const entries = await gateway.entries((all) => all.filter(({ kind }) => kind === 'action.outcome').length === 2)
  assert.equal(entries.filter(({ kind }) => kind === 'action.intent').length, 2)
})

const MIB = 1_048_576

interface Streamed {
  readonly status: number | 'cut'
  /** Bytes that the gateway's side took off our hands. */
  readonly taken: number
}

/** Sends as fast as the gateway takes, and stops when it is told to; `cut` where its answer is lost in our own flood. */
function stream(bytes: number, headers: Readonly<Record<string, string>>): Promise<Streamed> {
  return new Promise((resolve) => {
    const chunk = Buffer.alloc(65_536, 0x20)
    let taken = 0
    const options = {
      method: 'POST',
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    } as const
    const outgoing = request(url, options)
    const end = (status: Streamed['status']) => {
      outgoing.destroy()
      resolve({ status, taken })
    }
    outgoing.on('response', (response) => end(response.statusCode ?? 0))
    outgoing.on('error', () => end('cut'))
    const write = () => {
      while (taken < bytes && !outgoing.destroyed) {
        taken += chunk.length
        if (!outgoing.write(chunk)) return void outgoing.once('drain', write)
      }
    }
    write()
  })
}

function raw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(cell.port, '127.0.0.1', () => socket.write(bytes))
    socket.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
    })
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

it('an upstream may have any name: what is no path of ours is told by none', async () => {
  assert.equal(textOf(await call(cell.url('none'), 'note', { text: 'here' })), 'noted here')
  assert.equal((await post(new URL('/mcp/no/such', url).href, '{}')).status, 404)
})

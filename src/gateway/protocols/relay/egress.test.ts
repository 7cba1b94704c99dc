import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { listener } from '../../../../test/kit/listener.ts'
import { LIMITS, no } from '../../../model/index.ts'
import { openWayOut } from '../../inspect-main.ts'
import { Egress } from './egress.ts'
import type { Wanted } from './way.ts'

const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
})

/** Answers with the head of what it was sent. */
async function origin(): Promise<{ readonly port: number; readonly sockets: readonly Socket[] }> {
  const sockets: Socket[] = []
  const server = createTcp((socket) => {
    sockets.push(socket.on('error', () => undefined))
    let head = ''
    socket.on('data', (chunk: Buffer) => {
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      const said = ['HTTP/1.1 200 OK', 'Connection: X-Mine, close', 'X-Mine: hop', 'X-Kept: end', 'Content-Length: 0']
      socket.end(`${said.join('\r\n')}\r\nX-Head: ${Buffer.from(head).toString('base64')}\r\n\r\n`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, sockets } // it listens on a port
}

function proxied(origins: readonly string[], addresses: readonly string[] = [], elsewhere: readonly string[] = []) {
  const { port, fd } = listener()
  const tried: (readonly [string, string | undefined])[] = []
  const asked: string[] = []
  const passed: Awaited<ReturnType<Wanted['pass']>>[] = []
  const door: { shut?: string | undefined; ready?: Promise<void>; bytesMax?: number } = {}
  const egress = new Egress({
    listener: fd,
    origins,
    elsewhere,
    way: {
      go: async ({ place, asked: text, unfit, resolve, pass }) => {
        const named = place?.name ?? text
        await door.ready
        const problem = place === undefined ? 'it is not in the environment’s egress' : (unfit ?? door.shut)
        const found = problem === undefined ? await resolve() : no(problem)
        tried.push([named, found.ok ? undefined : found.reason])
        if (!found.ok) return { kind: 'refused' }
        const ended = await pass(found.value, {
          lastCheck: () => door.shut,
          signal: new AbortController().signal,
          ...(door.bytesMax !== undefined && { bytesMax: door.bytesMax }),
        })
        passed.push(ended)
        return { kind: 'went' }
      },
    },
    resolve: (host) => {
      asked.push(host)
      return Promise.resolve(addresses)
    },
  })
  closing.push(() => egress.close())
  return { port, tried, asked, egress, door, passed }
}

/** Returns the answer to these lines; empty where the connection is closed without a word. */
function raw(port: number, ...lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(`${lines.join('\r\n')}\r\n\r\n`))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(text))
  })
}

const headIn = (answer: string) =>
  Buffer.from(/X-Head: (\S+)/.exec(answer)?.[1] ?? '', 'base64')
    .toString()
    .split('\r\n')

describe('S6: the way out of a relay', () => {
  it('a name that leads to an address which another environment has written down goes nowhere', async () => {
    const { port, tried } = proxied(['http://api.example'], ['8.8.8.8'], ['8.8.8.8:80'])
    assert.match(await raw(port, 'GET http://api.example/ HTTP/1.1', 'Host: api.example'), /^HTTP\/1.1 403/)
    assert.deepEqual(tried, [['api.example:80', 'it leads to 8.8.8.8:80, which belongs to another environment']])
  })

  it('the same for a relay that is only asked what it offers, and whoever asked is told of it', async () => {
    const { port, fd } = listener()
    const refused = new Map<string, string>()
    const declared = { egress: ['http://api.example'], elsewhere: ['8.8.8.8:80'] }
    const egress = openWayOut(declared, fd, refused, async () => ['8.8.8.8'])
    closing.push(() => egress.close())
    assert.match(await raw(port, 'GET http://api.example/ HTTP/1.1', 'Host: api.example'), /^HTTP\/1.1 403/)
    assert.deepEqual([...refused], [['api.example:80', 'it leads to 8.8.8.8:80, which belongs to another environment']])
  })

  it('a request goes to the place in its first line, with the headers that are not between hops', async () => {
    const { port } = await origin()
    const proxy = proxied([`http://127.0.0.1:${port}`])
    const answer = await raw(
      proxy.port,
      `GET http://127.0.0.1:${port}/a?b=c HTTP/1.1`,
      'Host: production.example',
      'Proxy-Authorization: Basic eA==',
      'Connection: X-Hop, close',
      'X-Hop: 1',
      'Upgrade: h2c',
      'Authorization: Bearer t',
      'Cookie: a',
      'Cookie: b',
    )
    const sent = headIn(answer).filter((line) => line !== '')
    assert.deepEqual(sent, [
      'GET /a?b=c HTTP/1.1',
      'Authorization: Bearer t',
      'Cookie: a',
      'Cookie: b',
      `Host: 127.0.0.1:${port}`,
      'Connection: close',
    ])
    assert.match(answer, /^HTTP\/1\.1 200[\s\S]*X-Kept: end/)
    assert.doesNotMatch(answer, /X-Mine/)
    assert.deepEqual(proxy.tried, [[`127.0.0.1:${port}`, undefined]])
  })

  it('everything else is refused and told, and asks no resolver', async () => {
    const { port, sockets } = await origin()
    const proxy = proxied([`http://127.0.0.1:${port}`, 'https://api.example'])
    for (const authority of [
      `127.0.0.1:${port + 1}`,
      `127.0.0.2:${port}`,
      `localhost:${port}`,
      `127.0.0.1:${port}@evil.example:80`,
      `evil.example:${port}`,
      'api.example.evil.example:443',
      'api.example:80',
      'api.example:443/',
      'api.example:443#',
      '',
      '[::1',
    ]) {
      assert.match(
        await raw(proxy.port, `CONNECT ${authority} HTTP/1.1`, 'Host: x'),
        /^HTTP\/1\.1 (403|400)/,
        authority,
      )
    }
    for (const url of ['http://api.example/', 'https://api.example/', `ftp://127.0.0.1:${port}/`, '/', '*']) {
      assert.match(await raw(proxy.port, `GET ${url} HTTP/1.1`, `Host: 127.0.0.1:${port}`), /^HTTP\/1\.1 403/, url)
    }
    assert.ok(proxy.tried.every(([, problem]) => problem === 'it is not in the environment’s egress'))
    assert.deepEqual([sockets.length, proxy.asked], [0, []])
  })

  it('a name that leads to a private address, or to this host, leads nowhere', async () => {
    const inner = [
      '127.0.0.1 10.0.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255',
      '168.63.129.16 64:ff9b:1::a3f:8110 2002:a83f:8110::',
      '::1 :: fd00::1 fe80::1 ff02::1 ::ffff:127.0.0.1 ::ffff:8.8.8.8 64:ff9b::7f00:1 2002:7f00:1:: 2001::1 2001:db8::1',
    ].flatMap((line) => line.split(' '))
    const { port, tried, asked } = proxied(['https://api.example'], inner)
    assert.match(await raw(port, 'CONNECT api.example:443 HTTP/1.1', 'Host: x'), /^HTTP\/1\.1 403/)
    assert.deepEqual([tried, asked], [[['api.example:443', 'it has no public address']], ['api.example']])
    for (const address of inner) {
      const one = proxied(['http://api.example'], [address])
      assert.match(await raw(one.port, 'GET http://API.example:80/ HTTP/1.1', 'Host: x'), /^HTTP\/1\.1 403/, address)
    }
  })

  it('S17: more connections than a relay may have are dropped, and all end with it', async () => {
    const silent = createServer()
    silent.listen(0, '127.0.0.1')
    await once(silent, 'listening')
    closing.push(
      () => silent.closeAllConnections(),
      () => silent.close(),
    )
    const at = `127.0.0.1:${(silent.address() as AddressInfo).port}` // it listens on a port
    const { port, egress } = proxied([`http://${at}`])
    const tunnel = () =>
      new Promise<string>((resolve) => {
        const asked = request({ port, host: '127.0.0.1', method: 'CONNECT', path: at, agent: false })
        asked.once('connect', ({ statusCode }, socket) => {
          socket.on('error', () => undefined).once('close', () => ended++)
          socket.resume()
          resolve(String(statusCode))
        })
        asked.once('error', () => resolve('dropped'))
        asked.end()
      })
    let ended = 0
    const results = await Promise.all(Array.from({ length: LIMITS.egressConnectionsMax + 6 }, tunnel))
    assert.equal(results.filter((result) => result === '200').length, LIMITS.egressConnectionsMax)
    assert.equal(results.filter((result) => result === 'dropped').length, 6)
    egress.close()
    while (ended < LIMITS.egressConnectionsMax) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(await raw(port, `CONNECT ${at} HTTP/1.1`), '')
  })

  it('what frames a request is ours, whatever the relay wrote', async () => {
    const { port } = await origin()
    const { port: proxy } = proxied([`http://127.0.0.1:${port}`])
    const at = `http://127.0.0.1:${port}/`
    const evil = 'POST /admin HTTP/1.1\r\nHost: other.example\r\nContent-Length: 0\r\n\r\n'
    const chunked = `${evil.length.toString(16)}\r\n${evil}\r\n0`
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const answer = await raw(proxy, `${method} ${at} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked', '', chunked)
      assert.match(answer, /^HTTP\/1\.1 4\d\d/, method)
    }
    for (const [name, head] of [
      ['HTTP/1.0', [`GET ${at} HTTP/1.0`, 'Host: x']],
      ['no host', [`GET ${at} HTTP/1.1`]],
      ['two codings', [`POST ${at} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: gzip, chunked', '', '0', '']],
      [
        'a coding and a length',
        [`POST ${at} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked', 'Content-Length: 5', '', '0', ''],
      ],
      ['two lengths', [`POST ${at} HTTP/1.1`, 'Host: x', 'Content-Length: 5', 'Content-Length: 6', '', 'abcdef']],
      ['a length that is no number', [`POST ${at} HTTP/1.1`, 'Host: x', 'Content-Length: +1', '', 'a']],
      ['a body of GET', [`GET ${at} HTTP/1.1`, 'Host: x', `Content-Length: ${evil.length}`, '', evil]],
      ['a body of HEAD', [`HEAD ${at} HTTP/1.1`, 'Host: x', `Content-Length: ${evil.length}`, '', evil]],
      ['a body of CONNECT', [`CONNECT 127.0.0.1:${port} HTTP/1.1`, 'Host: x', 'Content-Length: 4', '', 'abcd']],
      [
        'a coding of CONNECT',
        [`CONNECT 127.0.0.1:${port} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked', '', '0', ''],
      ],
      ['an upgrade', [`GET ${at} HTTP/1.1`, 'Host: x', 'Connection: upgrade', 'Upgrade: websocket']],
      ['a header with a control', [`GET ${at} HTTP/1.1`, 'Host: x', 'X-A: a\x01b\x7f']],
      ['a header over two lines', [`GET ${at} HTTP/1.1`, 'Host: x', 'X-A: b', ' Transfer-Encoding: chunked']],
    ] as const) {
      const answer = await raw(proxy, ...head)
      if (answer.startsWith('HTTP/1.1 200'))
        assert.deepEqual(headIn(answer).slice(1, 2), ['X-A: b Transfer-Encoding: chunked'], name)
      else assert.match(answer, /^(HTTP\/1\.1 [45]\d\d|$)/, name)
    }
  })

  it('headers that could be read as framing do not travel, and a body has a framing of its own', async () => {
    const { port } = await origin()
    const { port: proxy } = proxied([`http://127.0.0.1:${port}`])
    const sent = async (...lines: readonly string[]) => {
      const head = [`POST http://127.0.0.1:${port}/ HTTP/1.1`, 'Host: x', 'Connection: close']
      const got = headIn(await raw(proxy, ...head, ...lines))
      return got.slice(0, got.indexOf(''))
    }
    const ours = ['POST / HTTP/1.1', `Host: 127.0.0.1:${port}`, 'Connection: close']
    const alike = ['Content_Length: 9', 'Transfer_Encoding: chunked', 'T.E: x', 'Proxy_Connection: x', 'Hos_t: y']
    const counted = await sent('Content-Length: 3', ...alike, 'TE: trailers', 'Expect: 100-continue', '', 'abc')
    assert.deepEqual(counted, [...ours, 'Content-Length: 3'])
    const chunks = await sent('Transfer-Encoding: chunked', 'Trailer: Host', '', '3;x=y', 'abc', '0', 'Host: evil')
    assert.deepEqual(chunks, [...ours, 'Transfer-Encoding: chunked'])
    assert.deepEqual(await sent(), [...ours, 'Content-Length: 0'])
  })

  it('one request of a connection is under way: who sends the next before has none answered', async () => {
    const { port, sockets } = await origin()
    const { port: proxy } = proxied([`http://127.0.0.1:${port}`])
    const one = `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`
    assert.equal(await raw(proxy, one.repeat(3_000)), '')
    assert.ok(sockets.length <= 1)
  })

  it('what an origin answers that cannot be written again ends that request, and nothing else', async () => {
    for (const answer of ['HTTP/1.1 099 Odd', 'HTTP/1.1 101 Switching', 'HTTP/1.1 200 OK\r\nX: \x01\x02']) {
      const odd = createTcp((socket) => {
        socket.on('error', () => undefined).once('data', () => socket.end(`${answer}\r\nContent-Length: 0\r\n\r\n`))
      })
      odd.listen(0, '127.0.0.1')
      await once(odd, 'listening')
      closing.push(() => odd.close())
      const at = `127.0.0.1:${(odd.address() as AddressInfo).port}` // it listens on a port
      const { port } = proxied([`http://${at}`])
      assert.doesNotMatch(
        await raw(port, `GET http://${at}/ HTTP/1.1`, 'Host: x', 'Connection: close'),
        /^HTTP\/1\.1 2/,
      )
    }
  })

  /** A tunnel that stands, to an origin that keeps what it gets. */
  async function tunnel(bytesMax?: number) {
    let got = ''
    const far = createTcp((socket) => {
      socket
        .on('error', () => undefined)
        .on('data', (chunk: Buffer) => {
          got += chunk.toString()
          socket.write('heard')
        })
    })
    far.listen(0, '127.0.0.1')
    await once(far, 'listening')
    closing.push(() => far.close())
    const at = `127.0.0.1:${(far.address() as AddressInfo).port}` // it listens on a port
    const proxy = proxied([`http://${at}`])
    if (bytesMax !== undefined) proxy.door.bytesMax = bytesMax
    const asked = request({ port: proxy.port, host: '127.0.0.1', method: 'CONNECT', path: at, agent: false }).end()
    const [, socket] = (await once(asked, 'connect')) as [unknown, Socket]
    socket.on('error', () => undefined)
    const ended = once(socket, 'close')
    socket.write('first')
    await once(socket, 'data')
    return { ...proxy, at, socket, ended, got: () => got }
  }

  it('S4: in a tunnel that stands, each piece is asked for: where nothing may leave, none does, and it ends', async () => {
    const { door, socket, ended, got, tried, at, passed } = await tunnel()
    door.shut = 'the witness is away'
    socket.write('second')
    await ended
    assert.equal(got(), 'first')
    assert.deepEqual(tried, [[at, undefined]])
    assert.deepEqual(passed, [
      { kind: 'passed', passed: { sent: 5, received: 5 }, counted: { bytes: 10 }, why: 'the witness is away' },
    ])
  })

  it('S7: EG5: of more bytes than were reserved, both ways, the first piece too many is cut and not counted', async () => {
    const { socket, ended, got, passed } = await tunnel(17)
    socket.write('second')
    await ended
    // 5 and 6 bytes left, 5 came back: the 5 that were too many have not passed.
    assert.equal(got(), 'firstsecond')
    const [passage] = passed
    assert.ok(passage?.kind === 'passed')
    assert.deepEqual([passage.passed, passage.counted], [{ sent: 11, received: 5 }, { bytes: 16 }])
    assert.match(passage.why ?? '', /more would pass than was reserved/)
  })

  it('a relay that asks before the cell that it serves is there is answered by the rules of then', async () => {
    const { port } = await origin()
    const { port: proxy, door, tried } = proxied([`http://127.0.0.1:${port}`])
    const { promise, resolve } = Promise.withResolvers<void>()
    door.ready = promise
    door.shut = 'no cell that it serves is here'
    const answer = raw(proxy, `GET http://127.0.0.1:${port}/ HTTP/1.1`, 'Host: x', 'Connection: close')
    await delay(50)
    door.shut = undefined
    resolve()
    assert.match(await answer, /^HTTP\/1\.1 200/)
    assert.deepEqual(tried, [[`127.0.0.1:${port}`, undefined]])
  })

  it('S8: one that says nothing is cut by who orders it, and the next is asked for anew', async () => {
    const { egress, ended, door, port, at } = await tunnel()
    door.shut = 'the cell is quarantined'
    egress.cut('an order')
    await ended
    assert.match(await raw(port, `CONNECT ${at} HTTP/1.1`), /^HTTP\/1\.1 403/)
  })

  it('S4: no request leaves on a connection that was let through before', async () => {
    const { port, sockets } = await origin()
    const { port: proxy, door } = proxied([`http://127.0.0.1:${port}`])
    const socket = connect(proxy, '127.0.0.1').on('error', () => undefined)
    const head = `GET http://127.0.0.1:${port}/ HTTP/1.1\r\nHost: x\r\n\r\n`
    socket.write(head)
    const [first] = (await once(socket, 'data')) as [Buffer]
    assert.match(first.toString(), /^HTTP\/1\.1 200/)
    door.shut = 'the budgets of its cell are used up'
    socket.write(head)
    const [second] = (await once(socket, 'data')) as [Buffer]
    assert.match(second.toString(), /^HTTP\/1\.1 403/)
    assert.equal(sockets.length, 1)
    socket.destroy()
  })

  it('S17: a relay that sends faster than its origin reads waits for it, and is cut with all that waits', async () => {
    let far: Socket | undefined
    const slow = createTcp((socket) => {
      far = socket.pause()
    })
    slow.listen(0, '127.0.0.1')
    await once(slow, 'listening')
    closing.push(() => slow.close())
    const at = `127.0.0.1:${(slow.address() as AddressInfo).port}` // it listens on a port
    const { port, egress } = proxied([`http://${at}`])
    const socket = connect(port, '127.0.0.1').on('error', () => undefined)
    socket.write(`POST http://${at}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n`)
    const piece = Buffer.alloc(1_048_576)
    let sent = 0
    // What the kernel and both streams hold is some megabytes; what the egress would hold is all of it.
    while (sent < 64 && socket.write(piece)) sent++
    while (sent < 64) {
      const drained = await Promise.race([once(socket, 'drain').then(() => true), delay(500).then(() => false)])
      if (!drained) break
      sent++
      socket.write(piece)
    }
    assert.ok(sent < 40, `${sent} MiB were taken`)
    // S8: of what the kernel has not sent when the way is cut, nothing follows.
    const reset = new Promise((resolve) =>
      far?.once('error', resolve).once('end', () => resolve('it was sent to its end')),
    )
    egress.cut('an order')
    far?.resume()
    assert.equal(await reset.then((why) => (why instanceof Error && 'code' in why ? why.code : why)), 'ECONNRESET')
    socket.destroy()
    egress.close()
  })
})

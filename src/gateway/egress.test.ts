import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { type AddressInfo, connect, createServer as createTcp, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { listener } from '../../test/kit/listener.ts'
import { LIMITS } from '../model/index.ts'
import { Egress } from './egress.ts'

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

function proxied(origins: readonly string[], addresses: readonly string[] = []) {
  const { port, fd } = listener()
  const tried: (readonly [string, string | undefined])[] = []
  const asked: string[] = []
  const egress = new Egress({
    listener: fd,
    origins,
    onTried: (place, problem) => tried.push([place, problem]),
    resolve: (host) => {
      asked.push(host)
      return Promise.resolve(addresses)
    },
  })
  closing.push(() => egress.close())
  return { port, tried, asked, egress }
}

/** What comes back for these lines; empty where the connection is closed without a word. */
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

  it('everything else is refused, told once, and asks no resolver', async () => {
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
    const before = proxy.tried.length
    await raw(proxy.port, `CONNECT 127.0.0.2:${port} HTTP/1.1`, 'Host: x')
    assert.equal(proxy.tried.length, before)
    assert.ok(proxy.tried.every(([, problem]) => problem === 'it is not in the environment’s egress'))
    assert.deepEqual([sockets.length, proxy.asked], [0, []])
  })

  it('a name that leads to a private address, or to this host, leads nowhere', async () => {
    const inner = [
      '127.0.0.1 10.0.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 0.0.0.0 224.0.0.1 255.255.255.255',
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

  it('S17: more connections than a relay may have are dropped, and all end with it', { timeout: 10_000 }, async () => {
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
})

import assert from 'node:assert/strict'
import { connect as connectHttp2 } from 'node:http2'
import { request as requestTls } from 'node:https'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import { listener, listening } from '../../../test/kit/listener.ts'
import { makeCertificate } from '../../../test/kit/make-certificate.ts'
import { until } from '../../../test/kit/until.ts'
import { request } from '../../model/host/node-http.ts'
import { ok } from '../../model/index.ts'
import { WebDoor } from './door.ts'
import { CellNames } from './names.ts'
import type { WebRequest } from './web-request.ts'

const authority = makeCertificate({ name: 'cell', isAuthority: true })
const leaves = new Map<string, ReturnType<typeof makeCertificate>>()
function leaf(host: string) {
  const names = [/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`]
  const made = leaves.get(host) ?? makeCertificate({ name: host, by: authority, names })
  leaves.set(host, made)
  return ok({ certificate: made.pem, key: made.key })
}

/** Addresses of loopback stand for those that a cell's names have. */
const NAMES: Readonly<Record<string, string>> = { '127.0.0.2': 'api.example', '127.0.0.3': 'other.example' }
const taken: WebRequest[] = []
const unfit: string[] = []
const door = new WebDoor({
  names: { answer: (question) => new CellNames(0).answer(question), nameOf: (address) => NAMES[address] },
  leaf,
  onUnfit: (place, problem) => void unfit.push(`${place}: ${problem}`),
  onRequest: (asked, reply) => {
    taken.push(asked)
    let length = 0
    asked.body.on('data', (piece: Buffer) => {
      length += piece.length
    })
    asked.body.once('end', () => {
      reply.begin(200, [['x-got', String(length)]])
      reply.write(Buffer.from(`${asked.method} ${asked.target}`))
      reply.end()
    })
  },
})
const { port, fd } = listener()
const others = [2, 3, 4].map((last) => listening(port, last))
await door.listen([fd, ...others].map((each) => ({ transport: 'tcp', port, fd: each })))
after(() => door.close())

interface Told {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** Asks over HTTP/1.1, in TLS where it is `https`. */
function ask(
  url: string,
  options: { readonly host?: string; readonly servername?: string; readonly body?: string } = {},
): Promise<Told> {
  const { protocol, hostname, pathname, search } = new URL(url)
  const { host = NAMES[hostname] ?? hostname, body, servername } = options
  const headers = { host: `${host}:${port}`, ...(body !== undefined && { 'content-length': body.length }) }
  const name = servername ?? NAMES[hostname]
  const tls = { ca: authority.pem, ...(name !== undefined && { servername: name }) }
  return new Promise((resolve, reject) => {
    const make = protocol === 'https:' ? requestTls : request
    const asked = make(
      {
        host: hostname,
        port,
        path: pathname + search,
        method: body === undefined ? 'GET' : 'POST',
        headers,
        agent: false,
        ...tls,
      },
      (answer) => {
        let text = ''
        answer.on('data', (piece: Buffer) => {
          text += piece
        })
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }))
      },
    )
    asked.once('error', reject)
    asked.end(body)
  })
}

/** Sends bytes, and resolves with what came until the connection was closed. */
function raw(bytes: string | Buffer, host = '127.0.0.2'): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect({ host, port }, () => socket.write(bytes))
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
    })
    socket.on('error', () => undefined)
    socket.once('close', () => resolve(text))
  })
}

describe('the door of a cell to the web', () => {
  it('takes what was dialled by its name, with and without TLS', async () => {
    taken.length = 0
    assert.deepEqual((await ask('http://127.0.0.2/a?b=c')).text, 'GET /a?b=c')
    const posted = await ask('https://127.0.0.2/a', { body: 'x'.repeat(100_000) })
    assert.deepEqual([posted.status, posted.headers['x-got']], [200, '100000'])
    assert.equal((await ask('https://127.0.0.1/')).text, 'GET /')
    assert.deepEqual(
      taken.map(({ place }) => place),
      [
        { scheme: 'http', host: 'api.example', port },
        { scheme: 'https', host: 'api.example', port },
        { scheme: 'https', host: '127.0.0.1', port },
      ],
    )
    assert.deepEqual([taken[1]?.length, taken[1]?.hasBody, taken[0]?.hasBody], [100_000, true, false])
    assert.equal(taken[0]?.headers.find(([name]) => name === 'host')?.[1], `api.example:${port}`)
  })

  it('speaks HTTP/2 inside of TLS', async () => {
    taken.length = 0
    const session = connectHttp2(`https://127.0.0.2:${port}`, { ca: authority.pem, servername: 'api.example' })
    const answers = await Promise.all(
      ['api.example', 'other.example'].map((name, i) => {
        const stream = session.request({ ':path': '/x', ':method': 'POST', ':authority': `${name}:${port}` })
        stream.end('y'.repeat(i + 1))
        return new Promise<string>((resolve) => {
          let text = ''
          stream.once('response', (headers) => {
            text = `${headers[':status']} `
          })
          stream.on('data', (piece) => {
            text += piece
          })
          stream.once('close', () => resolve(text))
        })
      }),
    )
    session.close()
    assert.equal(answers[0], '200 POST /x')
    assert.match(
      answers[1] ?? '',
      /^421 refused by Firebreak: it was dialled as api\.example:\d+, names api\.example in TLS, and asks for other\.example/,
    )
    assert.deepEqual(
      taken.map(({ place }) => place),
      [{ scheme: 'https', host: 'api.example', port }],
    )
  })

  it('answers 421 where the name that was dialled, that of TLS and that of the request are not one', async () => {
    taken.length = 0
    unfit.length = 0
    const all = [
      await ask('http://127.0.0.2/', { host: 'other.example' }),
      await ask('https://127.0.0.2/', { host: 'other.example' }),
      await ask('https://127.0.0.2/', { host: 'other.example', servername: 'other.example' }),
      await ask('https://127.0.0.2/', { host: 'api.example', servername: 'other.example' }),
      await ask('http://127.0.0.2/', { host: '127.0.0.2' }),
      await ask('http://127.0.0.4/', { host: 'api.example' }),
      await ask('http://127.0.0.2/', { host: 'api.example.' }),
      await ask('http://127.0.0.2/', { host: 'api.example:80' }),
    ]
    assert.deepEqual(
      all.map(({ status }) => status),
      all.map(() => 421),
    )
    assert.deepEqual(taken, [])
    assert.equal(unfit.length, all.length)
    const upper = await ask('http://127.0.0.2/', { host: 'API.example' })
    assert.equal(upper.status, 200)
  })

  it('cuts what is neither TLS nor HTTP, and what asks twice before it has read', async () => {
    unfit.length = 0
    taken.length = 0
    assert.match(await raw('\0\0\0\0'), /^HTTP\/1\.1 400|^$/)
    assert.equal(await raw(Buffer.from([22, 3, 1, 0, 4, 9, 0, 0, 0])), '')
    const problems = ['it cannot be read (HPE_INVALID_METHOD)', 'it does not begin as a client does']
    assert.deepEqual(
      unfit,
      problems.map((problem) => `api.example:${port}: ${problem}`),
    )
    const one = `GET / HTTP/1.1\r\nhost: api.example:${port}\r\n\r\n`
    await raw(one.repeat(5_000))
    assert.ok(taken.length <= 1, `${taken.length}`)
  })

  it('headers that are longer than they may be are refused', async () => {
    taken.length = 0
    const head = (bytes: number) =>
      `GET / HTTP/1.1\r\nhost: api.example:${port}\r\nconnection: close\r\na: ${'x'.repeat(bytes)}\r\n\r\n`
    assert.match(await raw(head(30_000)), /^HTTP\/1\.1 200/)
    assert.match(await raw(head(34_000)), /^HTTP\/1\.1 431/)
    assert.equal(taken.length, 1)
  })

  it('has room for so many connections of a cell, and for more when they have gone', async () => {
    const sockets = Array.from({ length: 300 }, () => connect({ host: '127.0.0.2', port }).on('error', () => undefined))
    await until(
      'the last ones are closed',
      () => sockets.filter((socket) => socket.destroyed || socket.closed).length >= 44,
    )
    for (const socket of sockets) socket.destroy()
    await until('there is room', async () => (await ask('http://127.0.0.2/').catch(() => undefined))?.status === 200)
  })
})

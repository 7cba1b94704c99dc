import assert from 'node:assert/strict'
import { connect as connectHttp2, type OutgoingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { after, describe, it } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { listener } from '../../../test/kit/listener.ts'
import { makeCertificate } from '../../../test/kit/make-certificate.ts'
import { cleanUp } from '../../../test/kit/temporary.ts'
import { until } from '../../../test/kit/until.ts'
import { LIMITS, ok } from '../../model/index.ts'
import { WebDoor } from './door.ts'
import { CellNames } from './names.ts'
import type { WebReply, WebRequest } from './web-request.ts'

const authority = makeCertificate({ name: 'cell', isAuthority: true })
const made = makeCertificate({ name: 'api.example', by: authority, names: ['DNS:api.example'] })
const taken: WebRequest[] = []
const unfit: string[] = []

type Taker = (asked: WebRequest, reply: WebReply) => void
const answering: Taker = (asked, reply) => {
  asked.body.resume().once('end', () => {
    reply.begin(200, [])
    reply.end()
  })
}
let take: Taker = answering

async function opened(headMsMax?: number): Promise<number> {
  const door = new WebDoor({
    names: { answer: (question) => new CellNames(0).answer(question), nameOf: () => 'api.example' },
    leaf: () => ok({ certificate: made.pem, key: made.key }),
    onUnfit: (place, problem) => void unfit.push(`${place}: ${problem}`),
    onRequest: (asked, reply) => {
      taken.push(asked)
      take(asked, reply)
    },
    ...(headMsMax !== undefined && { headMsMax }),
  })
  const { port, fd } = listener()
  await door.listen([{ transport: 'tcp', port, fd }])
  after(() => door.close())
  return port
}

const port = await opened()
const TLS = { ca: authority.pem, servername: 'api.example' }

interface Heard {
  readonly text: string
  /** How the connection ended, where it did not end well. */
  readonly code: string | undefined
}

/** Sends bytes, and resolves with what came until the connection was closed. */
function raw(bytes: string, tls = false): Promise<Heard> {
  return new Promise((resolve) => {
    let text = ''
    let code: string | undefined
    const to = { host: '127.0.0.1', port }
    const socket = tls ? connectTls({ ...to, ...TLS }) : connect(to)
    socket.write(bytes, 'latin1')
    socket.on('data', (piece: Buffer) => {
      text += piece.toString('latin1')
    })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    socket.once('close', () => resolve({ text, code }))
  })
}

function session(to = port, settings = {}) {
  const begun = connectHttp2(`https://127.0.0.1:${to}`, { ...TLS, settings })
  begun.on('error', () => undefined)
  cleanUp(() => begun.destroy())
  return begun
}

/** Asks over HTTP/2, and returns the status and the code with which the stream was closed. */
function asked(begun: ReturnType<typeof session>, headers: OutgoingHttpHeaders): Promise<readonly [unknown, number]> {
  const authorized = { ':authority': `api.example:${port}`, ...headers }
  const path = headers[':method'] === 'CONNECT' ? {} : { ':path': '/' }
  const stream = begun.request({ ...path, ...authorized }, { endStream: true })
  let status: unknown
  stream.on('error', () => undefined)
  stream.once('response', (heard) => {
    status = heard[':status']
  })
  stream.resume()
  return new Promise((resolve) => stream.once('close', () => resolve([status, stream.rstCode ?? -1])))
}

function head(line: string, ...headers: readonly string[]): string {
  return `${[line, `host: api.example:${port}`, ...headers].join('\r\n')}\r\n\r\n`
}

const ODD: Readonly<Record<string, readonly [status: number, bytes: string]>> = {
  'HTTP/0.9': [400, head('GET / HTTP/0.9')],
  'no version': [400, 'GET /\r\n\r\n'],
  'another version': [400, head('GET / HTTP/1.2')],
  'HTTP/2 without TLS': [400, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'chunks in HTTP/1.0': [400, `${head('POST / HTTP/1.0', 'transfer-encoding: chunked')}1\r\nx\r\n0\r\n\r\n`],
  'a coding before chunks': [400, `${head('POST / HTTP/1.1', 'transfer-encoding: gzip, chunked')}0\r\n\r\n`],
  'a comma before chunks': [400, `${head('POST / HTTP/1.1', 'transfer-encoding: ,chunked')}0\r\n\r\n`],
  'chunks twice': [400, `${head('POST / HTTP/1.1', 'transfer-encoding: chunked, chunked')}0\r\n\r\n`],
  'a length and chunks': [
    400,
    `${head('POST / HTTP/1.1', 'content-length: 5', 'transfer-encoding: chunked')}0\r\n\r\n`,
  ],
  'two lengths': [400, `${head('POST / HTTP/1.1', 'content-length: 1', 'content-length: 1')}x`],
  'a length with zeros': [400, `${head('POST / HTTP/1.1', 'content-length: 001')}x`],
  'a length with a sign': [400, `${head('POST / HTTP/1.1', 'content-length: +1')}x`],
  'an underscore in a length': [400, head('POST / HTTP/1.1', 'content_length: 1')],
  'an underscore in a coding': [400, head('POST / HTTP/1.1', 'transfer_encoding: chunked')],
  'two hyphens in a length': [400, head('POST / HTTP/1.1', 'content--length: 1')],
  'a space before a colon': [400, head('POST / HTTP/1.1', 'content-length : 1')],
  'a folded header': [400, head('GET / HTTP/1.1', 'a: b\r\n c')],
  'line feeds alone': [400, head('GET / HTTP/1.1').replaceAll('\r', '')],
  'carriage returns alone': [400, head('GET / HTTP/1.1').replaceAll('\n', '')],
  'a NUL in a header': [400, head('GET / HTTP/1.1', 'a: \0')],
  'two hosts': [400, head('GET / HTTP/1.1', 'host: other.example')],
  'no host': [421, 'GET / HTTP/1.1\r\nconnection: close\r\n\r\n'],
  'a host with a user': [421, `GET / HTTP/1.1\r\nhost: a@api.example:${port}\r\nconnection: close\r\n\r\n`],
  'a host with controls': [421, `GET / HTTP/1.1\r\nhost: \x9b31m${'x'.repeat(9_000)}\r\nconnection: close\r\n\r\n`],
  'a tunnel': [405, head(`CONNECT api.example:${port} HTTP/1.1`)],
  'another protocol': [426, head('GET / HTTP/1.1', 'connection: upgrade', 'upgrade: websocket')],
  'another expectation': [417, head('GET / HTTP/1.1', 'expect: magic')],
}

describe('attacks on the door of a cell to the web', () => {
  for (const tls of [false, true])
    it(`WD4: what is read in two ways is refused, told, and the last of its connection${tls ? ', in TLS' : ''}`, async () => {
      const after = head('GET /after HTTP/1.1')
      for (const [name, [status, bytes]] of Object.entries(ODD)) {
        taken.length = 0
        unfit.length = 0
        const { text } = await raw(bytes + (status === 421 ? '' : after), tls)
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `), name)
        assert.equal(text.split('HTTP/1.1 ').length, 2, `${name}: ${text}`)
        assert.deepEqual(taken, [], name)
        assert.equal(unfit.length, 1, name)
        assert.match(unfit[0] ?? '', /^[\x20-\x7e]{1,500}$/, name)
      }
    })

  it('WD1: a request of HTTP/2 names one place, or goes nowhere', async () => {
    const begun = session()
    taken.length = 0
    assert.equal((await asked(begun, { ':authority': `u@api.example:${port}` }))[0], undefined)
    assert.equal((await asked(begun, { host: 'other.example' }))[0], 421)
    assert.equal((await asked(begun, { content_length: '3' }))[0], 400)
    assert.equal((await asked(begun, { expect: 'magic' }))[0], 417)
    assert.equal((await asked(begun, { ':method': 'CONNECT' }))[0], 405)
    assert.deepEqual(await asked(begun, { ':method': 'POST', 'content-length': '5' }), [undefined, 1])
    assert.deepEqual(taken, [])
    assert.deepEqual(await asked(begun, { host: `api.example:${port}` }), [200, 0])
  })

  it('an offer of HTTP/2 is let alone, and an expected go-ahead is given', async () => {
    taken.length = 0
    const offer = ['connection: upgrade, http2-settings, close', 'upgrade: h2c', 'http2-settings: AAA', 'host2: a']
    assert.match((await raw(head('GET / HTTP/1.1', ...offer))).text, /^HTTP\/1\.1 200/)
    const expecting = ['connection: close', 'expect: 100-continue', 'content-length: 1']
    assert.match((await raw(`${head('POST / HTTP/1.1', ...expecting)}x`)).text, /^HTTP\/1\.1 100 .*HTTP\/1\.1 200/s)
    assert.equal(taken.length, 2)
  })

  it('an answer that is cut can be told from a whole one, in every version', async () => {
    take = (_, reply) => {
      reply.begin(200, [])
      reply.write(Buffer.from('half'))
      setImmediate(() => reply.cut())
    }
    for (const tls of [false, true]) {
      assert.equal((await raw(head('GET / HTTP/1.0'), tls)).code, 'ECONNRESET')
      assert.doesNotMatch((await raw(head('GET / HTTP/1.1'), tls)).text, /0\r\n\r\n$/)
    }
    assert.equal((await asked(session(), {}))[1], 2)
    take = answering
  })

  it('whatever an origin answers with, whoever asked reads one answer', async () => {
    const begun = session()
    for (const status of [0, 50, 100, 101, 103, 199, 204, 205, 304, 404, Number.NaN])
      for (const method of ['GET', 'HEAD']) {
        take = (_, reply) => {
          if (!reply.begin(status, [['content-length', '3']])) return reply.refuse(502, 'no')
          reply.write(Buffer.from('abc'))
          reply.end()
        }
        const wanted = status >= 200 ? status : 502
        assert.deepEqual(await asked(begun, { ':method': method }), [wanted, 0], `${method} ${status}`)
        const { text } = await raw(head(`${method} / HTTP/1.1`, 'connection: close'))
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${wanted} `))
        if (status === 204) assert.doesNotMatch(text, /content-length/i)
      }
    take = answering
  })

  it('an answer that is long leaves nothing of each piece behind', async () => {
    let [listening, waited] = [0, 0]
    take = (_, reply) => {
      const { gone } = reply
      const [add, remove] = [gone.addEventListener.bind(gone), gone.removeEventListener.bind(gone)]
      gone.addEventListener = (...args: Parameters<typeof add>) => {
        listening++
        waited++
        add(...args)
      }
      gone.removeEventListener = (...args: Parameters<typeof remove>) => {
        listening--
        remove(...args)
      }
      reply.begin(200, [])
      let left = 100
      const more = () => {
        while (left-- > 0) if (!reply.write(Buffer.alloc(65_536))) return reply.drained(more)
        reply.end()
      }
      more()
    }
    await raw(head('GET / HTTP/1.1', 'connection: close'))
    take = answering
    assert.ok(waited > 10)
    assert.equal(listening, 0)
  })

  it('S17: WD5: so many requests are open, and one more cuts its connection', async () => {
    let [open, most] = [0, 0]
    take = (_, reply) => {
      most = Math.max(most, ++open)
      reply.gone.addEventListener('abort', () => open--)
      reply.refuse(403, 'x'.repeat(1_000))
    }
    // A window of zero: no answer of theirs is ever read.
    const sessions = Array.from({ length: 8 }, () => session(port, { initialWindowSize: 0 }))
    for (const each of sessions)
      for (let i = 0; i < 64; i++)
        each.request({ ':path': '/', ':authority': `api.example:${port}` }).on('error', () => undefined)
    await until('there is no more room', () => sessions.some((each) => each.closed || each.destroyed))
    assert.ok(most <= LIMITS.webRequestsOpenMax, `${most}`)
    for (const each of sessions) each.destroy()
    await until('all are gone', () => open === 0)
    take = answering
    assert.match((await raw(head('GET / HTTP/1.1', 'connection: close'))).text, /^HTTP\/1\.1 200/)
  })

  it('S17: an answer that nobody takes holds no connection of HTTP/2, nor what is counted of it', async () => {
    const impatient = await opened(200)
    let gone = 0
    take = (_, reply) => {
      reply.gone.addEventListener('abort', () => gone++)
      reply.refuse(403, 'x'.repeat(1_000))
    }
    const begun = session(impatient, { initialWindowSize: 0 })
    for (let i = 0; i < 3; i++)
      begun.request({ ':path': '/', ':authority': `api.example:${impatient}` }).on('error', () => undefined)
    await until('all of it has ended', () => gone === 3 && begun.destroyed, 60_000)
    take = answering
  })

  it('a connection that brings no whole head is ended, however it drips', async () => {
    const impatient = await opened(200)
    const first = connect({ host: '127.0.0.1', port: impatient })
    const secure = connectTls({ host: '127.0.0.1', port: impatient, ...TLS })
    const idle = session(impatient)
    let over = 0
    for (const each of [first, secure]) {
      each.write('GET / HTTP/1.1\r\na: ')
      const drip = setInterval(() => each.write('x'), 20)
      each.on('error', () => undefined)
      each.once('close', () => {
        clearInterval(drip)
        over++
      })
    }
    idle.once('close', () => over++)
    await until('all are ended', () => over === 3)
  })
})

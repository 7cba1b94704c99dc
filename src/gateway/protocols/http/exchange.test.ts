import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import type { Dispatcher } from 'undici'
import { openSecrets, type Secrets } from '../../content/secrets.ts'
import { poolTo } from '../../origins/pool.ts'
import type { WebReply } from '../../web/web-request.ts'
import { HttpExchange } from './exchange.ts'

const SECRET = 'correct-horse-battery'

function secretsOf(value: string): Secrets {
  const opened = openSecrets(new Map([['token', value]]))
  assert.ok(opened.ok)
  return opened.value
}

const SECRETS = secretsOf(SECRET)

/** Behaviour of a hostile origin on a connection, once a request has come. */
let hostile: (socket: Socket) => void = () => undefined
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', () => hostile(socket))
})
await once(server.listen(0, '127.0.0.1'), 'listening')
const address = server.address()
assert.ok(address !== null && typeof address === 'object')
const MEANS = {
  elsewhere: [],
  mayBePrivate: true,
  caKey: 'ca',
  connectionsMax: 4,
  silenceMsMax: 60_000,
  headerBytesMax: 32_768,
}
const pool: Dispatcher = poolTo(new URL(`http://127.0.0.1:${address.port}`), MEANS)
after(async () => {
  server.close()
  await pool.destroy()
})

/** An answer as a cell would have it. */
class Shown implements WebReply {
  readonly gone = new AbortController().signal
  hasBegun = false
  status = 0
  headers: readonly (readonly [name: string, value: string])[] = []
  readonly pieces: Buffer[] = []
  over: 'ended' | 'cut' | undefined
  begin(status: number, headers: readonly (readonly [name: string, value: string])[]): boolean {
    this.hasBegun = true
    this.status = status
    this.headers = headers
    return true
  }
  write(piece: Uint8Array): boolean {
    this.pieces.push(Buffer.from(piece))
    return true
  }
  drained(then: () => void): void {
    then()
  }
  end(): void {
    this.over = 'ended'
  }
  cut(): void {
    this.over = 'cut'
  }
  refuse(): void {}
  get text(): string {
    return Buffer.concat(this.pieces).toString('latin1')
  }
}

/** Asks the origin, which does with the connection what it is told to, and returns what came of it. */
async function exchanged(does: typeof hostile, { method = 'GET' as 'GET' | 'HEAD', secrets = SECRETS } = {}) {
  hostile = does
  const shown = new Shown()
  const exchange = new HttpExchange({
    send: { lastCheck: () => undefined, signal: new AbortController().signal, onPart: () => undefined },
    secrets,
    method,
    reply: shown,
    onHead: ({ status, headers }) => void shown.begin(status, headers),
  })
  pool.dispatch({ path: '/', method, body: null }, exchange)
  const sent = await exchange.ended
  return { sent, shown, why: 'why' in sent ? (sent.why ?? '') : '' }
}

function says(text: string): typeof hostile {
  return (socket) => void socket.end(text, 'latin1')
}

describe('an exchange with a hostile origin', () => {
  it('HX3: an answer that is encoded although it may not be is not passed on', async () => {
    for (const head of [
      'content-encoding: gzip',
      'content-encoding: identity, br',
      'transfer-encoding: gzip, chunked',
    ]) {
      const body = head.startsWith('transfer') ? '3\r\nabc\r\n0\r\n\r\n' : 'abc'
      const { shown, why } = await exchanged(says(`HTTP/1.1 200 OK\r\n${head}\r\nconnection: close\r\n\r\n${body}`))
      assert.equal(shown.text, '', head)
      assert.notEqual(shown.over, 'ended', head)
      assert.match(why, /encoded/, head)
    }
    const { shown } = await exchanged(
      says('HTTP/1.1 200 OK\r\ncontent-encoding: Identity\r\nconnection: close\r\n\r\nabc'),
    )
    assert.deepEqual([shown.text, shown.over], ['abc', 'ended'])
  })

  it('interim answers without an end are cut', async () => {
    const { shown, why } = await exchanged((socket) => {
      let left = 100
      const more = () => {
        if (left-- > 0)
          socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'.repeat(100), () => setImmediate(more))
        else socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n')
      }
      more()
    })
    assert.equal(shown.hasBegun, false)
    assert.match(why, /interim/)
  })

  it('no answer reaches a cell with two lengths, or with one that is read in two ways', async () => {
    const ends = 'connection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n'
    for (const head of [
      'content-length: 3\r\ncontent-length: 4',
      'content-length: 3\r\ntransfer-encoding: chunked',
      'transfer-encoding: chunked\r\ncontent-length: 3',
      'transfer-encoding: chunked\r\ncontent_length: 3',
      'content-length: +3',
      'content-length: 3, 3',
      'content-length: 003',
    ]) {
      const { shown } = await exchanged(says(`HTTP/1.1 200 OK\r\n${head}\r\n${ends}`))
      assert.deepEqual(
        shown.headers.filter(([name]) => name !== 'connection'),
        [],
        head,
      )
    }
    const kept = await exchanged(says('HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc'))
    assert.deepEqual(kept.shown.headers, [['content-length', '3']])
  })

  it('headers of one hop, cookies and references that would be ours do not travel', async () => {
    const { shown } = await exchanged(
      says(
        'HTTP/1.1 200 OK\r\nconnection: close, X-Hop\r\nx-hop: a\r\nset-cookie: a=b\r\nset_cookie: a=b\r\nalt-svc: h3\r\n' +
          'firebreak-reference: a\r\n__proto__: a\r\nconstructor: b\r\nconstructor: c\r\n\r\nabc',
      ),
    )
    assert.equal(shown.over, 'ended')
    const all = [
      ['__proto__', 'a'],
      ['constructor', 'b'],
      ['constructor', 'c'],
    ]
    assert.deepEqual(shown.headers, all)
  })

  it('an answer that nobody has asked for is nobody’s', async () => {
    const one = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n'
    const { shown } = await exchanged((socket) => void socket.write(`${one}abc${one}evi`))
    assert.equal(shown.text, 'abc')
    const next = await exchanged((socket) => void socket.write(`${one}two`))
    assert.equal(next.shown.text, 'two')
  })

  it('what HTTP has no such answer for ends the exchange, in one short line', async () => {
    for (const head of [
      'HTTP/1.1 050 X',
      'HTTP/1.1 100 X',
      'HTTP/1.1 101 X\r\nupgrade: a\r\nconnection: upgrade',
      'ICY 200 OK',
    ]) {
      const { shown, sent, why } = await exchanged(says(`${head}\r\n\r\nabc`))
      assert.deepEqual([shown.hasBegun, shown.over, sent.kind], [false, undefined, 'unknown'], head)
      assert.match(why, /^[\x20-\x7e]{1,200}$/, head)
    }
  })

  it('S17: its headers may have so many bytes', async () => {
    const headed = (bytes: number) => says(`HTTP/1.1 200 OK\r\na: ${'x'.repeat(bytes)}\r\ncontent-length: 3\r\n\r\nabc`)
    assert.equal((await exchanged(headed(30_000))).shown.text, 'abc')
    assert.equal((await exchanged(headed(34_000))).shown.hasBegun, false)
  })

  it('HX4: what comes byte by byte is looked at together, and a secret in it is found', async () => {
    const bytes = (text: string) => [...text].map((each) => `1\r\n${each}\r\n`).join('')
    const head = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n'
    const { shown } = await exchanged(says(`${head}${bytes('x'.repeat(10_000))}0\r\n\r\n`))
    assert.deepEqual([shown.text.length, shown.over], [10_000, 'ended'])
    assert.ok(shown.pieces.length < 100, `${shown.pieces.length}`)
    const told = await exchanged((socket) => {
      const all = [head, ...[...`x${SECRET}`].map(bytes), bytes('y'.repeat(100))]
      const next = () => {
        const piece = all.shift()
        if (piece !== undefined) socket.write(piece, () => setImmediate(next))
      }
      next()
    })
    assert.equal(told.shown.over, 'cut')
    assert.ok(told.shown.text.length <= 8, told.shown.text)
    assert.equal('leaked' in told.sent ? told.sent.leaked : undefined, 'token')
  })
})

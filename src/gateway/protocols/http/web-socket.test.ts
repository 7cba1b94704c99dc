// In a process of its own: it measures the memory of the process.
/** Tests of WebSockets to an origin, without a cell: an origin on loopback, and plain HTTP for the door. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, it, mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { WebSocket, WebSocketServer } from 'ws'
import { declared, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { tcpOrigin } from '../../../../test/kit/tcp-origin.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { type DeclaredTool, type Label, LIMITS, personName } from '../../../model/index.ts'
import { openSecrets } from '../../content/secrets.ts'
import { Room } from '../../fairness/room.ts'
import { NodeReply } from '../../web/web-reply.ts'
import { asksForWebSocket, takeStart } from '../../web/web-socket-start.ts'
import { requestsOf } from './contract.ts'
import { HttpLine } from './line.ts'
import { serveHttp } from './serve.ts'

const CUSTOMER = 'customer' as Label // one by its shape
const SECRET = 'correct-horse-battery'

interface DoorOptions {
  readonly secrets?: ReadonlyMap<string, string>
  readonly tool?: Partial<DeclaredTool>
  readonly pattern?: string
}

/** Opens a gateway to an origin, and a door that serves starts of WebSockets as a cell's does. */
async function doorTo(origin: number, { secrets = new Map(), tool, pattern = 'WEBSOCKET /feed' }: DoorOptions = {}) {
  const tools = requestsOf(declared('request', pattern).map((each) => ({ ...each, ...tool })))
  const line = new HttpLine({ ...originHere(`http://127.0.0.1:${origin}`, tools), injected: [] })
  const gateway = await gatewayTo(line, [...tools.keys()])
  const known = openSecrets(secrets)
  assert.ok(known.ok)
  const gate = { ...gateway.gate, secrets: known.value }
  const room = new Room(LIMITS.framesBytesMax)
  const failed: unknown[] = []
  const served = { count: 0 }
  const server = createServer({ shouldUpgradeCallback: asksForWebSocket } as never) // an option that its type lacks
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, rest: Buffer) => {
    const { start, response } = takeStart(request, socket, rest)
    const { method = '', url = '', headers } = request
    serveHttp(gate, gateway.cell, line, {
      request: {
        place: { scheme: 'http', host: '127.0.0.1', port: 1 },
        ...{ method, target: url, hasBody: false, length: undefined, body: request, start },
        headers: Object.entries(headers).map(([name, value]) => [name, String(value)]),
      },
      reply: new NodeReply(response, () => socket.destroy()),
      room,
    })
      .catch((error: unknown) => void failed.push(error))
      .finally(() => served.count++)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => {
    gateway.cell.gone.abort('over')
    server.close().closeAllConnections()
  })
  const { port } = server.address() as AddressInfo // it listens on a port
  return { ...gateway, gate, line, port, failed, served, learn: () => learn(gateway) }
}

/** Has a cell learn what the origin may not know. */
function learn({ cell }: Pick<Awaited<ReturnType<typeof gatewayTo>>, 'cell'>): void {
  const learned = { action: 'a_0' as never, tool: 'other/tool' } // an id by its shape
  cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMER], learned)
}

/** An origin of WebSockets that keeps what it hears, each by the order of its connection. */
async function origin() {
  const heard: string[] = []
  const sockets: WebSocket[] = []
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    handleProtocols: (offered) => [...offered][0] ?? false,
  })
  server.on('connection', (socket) => {
    const number = sockets.push(socket) - 1
    socket.on('error', () => undefined)
    socket.on('message', (data) => heard.push(`${number}: ${String(data).slice(0, 40)}`))
    socket.on('close', (code) => heard.push(`${number}: closed ${code}`))
  })
  await once(server, 'listening')
  cleanUp(() => {
    for (const socket of sockets) socket.terminate()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on a port
  return { port, heard, sockets }
}

/** An origin that is handed each connection with the head that came on it, and speaks as it likes. */
async function rawOrigin(speak: (socket: Socket, head: string) => void) {
  const open = new Set<Socket>()
  const met = { count: 0, text: '' }
  const { port } = await tcpOrigin((socket) => {
    met.count++
    open.add(socket)
    socket.once('close', () => open.delete(socket))
    socket.once('data', (head) => {
      met.text += head
      speak(socket, String(head))
    })
  })
  return { port, open, met }
}

/** Returns an origin's answer to a handshake. */
function accepting(head: string): string {
  const [, key = ''] = /sec-websocket-key: (.*)\r\n/i.exec(head) ?? []
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
  return `HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
}

interface DialledOptions {
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Opens a WebSocket as a program of a cell does, and keeps what it hears. */
function dialled(port: number, protocols: readonly string[] = [], { path = '/feed', ...options }: DialledOptions = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], options)
  const heard: string[] = []
  socket.on('error', () => undefined)
  socket.on('message', (data) => heard.push(String(data).slice(0, 40)))
  socket.on('close', (code, reason) => heard.push(`closed ${code} ${reason}`.trim()))
  return { socket, heard }
}

async function opened(port: number) {
  const own = dialled(port)
  await once(own.socket, 'open')
  return own
}

const START = [
  ...['GET /feed HTTP/1.1', 'Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'],
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
]

/** Starts a WebSocket by its bytes; `heard` is all that comes back. */
function raw(port: number, more: readonly string[] = [], behind: Uint8Array = new Uint8Array()) {
  const socket = connect(port, '127.0.0.1')
  const heard = { text: '', isOver: false }
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    heard.text += data.toString('latin1')
  })
  socket.once('close', () => {
    heard.isOver = true
  })
  socket.write(Buffer.concat([Buffer.from(`${[...START, ...more].join('\r\n')}\r\n\r\n`), behind]))
  cleanUp(() => void socket.destroy())
  return { socket, heard }
}

/** Lets what is under way come to pass, for a while in which nothing is expected. */
async function quiet(ms = 150): Promise<void> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) await turn()
}

const outcomesOf = async ({ entries }: Pick<Awaited<ReturnType<typeof doorTo>>, 'entries'>) =>
  (await entries()).flatMap((entry) => (entry.kind === 'action.outcome' ? [entry] : []))

describe('WS1: a WebSocket of which a person is asked', () => {
  /** Approves what waits, and tells how much does. */
  async function approve({ gate, entries }: Awaited<ReturnType<typeof doorTo>>): Promise<number> {
    const held = (await entries()).filter((entry) => entry.kind === 'action.held')
    const nowMs = gate.nowMs()
    for (const { hold } of held)
      assert.equal(gate.holds.answer(hold, true, personName('maria'), nowMs + 60_000, nowMs), undefined)
    return held.length
  }

  it('F1: is none of a cell that has seen what its origin does not accept: that is refused, and says so', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    door.learn()
    const first = raw(door.port)
    await until('it is refused', () => first.heard.isOver, 5_000)
    assert.match(first.heard.text, /it has read customer, which origin does not accept/)
    assert.equal(await approve(door), 0)
    assert.equal(far.sockets.length, 0)
  })

  it('S11: leaves with what they were shown, and stands until its cell learns more', async () => {
    const far = await rawOrigin((socket, head) => void socket.write(accepting(head)))
    const door = await doorTo(far.port, { pattern: 'WEBSOCKET /{feed}', tool: { effect: 'write' } })
    const first = raw(door.port)
    await until('it waits', () => first.heard.isOver, 5_000)
    assert.match(first.heard.text, /waits for a person/)
    assert.equal(await approve(door), 1)
    const { socket, heard } = dialled(door.port, [], {
      headers: { 'x-note': 'the iban of ana', 'user-agent': 'the iban of ana' },
      path: '/%66ee%64',
    })
    await once(socket, 'open')
    assert.match(far.met.text, /^GET \/feed HTTP/)
    assert.doesNotMatch(far.met.text, /iban/)
    door.learn()
    socket.send('the iban of ana')
    await until('it has ended', () => heard.length > 0, 5_000)
    assert.doesNotMatch(far.met.text, /iban/)
    const again = raw(door.port)
    await until('it is over', () => again.heard.isOver, 5_000)
    assert.match(again.heard.text, /403 /)
  })
})

describe('WS4: a handshake', () => {
  it('S8: ends with its cell where the origin is silent', async () => {
    const silent = await rawOrigin(() => undefined)
    const door = await doorTo(silent.port)
    dialled(door.port)
    await until('the handshake has come', () => silent.met.text !== '')
    door.cell.gone.abort('contained')
    await until('its connection is gone', () => silent.open.size === 0, 5_000)
    await until('it has an outcome', async () => (await outcomesOf(door)).length === 1, 5_000)
  })

  it('S17: is waited for ten seconds', async () => {
    const silent = await rawOrigin(() => undefined)
    const door = await doorTo(silent.port)
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const { socket } = dialled(door.port)
      while (silent.met.text === '') await turn()
      mock.timers.tick(9_000)
      await quiet()
      assert.equal(silent.open.size, 1)
      mock.timers.tick(1_000)
      const deadline = performance.now() + 5_000
      while (silent.open.size > 0 && performance.now() < deadline) await turn()
      assert.equal(silent.open.size, 0)
      socket.terminate()
    } finally {
      mock.timers.reset()
    }
    const [outcome] = await outcomesOf(door)
    assert.match(outcome?.detail ?? '', /within 10 seconds/)
  })

  it('S8: does not leave in the tick in which its cell may send no more', async () => {
    const far = await rawOrigin(() => undefined)
    const door = await doorTo(far.port)
    const dial = door.line.dial.bind(door.line)
    door.line.dial = async (...asked) => {
      const made = await dial(...asked)
      const ends = async () => {
        // Before the next tick, and after whoever dialled has looked.
        for (let i = 0; i < 100; i++) await undefined
        door.cell.authority = { ...door.cell.authority, grants: [] }
      }
      void ends()
      return made
    }
    dialled(door.port)
    await until('it is over', () => door.served.count === 1, 20_000)
    await quiet()
    assert.deepEqual([far.met.text, far.open.size], ['', 0])
    const [outcome] = await outcomesOf(door)
    assert.equal(outcome?.outcome, 'not-sent')
  })

  it('leaves no connection where the headers of its origin cannot be had', async () => {
    const far = await rawOrigin(() => undefined)
    const door = await doorTo(far.port)
    Object.defineProperty(door.line, 'headers', {
      get: () => {
        throw new Error('the secret token is not there')
      },
    })
    dialled(door.port)
    await until('it is over', () => door.served.count === 1, 5_000)
    await quiet()
    assert.deepEqual([far.met.text, far.open.size, door.failed], ['', 0, []])
    const [outcome] = await outcomesOf(door)
    assert.deepEqual([outcome?.outcome, outcome?.detail], ['not-sent', 'the secret token is not there'])
  })

  it('loses no message that comes with the answer', async () => {
    const hasty = await rawOrigin((socket, head) =>
      socket.write(Buffer.concat([Buffer.from(accepting(head)), Buffer.from([0x81, 5]), Buffer.from('early')])),
    )
    const door = await doorTo(hasty.port)
    const { heard } = dialled(door.port)
    await until('it has heard', () => heard.length > 0, 5_000)
    assert.deepEqual(heard, ['early'])
  })
})

describe('subprotocols', () => {
  it('S4: stand in what is recorded, among the arguments and in the head', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = dialled(door.port, ['v2.feed', 'v1.feed'])
    await once(socket, 'open')
    assert.equal(socket.protocol, 'v2.feed')
    const intent = (await door.entries()).find((entry) => entry.kind === 'action.intent')
    assert.ok(intent?.kind === 'action.intent')
    assert.deepEqual(intent.args, { protocols: ['v2.feed', 'v1.feed'] })
    const payload = await door.gate.log.payload(door.cell.id, intent.payload)
    assert.ok(payload.ok)
    assert.match(String(payload.value), /^sec-websocket-protocol: v2\.feed,v1\.feed\r$/m)
  })

  it('S17: are different tokens, and bounded: others are refused in words, and nothing is dialled', async () => {
    const far = await rawOrigin(() => undefined)
    const door = await doorTo(far.port)
    const many = Array.from({ length: 17 }, (_, i) => `p${i}`).join(', ')
    for (const [offered, problem] of [
      ['a, a', /a subprotocol twice/],
      ['a,,b', /no token/],
      ['a b', /no token/],
      ['a@b', /no token/],
      [many, /more than 16 subprotocols/],
      ['x'.repeat(257), /more than 256 characters/],
    ] as const) {
      const { heard } = raw(door.port, [`Sec-WebSocket-Protocol: ${offered}`])
      await until(`${offered} is answered`, () => heard.isOver, 5_000)
      assert.match(heard.text, /^HTTP\/1.1 400 /)
      assert.match(heard.text, problem)
    }
    assert.deepEqual([far.met.count, door.failed], [0, []])
    const kinds = new Set((await door.entries()).map((entry) => entry.kind))
    assert.deepEqual([...kinds], ['action.refused'])
  })

  it('S17: as many as may be pass', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const offered = ['x'.repeat(256), ...Array.from({ length: 15 }, (_, i) => `p${i}`)]
    const { socket } = dialled(door.port, offered)
    await once(socket, 'open')
    assert.equal(socket.protocol, offered[0])
  })

  it('S11: are refused where the pattern calls a part of its path so', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { pattern: 'WEBSOCKET /{protocols}' })
    const { heard } = raw(door.port, ['Sec-WebSocket-Protocol: a'])
    await until('it is answered', () => heard.isOver, 5_000)
    assert.match(heard.text, /^HTTP\/1.1 400 /)
    const { socket } = dialled(door.port)
    await once(socket, 'open')
  })
})

describe('F1: the origin of a cell that has learned what it may not know', () => {
  it('notices neither how nor when its WebSockets end, nor which of them sends', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const own: Awaited<ReturnType<typeof opened>>[] = []
    for (let i = 0; i < 5; i++) own.push(await opened(door.port))
    await until('all stand', () => far.sockets.length === 5)
    door.learn()
    own[3]?.socket.close(3_077)
    own[0]?.socket.close(4_321)
    own[4]?.socket.send('the iban of ana')
    own[1]?.socket.terminate()
    await until('its sides have ended', () => [0, 1, 3, 4].every((i) => own[i]?.heard.length === 1), 5_000)
    assert.match(own[4]?.heard[0] ?? '', /closed 1008/)
    await quiet()
    assert.deepEqual(far.heard, [])
    // What still comes is taken, and dropped.
    for (const socket of far.sockets) socket.send('a price')
    await quiet()
    assert.deepEqual([far.heard, door.line.underWay.size], [[], 5])
    door.cell.gone.abort('contained')
    await until('all are over', () => far.heard.length === 5, 5_000)
  })

  it('is not told by a handshake either that whoever asked has gone', async () => {
    const far = await rawOrigin(() => undefined)
    const door = await doorTo(far.port)
    const { socket } = dialled(door.port)
    await until('the handshake has come', () => far.met.text !== '')
    door.learn()
    socket.terminate()
    await quiet()
    assert.equal(far.open.size, 1)
    const [connection] = far.open
    connection?.write(accepting(far.met.text))
    await quiet()
    assert.equal(far.open.size, 1, 'nor once it has answered')
  })

  it('is not slowed, and not ended, by one that does not read', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = raw(door.port)
    await until('it stands', () => far.sockets.length === 1)
    socket.pause()
    door.learn()
    const [sender] = far.sockets
    assert.ok(sender)
    const message = Buffer.alloc(1_048_576)
    for (let i = 0; i < 24; i++) {
      const taken = new Promise<void>((resolve) => void sender.send(message, () => resolve()))
      const isTaken = await Promise.race([taken.then(() => true), quiet(5_000).then(() => false)])
      assert.ok(isTaken, `after ${i} messages`)
    }
    await until('all is taken', () => sender.bufferedAmount === 0, 5_000)
    assert.deepEqual([far.heard, sender.readyState], [[], WebSocket.OPEN])
  })

  it('waits for its cell no longer than until that has learned it', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = raw(door.port)
    await until('it stands', () => far.sockets.length === 1)
    socket.pause()
    const [sender] = far.sockets
    assert.ok(sender)
    for (let i = 0; i < 24; i++) sender.send(Buffer.alloc(1_048_576))
    await quiet(1_000)
    assert.ok(sender.bufferedAmount > 0, 'it waits')
    door.learn()
    await until('all is taken', () => sender.bufferedAmount === 0, 10_000)
    assert.equal(sender.readyState, WebSocket.OPEN)
  })

  it('is left once it has been silent for as long as it may be', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { tool: { timeoutMs: 1_000 } })
    const { socket } = await opened(door.port)
    await until('it stands', () => far.sockets.length === 1)
    door.learn()
    const beganMs = performance.now()
    socket.close(4_321)
    await until('it is left', () => far.heard.length > 0, 10_000)
    assert.ok(performance.now() - beganMs > 700)
    assert.deepEqual(far.heard, ['0: closed 1006'])
    await until('it has an outcome', async () => (await outcomesOf(door)).length === 1)
    const [outcome] = await outcomesOf(door)
    assert.equal(outcome?.outcome, 'done')
  })

  it('hears no word of a cell whose grant has ended: the gate leaves it, when it looks', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { tool: { timeoutMs: 5_000 } })
    const { socket } = await opened(door.port)
    await until('it stands', () => far.sockets.length === 1)
    door.cell.authority = { ...door.cell.authority, grants: [] }
    socket.close(4_321)
    await until('it is left', () => far.heard.length > 0, 3_000)
    assert.deepEqual(far.heard, ['0: closed 1006'])
  })

  it('of another cell hears of what was said before its end', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = await opened(door.port)
    socket.send(Buffer.alloc(1_000_000, 'x'), () => socket.terminate())
    await until('it is over', () => far.heard.length === 2, 5_000)
    assert.deepEqual(far.heard, [`0: ${'x'.repeat(40)}`, '0: closed 1005'])
  })

  it('of another cell hears of a close at once, by one code', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = await opened(door.port)
    socket.send('hello')
    socket.close(4_321, 'the iban of ana')
    await until('it is over', () => far.heard.length === 2, 5_000)
    assert.deepEqual(far.heard, ['0: hello', '0: closed 1000'])
    await until('it has an outcome', async () => (await outcomesOf(door)).length === 1)
    const [outcome] = await outcomesOf(door)
    assert.deepEqual([outcome?.outcome, outcome?.passed], ['done', { sent: 5, received: 0 }])
  })
})

describe('what comes over a WebSocket', () => {
  it('S12: is shown to nobody where its labels cannot be recorded', async () => {
    const far = await rawOrigin((socket, head) => {
      door.ledger.sealing.disowned('the witness disowns it')
      socket.write(Buffer.concat([Buffer.from(accepting(head)), Buffer.from([0x81, 4]), Buffer.from('iban')]))
    })
    const door = await doorTo(far.port, { tool: { returns: [{ path: [], labels: [CUSTOMER] }] } })
    const { heard } = raw(door.port)
    await until('it is answered', () => heard.isOver, 5_000)
    assert.match(heard.text, /^HTTP\/1.1 502 /)
    assert.doesNotMatch(heard.text, /iban/)
    await until('the origin is left', () => far.open.size === 0, 5_000)
  })

  it('S2: is shown to nobody whose grant has ended', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { heard } = await opened(door.port)
    far.sockets[0]?.send('before')
    await until('it was shown', () => heard.length === 1)
    door.cell.authority = { ...door.cell.authority, grants: [] }
    far.sockets[0]?.send('after')
    await until('its side has ended', () => heard.length === 2, 5_000)
    assert.deepEqual(heard, ['before', 'closed 1008 refused by Firebreak'])
  })

  it('S17: ends after a day, and its program is told so', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] })
    try {
      const { socket, heard } = dialled(door.port)
      while (socket.readyState !== socket.OPEN || far.sockets.length === 0) await turn()
      const minutes = 6
      for (let passed = 0; passed < 24 * 60; passed += minutes) {
        assert.deepEqual(heard, [], `after ${passed} minutes`)
        far.sockets[0]?.send('a price')
        while (heard.length === 0) {
          await turn()
          mock.timers.tick(5)
        }
        heard.length = 0
        mock.timers.tick(minutes * 60_000)
      }
      const deadline = performance.now() + 2_000
      while (heard.length === 0 && performance.now() < deadline) await turn()
      assert.deepEqual(heard, ['closed 1001 ended by Firebreak: a WebSocket stands for 24 hours at most'])
    } finally {
      mock.timers.reset()
    }
  })

  it('S10: is looked at together, and passes on as the messages that came', async () => {
    const messages = 20_000
    const far = await rawOrigin((socket, head) => {
      const frames = Array.from({ length: messages }, (_, i) => Buffer.from([0x82, 1, i % 256]))
      socket.write(Buffer.concat([Buffer.from(accepting(head)), ...frames]))
    })
    const door = await doorTo(far.port, { secrets: new Map([['token', SECRET]]) })
    const looked = mock.method(door.gate.secrets, 'leak')
    const beganMs = performance.now()
    const socket = new WebSocket(`ws://127.0.0.1:${door.port}/feed`)
    const came: number[] = []
    socket.on('message', (data) => came.push((data as Buffer)[0] ?? -1)) // in the form of Node's
    await until('all have come', () => came.length === messages, 60_000)
    assert.ok(came.every((value, i) => value === i % 256))
    const looks = looked.mock.callCount()
    const most = 100 + messages / 128 + (performance.now() - beganMs) / 5
    assert.ok(looks < most, `${looks} looks, and ${most} at most`)
    socket.terminate()
  })
})

describe('S17: messages that have not come whole', () => {
  const collect = () => {
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
  }

  it('keep no more of what was read than they have', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = raw(door.port)
    await until('it stands', () => far.sockets.length === 1)
    const pong = Buffer.concat([Buffer.from([0x8a, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)])
    const pongs = Buffer.concat(Array.from({ length: 499 }, () => pong))
    collect()
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 1_000; i++) {
      const part = Buffer.from([i === 0 ? 0x02 : 0x00, 0x81, 0, 0, 0, 0, 65])
      if (!socket.write(Buffer.concat([part, pongs]))) await once(socket, 'drain')
    }
    await quiet(500)
    collect()
    await turn()
    const kept = process.memoryUsage().arrayBuffers - before
    assert.ok(kept < 8 * 1_048_576, `${kept} bytes`)
    assert.equal(socket.destroyed, false)
  })

  it('come in so many fragments', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const part = (i: number, count: number) => {
      const first = (i === 0 ? 0x02 : 0) | (i === count - 1 ? 0x80 : 0)
      return Buffer.from([first, 0x81, 0, 0, 0, 0, 65])
    }
    const parts = (count: number) => Buffer.concat(Array.from({ length: count }, (_, i) => part(i, count)))
    const honest = raw(door.port)
    await until('it stands', () => far.sockets.length === 1)
    honest.socket.write(parts(1_024))
    await until('it has come', () => far.heard.length === 1, 5_000)
    const other = raw(door.port)
    await until('it stands', () => far.sockets.length === 2)
    other.socket.write(parts(1_025))
    await until('it has ended', () => other.heard.isOver, 5_000)
    assert.equal(honest.heard.isOver, false)
  })

  it('have a room for all of a cell, which the whole ones give back', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const bytes = 1_000_000
    const head = Buffer.from([
      0x82,
      0x80 | 127,
      0,
      0,
      0,
      0,
      ...[24, 16, 8, 0].map((by) => (bytes >> by) & 255),
      0,
      0,
      0,
      0,
    ])
    const whole = raw(door.port)
    await until('it stands', () => far.sockets.length === 1)
    for (let i = 0; i < 20; i++) whole.socket.write(Buffer.concat([head, Buffer.alloc(bytes)]))
    await until('all have come', () => far.heard.length === 20, 20_000)
    const unfinished = Array.from({ length: 17 }, () => raw(door.port))
    await until('they stand', () => far.sockets.length === 18, 20_000)
    for (const { socket } of unfinished) socket.write(Buffer.concat([head, Buffer.alloc(bytes - 1)]))
    await until('one has ended', () => unfinished.some(({ heard }) => heard.isOver), 10_000)
    assert.ok(unfinished.filter(({ heard }) => heard.isOver).length <= 2)
    assert.equal(whole.heard.isOver, false)
    // What its origins send has another room: they are not told how much of a cell's is unfinished.
    far.sockets[0]?.send(Buffer.alloc(bytes))
    await until('it has come', () => whole.heard.text.length > bytes, 5_000)
  })
})

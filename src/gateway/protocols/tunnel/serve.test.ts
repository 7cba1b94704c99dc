/** Tests of tunnels, without a cell: an origin on loopback that speaks no TLS, and nobody asks it to. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { declared, gatewayTo, originHere } from '../../../../test/kit/origin-here.ts'
import { tcpOrigin } from '../../../../test/kit/tcp-origin.ts'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { type DeclaredTool, type Label, no } from '../../../model/index.ts'
import { tunnelToolsOf } from './contract.ts'
import { TunnelLine } from './line.ts'
import { serveTunnel } from './serve.ts'

const CUSTOMER = 'customer' as Label // one by its shape

/** An origin that keeps what it hears, each by the order of its connection. */
async function origin() {
  const heard: string[] = []
  const sockets: Socket[] = []
  const { port } = await tcpOrigin((socket) => {
    const number = sockets.push(socket) - 1
    socket.on('data', (data) => heard.push(`${number}: ${data}`))
    socket.on('end', () => heard.push(`${number}: end`))
    socket.on('close', () => heard.push(`${number}: closed`))
  })
  return { port, heard, sockets }
}

/** Opens a gateway with a tunnel to an origin, and a door that leads into it. */
async function doorTo(port: number, tool: Partial<DeclaredTool> = {}) {
  const tools = tunnelToolsOf(declared('tunnel', 'connect').map((each) => ({ ...each, ...tool })))
  const line = new TunnelLine(originHere(`https://127.0.0.1:${port}`, tools))
  const gateway = await gatewayTo(line, [...tools.keys()])
  const served = { count: 0 }
  const door = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    serveTunnel(gateway.gate, gateway.cell, line, socket).then((isMade) => {
      served.count++
      // A door tells it inside of TLS.
      if (!isMade) socket.destroy()
    })
  })
  await once(door.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => {
    gateway.cell.gone.abort('over')
    door.close()
  })
  const learn = () => {
    const learned = { action: 'a_0' as never, tool: 'other/tool' } // an id by its shape
    gateway.cell.authority.exposure.recordMessage({ text: 'the iban of ana' }, [CUSTOMER], learned)
  }
  return { ...gateway, line, served, learn, port: (door.address() as AddressInfo).port } // it listens on a port
}

/** Connects as a program of a cell does. */
async function dialled(door: Awaited<ReturnType<typeof doorTo>>, far: Awaited<ReturnType<typeof origin>>) {
  const before = far.sockets.length
  const socket = connect(door.port, '127.0.0.1')
  const heard = { bytes: 0, isOver: false }
  socket
    .on('error', () => undefined)
    .on('close', () => {
      heard.isOver = true
    })
  socket.on('data', (data) => {
    heard.bytes += data.length
  })
  cleanUp(() => void socket.destroy())
  socket.write('hello')
  await until('it has come', () => far.heard.includes(`${before}: hello`), 5_000)
  return { socket, heard }
}

/** Lets what is under way come to pass, for a while in which nothing is expected. */
async function quiet(ms = 150): Promise<void> {
  const deadline = performance.now() + ms
  while (performance.now() < deadline) await turn()
}

/** Has an origin send so many bytes, and tells whether all were taken within a time. */
async function takes(socket: Socket | undefined, bytes: number, withinMs: number): Promise<boolean> {
  assert.ok(socket)
  const taken = new Promise<boolean>((resolve) => void socket.write(Buffer.alloc(bytes), () => resolve(true)))
  return Promise.race([taken, quiet(withinMs).then(() => false)])
}

describe('TU4: the origin of a cell that has learned what it may not know', () => {
  it('notices neither when its tunnels end, nor which of them sends', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const own: Awaited<ReturnType<typeof dialled>>[] = []
    for (let i = 0; i < 5; i++) own.push(await dialled(door, far))
    const before = [...far.heard]
    door.learn()
    own[3]?.socket.destroy()
    own[0]?.socket.end()
    own[4]?.socket.write('the iban of ana')
    own[1]?.socket.resetAndDestroy()
    await until('its sides have ended', () => [0, 1, 3, 4].every((i) => own[i]?.heard.isOver), 5_000)
    await quiet()
    assert.deepEqual(far.heard, before)
    // What still comes is taken, and dropped.
    for (const socket of far.sockets) assert.ok(await takes(socket, 8_388_608, 5_000))
    assert.deepEqual([far.heard, door.line.underWay.size], [before, 5])
    door.cell.gone.abort('contained')
    await until('all are over', () => far.heard.filter((each) => each.includes('closed')).length === 5, 5_000)
  })

  it('waits for its cell no longer than until that has learned it', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = await dialled(door, far)
    socket.pause()
    assert.equal(await takes(far.sockets[0], 25_165_824, 1_500), false)
    door.learn()
    await until('all is taken', () => far.sockets[0]?.writableLength === 0, 10_000)
    assert.equal(far.sockets[0]?.destroyed, false)
  })

  it('is left once it has been silent for as long as it may be', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { timeoutMs: 1_000 })
    const { socket } = await dialled(door, far)
    door.learn()
    const beganMs = performance.now()
    socket.destroy()
    await until('it is left', () => far.heard.includes('0: closed'), 10_000)
    assert.ok(performance.now() - beganMs > 700)
  })

  it('hears of the end of another cell at once', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const { socket } = await dialled(door, far)
    socket.end('bye')
    await until('it is over', () => far.heard.includes('0: closed'), 2_000)
    assert.deepEqual(far.heard, ['0: hello', '0: bye', '0: end', '0: closed'])
    await until('it is served', () => door.served.count === 1)
    const outcome = (await door.entries()).find((entry) => entry.kind === 'action.outcome')
    assert.ok(outcome?.kind === 'action.outcome')
    assert.deepEqual([outcome.outcome, outcome.passed], ['done', { sent: 8, received: 0 }])
  })
})

describe('a tunnel', () => {
  it('F1: of a cell that has seen what its origin does not accept waits for nobody', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    door.learn()
    connect(door.port, '127.0.0.1').on('error', () => undefined)
    await until('it is refused', () => door.served.count === 1, 5_000)
    assert.match(door.line.lastRefusal?.sentence ?? '', /it has read customer, which origin does not accept/)
    const kinds = (await door.entries()).map(({ kind }) => kind)
    assert.deepEqual([kinds.filter((kind) => kind === 'action.held'), far.sockets.length], [[], 0])
  })

  it('TU2: of a cell whose grant has ended is left when the gate looks, and takes nothing meanwhile', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { timeoutMs: 5_000 })
    const { socket, heard } = await dialled(door, far)
    door.cell.authority = { ...door.cell.authority, grants: [] }
    socket.write('more')
    await until('its side has ended', () => heard.isOver, 5_000)
    await until('it is left', () => far.heard.includes('0: closed'), 3_000)
    assert.ok(!far.heard.includes('0: more'))
  })

  it('TU2: is not connected in the tick in which its cell may send no more', async () => {
    const far = await origin()
    const door = await doorTo(far.port)
    const wrote = door.cell.share.wrote.bind(door.cell.share)
    // Its intent is recorded after the decision, and before anything leaves.
    door.cell.share.wrote = (seq, bytes) => {
      wrote(seq, bytes)
      door.cell.authority = { ...door.cell.authority, grants: [] }
    }
    connect(door.port, '127.0.0.1').on('error', () => undefined)
    await until('it is served', () => door.served.count === 1, 5_000)
    await quiet()
    assert.equal(far.sockets.length, 0)
    const outcome = (await door.entries()).find((entry) => entry.kind === 'action.outcome')
    assert.ok(outcome?.kind === 'action.outcome')
    assert.equal(outcome.outcome, 'not-sent')
  })

  it('TU3: shows nothing where the labels of what comes back cannot be recorded', async () => {
    const far = await origin()
    const door = await doorTo(far.port, { returns: [{ path: [], labels: [CUSTOMER] }] })
    const { heard } = await dialled(door, far)
    const append = door.ledger.append.bind(door.ledger)
    door.ledger.append = (body) =>
      body.kind === 'label.seen' ? no({ kind: 'too-large', bytes: 0 } as never) : append(body) // a fault of one entry
    far.sockets[0]?.write('the iban of ana')
    await until('it is over', () => heard.isOver, 5_000)
    assert.equal(heard.bytes, 0)
  })
})

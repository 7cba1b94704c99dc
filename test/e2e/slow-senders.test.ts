/** In a file of its own: it waits for the gateway's own limits, and others can run meanwhile. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { startGatewayProcess } from '../kit/gateway.ts'
import { startUpstream, textResult, tool } from '../kit/scripted-upstream.ts'
import { cleanUp } from '../kit/temporary.ts'
import { call, textOf } from '../kit/wire.ts'

it('S17: slow senders hold their own connections and nothing else, and are cut', async () => {
  const upstream = await startUpstream({ era: 'modern', tools: [tool('note')], onCall: ({ name }) => textResult(name) })
  const gateway = await startGatewayProcess({
    upstreams: { desk: { mcp: { url: upstream.url }, tools: { note: 'write' } } },
  })
  const [attacker, neighbour] = [await gateway.admit('alpha'), await gateway.admit('beta')]
  const sockets = await Promise.all(Array.from({ length: 100 }, () => opened(attacker.port)))
  for (const socket of sockets) socket.write('POST /mcp/desk HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')
  const drip = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write('x')
  }, 500)
  assert.equal(textOf(await call(attacker.url('desk'), 'note')), 'note')
  for (let i = 0; i < 20; i++) assert.equal(textOf(await call(neighbour.url('desk'), 'note')), 'note')
  const all = Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.once('close', resolve))))
  await Promise.race([all, delay(25_000, undefined, { ref: false })])
  clearInterval(drip)
  assert.equal(sockets.filter((socket) => !socket.destroyed).length, 0, 'connections that are still open')
})

function opened(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    cleanUp(() => void socket.destroy())
    socket.on('error', () => undefined)
    socket.resume()
  })
}

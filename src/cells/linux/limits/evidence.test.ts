import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import process from 'node:process'
import { after, describe, it } from 'node:test'
import { datagrams, listener, listening } from '../../../../test/kit/listener.ts'
import { until } from '../../../../test/kit/until.ts'
import { connectionsIn, processEvidence } from './evidence.ts'

const own = process.getuid?.() ?? 0
const tcp = (port: number) => [{ transport: 'tcp', port }] as const

describe('S8: what the kernel’s tables say of a cell', () => {
  it('listeners and connections of its ports, but for those of its own uid', async () => {
    // Outside of a cell its network is everybody's: no outgoing connection of a neighbour has a port from there.
    const { port, fd } = listener()
    const server = createServer().listen({ fd })
    after(() => server.close())
    await once(server, 'listening')
    const seen = (uid = own + 1, at = port) => connectionsIn([process.pid], tcp(at), { uid })
    assert.equal(await seen(undefined), 1)
    const held = (...holders: readonly number[]) => connectionsIn([process.pid], tcp(port), { holders })
    assert.equal(await held(process.pid), 1)
    assert.equal(await held(process.ppid), 0, 'nor where it has our uid, and none of ours has it open')
    assert.equal(await held(process.pid, 2 ** 30), 1, 'beside one that has ended')
    assert.equal(await seen(own), 0, 'a cell that takes a port which has become free says nothing by it')
    assert.equal(await seen(undefined, port === 1 ? 2 : 1), 0)
    const accepted = once(server, 'connection')
    const socket = connect(port, '127.0.0.1')
    const [served] = await accepted
    assert.equal(await seen(undefined), 2, 'the listener, and its end of the connection')
    served.destroy()
    socket.destroy()
    server.close()
    await once(server, 'close')
    assert.equal(await seen(undefined), 0)
    assert.equal(await connectionsIn([], tcp(port), { uid: own }), undefined, 'what cannot be read is not none')
  })

  it('sockets of UDP that somebody else holds, and TCP’s of the same number are others', async () => {
    const { port, fd } = datagrams()
    const socket = createSocket('udp4')
    after(() => socket.close())
    await new Promise<void>((resolve) => socket.bind({ fd }, resolve))
    const udp = [{ transport: 'udp', port }] as const
    const seen = (uid = own + 1, ports: Parameters<typeof connectionsIn>[1] = udp) =>
      connectionsIn([process.pid], ports, { uid })
    assert.equal(await seen(), 1)
    assert.equal(await seen(own), 0, 'a cell’s own says nothing')
    assert.equal(await seen(undefined, tcp(port)), 0)
    assert.equal(await seen(undefined, []), 0)
    const held = (...holders: readonly number[]) => connectionsIn([process.pid], udp, { holders })
    assert.deepEqual([await held(process.pid), await held(process.ppid)], [1, 0])
    const server = createServer().listen({ fd: listening(port) })
    await once(server, 'listening')
    assert.equal(await seen(undefined, [...tcp(port), ...udp]), 2, 'both are counted')
    assert.equal(await seen(undefined, tcp(port)), 1)
    server.close()
    await once(server, 'close')
    assert.equal(await seen(undefined, [...tcp(port), ...udp]), 1)
  })

  it('a connection that is closed in one direction, whichever', async () => {
    for (const closes of ['we', 'the cell']) {
      const { port, fd } = listener()
      const server = createServer({ allowHalfOpen: true }).listen({ fd })
      await once(server, 'listening')
      const accepted = once(server, 'connection')
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      const [served] = await accepted
      after(() => {
        for (const end of [served, socket]) end.destroy()
      })
      for (const end of [served, socket]) end.resume()
      server.close()
      const [one, other] = closes === 'we' ? [served, socket] : [socket, served]
      one.end()
      await once(other, 'end')
      const held = () => connectionsIn([process.pid], tcp(port), { uid: own + 1 })
      assert.equal(await held(), 1, `${closes} closed, and the other direction carries`)
      served.destroy()
      await until('it is closed', async () => (await held()) === 0)
      socket.destroy()
    }
  })

  it('of an environment the names, and never a value', async () => {
    const child = spawn('/usr/bin/sleep', ['60'], { env: { TOKEN: 'stolen', EMPTY: '' } })
    after(() => void child.kill())
    await once(child, 'spawn')
    const pid = Number(child.pid)
    // Its environment is another's until it has become its program.
    while (processEvidence([pid])[0]?.command !== '/usr/bin/sleep 60') await new Promise((turn) => setTimeout(turn, 5))
    const [evidence] = processEvidence([pid])
    assert.deepEqual(evidence?.environment, ['TOKEN', 'EMPTY'])
    assert.equal(evidence?.parent, process.pid)
    assert.ok(!JSON.stringify(evidence).includes('stolen'))
    // Whatever has a length that the cell chooses is not read, or its beginning only: a stop waits for it.
    const known = ['pid', 'parent', 'command', 'program', 'open', 'environment', 'memoryKiB']
    assert.deepEqual(Object.keys(evidence ?? {}), known)
    const many = spawn('/bin/sh', ['-c', 'exec sleep 60'], {
      env: Object.fromEntries(Array.from({ length: 200 }, (_, n) => [`N${n}`, ''])),
    })
    after(() => void many.kill())
    await until('it is its program', () => processEvidence([Number(many.pid)])[0]?.command === 'sleep 60')
    assert.deepEqual(processEvidence([Number(many.pid)])[0]?.cut, ['environment'], 'and says that there are more')
    // Its name is cut in the middle of a letter of two UTF-16 units.
    const argv0 = `${'x'.repeat(255)}\u{1f600}`
    const odd = spawn('/usr/bin/sleep', ['60'], { argv0 })
    after(() => void odd.kill())
    await until('it has its name', () => processEvidence([Number(odd.pid)])[0]?.command.startsWith('xx') ?? false)
    assert.ok(processEvidence([Number(odd.pid)])[0]?.command.isWellFormed())
    odd.kill('SIGKILL')
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.deepEqual(processEvidence([pid]), [], 'one that ended meanwhile is left out')
  })
})

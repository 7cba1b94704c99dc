import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { after, describe, it } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { AUTHORITY, CERTIFICATE, KEY } from '../../../test/kit/certificates.ts'
import { connectTo, type DialRules, dial, pin } from './dial.ts'

const closing: (() => void)[] = []
after(() => {
  for (const close of closing) close()
})

/** Listens on 127.0.0.1, keeps what comes and reads nothing. */
async function listening(server = createServer()) {
  const sockets: Socket[] = []
  let bytes = 0
  server.on('connection', (socket: Socket) => {
    sockets.push(socket.on('error', () => undefined))
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { port: (server.address() as AddressInfo).port, sockets, bytes: () => bytes } // it listens on a port
}

const HOST = '127.0.0.1'
const TLS = { ca: AUTHORITY, caKey: 'ca: ./ca.pem', protocols: ['h2', 'http/1.1'] } as const

async function faultOf(to: { readonly host: string; readonly port: number }, rules: DialRules) {
  const made = await dial(to, rules)
  if (made.ok) made.value.socket.destroy()
  return made.ok ? 'connected' : made.reason
}

describe('dialling', () => {
  it('DI1, DI3: a name is asked once, and what it says later changes nothing', async () => {
    const { port, sockets } = await listening()
    let asked = 0
    // Public when it is judged, this machine as soon as anybody asks again.
    const rebinding = async () => (++asked === 1 ? ['203.0.114.1'] : [HOST])
    const fault = await faultOf({ host: 'rebinding.example', port }, { elsewhere: [], resolve: rebinding, msMax: 300 })
    assert.notEqual(fault, 'connected')
    const pinned = await pin({ host: 'rebinding.example', port }, { elsewhere: [], resolve: rebinding })
    assert.ok(!pinned.ok)
    assert.deepEqual([asked, sockets.length], [2, 0])
  })

  it('DI3: what nobody judged is not connected to, and what was is connected to once', async () => {
    const { port } = await listening()
    assert.throws(() => connectTo({ host: HOST, port, addresses: [HOST] }), /nobody has judged/)
    const pinned = await pin({ host: HOST, port }, { elsewhere: [] })
    assert.ok(pinned.ok)
    assert.throws(() => connectTo({ ...pinned.value, port: port + 1 }), /nobody has judged/)
    connectTo(pinned.value).destroy()
    assert.throws(() => connectTo(pinned.value), /nobody has judged/)
  })

  it('DI2, DI4: one address among many that may not be reached is told, and none is connected to', async () => {
    const { port, sockets } = await listening()
    const answering = (...addresses: readonly string[]) => ({ elsewhere: [], resolve: async () => addresses })
    const to = { host: 'a.example', port }
    assert.deepEqual(await faultOf(to, answering('8.8.8.8', '10.0.0.1')), {
      kind: 'refused',
      why: 'one of its addresses is 10.0.0.1 (a private network)',
    })
    assert.deepEqual(await faultOf(to, answering(HOST, '::1')), { kind: 'refused', why: 'it has no public address' })
    assert.deepEqual(await faultOf(to, answering()), { kind: 'refused', why: 'it has no address' })
    const near = { ...answering(HOST, '::ffff:169.254.169.254'), mayBePrivate: true }
    assert.deepEqual(await faultOf(to, near), {
      kind: 'refused',
      why: 'one of its addresses is ::ffff:169.254.169.254 (what a cloud tells its machines, credentials included)',
    })
    assert.equal(sockets.length, 0)
  })

  it('DI3: an answer that is no address is not asked for in turn', async () => {
    const { port, sockets } = await listening()
    for (const answer of ['localhost', '2130706433', '127.1', '0x7f.1', '', ' 127.0.0.1', '127.0.0.1 ', '[::1]'])
      for (const mayBePrivate of [false, true]) {
        const fault = await faultOf(
          { host: 'a.example', port },
          { elsewhere: [], mayBePrivate, resolve: async () => [answer] },
        )
        assert.ok(typeof fault === 'object' && fault.kind === 'refused', `${answer}: ${JSON.stringify(fault)}`)
      }
    assert.equal(sockets.length, 0)
  })

  it('S14: an authority or a session that cannot be read refuses the connection, and ends nothing else', async () => {
    const { port, sockets } = await listening(createTlsServer({ cert: CERTIFICATE, key: KEY }))
    const pems = [AUTHORITY.replace('MII', 'AAA'), 'none', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n']
    const rules: readonly DialRules['tls'][] = pems.map((ca) => ({ ...TLS, ca }))
    for (const tls of [...rules, { ...TLS, protocols: [''] }, { ...TLS, protocols: ['x'.repeat(300)] }]) {
      const fault = await faultOf({ host: HOST, port }, { elsewhere: [], ...(tls && { tls }) })
      assert.ok(typeof fault === 'object' && fault.kind === 'certificate', JSON.stringify(fault))
    }
    const odd = { ...TLS, session: Buffer.from('no session') }
    await faultOf({ host: HOST, port }, { elsewhere: [], tls: odd })
    await closed(sockets)
  })

  it('DI4: an address that a person declared is reached, and so is a name of their own network', async () => {
    const { port, sockets } = await listening()
    assert.equal(await faultOf({ host: HOST, port }, { elsewhere: [] }), 'connected')
    const own = { elsewhere: [], mayBePrivate: true }
    assert.equal(await faultOf({ host: 'a.internal', port }, { ...own, resolve: async () => [HOST] }), 'connected')
    // Nobody listens on the first.
    assert.equal(
      await faultOf({ host: 'a.internal', port }, { ...own, resolve: async () => ['::1', HOST] }),
      'connected',
    )
    assert.equal(sockets.length, 3)
    // Where a runtime of containers has its host.
    assert.ok(
      (await pin({ host: 'host.containers.internal', port }, { ...own, resolve: async () => ['169.254.1.2'] })).ok,
    )
  })

  it('S6: what another environment has written down is reached by no name and by no address', async () => {
    const { port, sockets } = await listening()
    const elsewhere = [`this host:${port}`]
    for (const host of [HOST, 'a.internal', '127.0.0.2', '::ffff:127.0.0.1']) {
      const fault = await faultOf({ host, port }, { elsewhere, mayBePrivate: true, resolve: async () => [HOST] })
      assert.deepEqual(fault, {
        kind: 'refused',
        why: `it leads to this host:${port}, which belongs to another environment`,
      })
    }
    const second = { elsewhere, mayBePrivate: true, resolve: async () => ['10.9.8.7', HOST] }
    assert.notEqual(await faultOf({ host: 'a.internal', port }, second), 'connected')
    assert.equal(sockets.length, 0)
  })

  it('DI5: what is withdrawn meanwhile asks nobody, connects to nobody, and writes no byte of TLS', async () => {
    const { port, sockets, bytes } = await listening()
    let asked = 0
    const resolve = async () => {
      asked++
      return [HOST]
    }
    // The tick in which it is withdrawn, with what has happened until then.
    for (const [tick, expected] of [
      [1, [0, 0]],
      [2, [1, 0]],
      [3, [2, 1]],
    ] as const) {
      let checks = 0
      const lastCheck = () => (++checks === tick ? 'the cell was cut off' : undefined)
      const rules = { elsewhere: [], mayBePrivate: true, resolve, tls: TLS, lastCheck }
      const fault = await faultOf({ host: 'localhost', port }, rules)
      assert.deepEqual(fault, { kind: 'withdrawn', why: 'the cell was cut off' })
      if (tick === 3) await closed(sockets)
      assert.deepEqual([asked, sockets.length], expected)
    }
    assert.equal(bytes(), 0)
  })

  it('S17: whoever is silent is waited for no longer than was said, and what is called off ends', async () => {
    const { port, sockets } = await listening()
    const secure = { elsewhere: [], tls: TLS, msMax: 100 }
    assert.deepEqual(await faultOf({ host: HOST, port }, secure), {
      kind: 'late',
      why: 'it was not connected within 100 ms',
    })
    const never = { elsewhere: [], resolve: () => new Promise<never>(() => undefined), msMax: 100 }
    assert.notEqual(await faultOf({ host: 'slow.example', port }, never), 'connected')
    const called = new AbortController()
    const calling = faultOf({ host: HOST, port }, { ...secure, msMax: 60_000, signal: called.signal })
    while (sockets.length < 2) await new Promise((resolve) => setImmediate(resolve))
    called.abort()
    assert.deepEqual(await calling, { kind: 'withdrawn', why: 'it was called off' })
    const gone = { ...secure, signal: AbortSignal.abort() }
    assert.deepEqual(await faultOf({ host: HOST, port }, gone), { kind: 'withdrawn', why: 'it was called off' })
    await closed(sockets)
  })

  it('S17: a resolver that says nothing has five seconds, and eight addresses of a name are kept', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] })
    const silent = pin(
      { host: 'slow.example', port: 80 },
      { elsewhere: [], resolve: () => new Promise(() => undefined) },
    )
    let isOver = false
    void silent.then(() => {
      isOver = true
    })
    context.mock.timers.tick(4_999)
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(isOver, false)
    context.mock.timers.tick(1)
    assert.deepEqual(await silent, { ok: false, reason: { why: 'it has no address' } })
    const many = Array.from({ length: 20 }, (_, i) => `8.8.8.${i}`)
    const pinned = await pin({ host: 'many.example', port: 80 }, { elsewhere: [], resolve: async () => many })
    assert.deepEqual(pinned.ok && pinned.value.addresses, many.slice(0, 8))
    const most = Array.from({ length: 256 }, (_, i) => `8.8.8.${i}`)
    const judged = (addresses: readonly string[]) =>
      pin({ host: 'many.example', port: 80 }, { elsewhere: [], resolve: async () => addresses })
    assert.ok((await judged(most)).ok)
    assert.deepEqual(await judged([...most, '8.8.4.4']), {
      ok: false,
      reason: { why: 'it has more than 256 addresses' },
    })
    const relay = { elsewhere: [], addressesMax: 1, resolve: async () => many }
    const one = await pin({ host: 'many.example', port: 80 }, relay)
    assert.deepEqual(one.ok && one.value.addresses, ['8.8.8.0'])
  })

  it('nobody there is told in the words of the system', async () => {
    const { port } = await listening(createServer())
    const fault = await faultOf({ host: HOST, port: port === 1 ? 2 : 1 }, { elsewhere: [] })
    assert.deepEqual(fault, { kind: 'unreachable', why: `connect ECONNREFUSED ${HOST}:1` })
    const plain = await listening(createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const spoken = await faultOf({ host: HOST, port: plain.port }, { elsewhere: [], tls: TLS })
    assert.ok(typeof spoken === 'object' && spoken.kind === 'unreachable', JSON.stringify(spoken))
  })

  it('DI6: over TLS the name is asked for, the protocol is agreed on, and an address is no name', async () => {
    const names: unknown[] = []
    const server = createTlsServer({ cert: CERTIFICATE, key: KEY, ALPNProtocols: ['http/1.1'] }, (socket) => {
      names.push(socket.servername)
      socket.on('error', () => undefined)
    })
    const { port } = await listening(server)
    for (const [i, host] of ['localhost', HOST].entries()) {
      const made = await dial(
        { host, port },
        { elsewhere: [], mayBePrivate: true, resolve: async () => [HOST], tls: TLS },
      )
      assert.ok(made.ok, JSON.stringify(made))
      assert.equal(made.value.protocol, 'http/1.1')
      // Closed before, it would take its last word of the handshake along.
      while (names.length === i) await new Promise((resolve) => setImmediate(resolve))
      made.value.socket.destroy()
    }
    assert.deepEqual(names, ['localhost', false])
  })

  for (const secure of [false, true])
    it(`S8, DI7: a connection that is cut takes along what the kernel holds of it, ${secure ? 'over TLS' : 'as it is'}`, async () => {
      const server = secure ? createTlsServer({ cert: CERTIFICATE, key: KEY }) : createServer()
      const accepted: Socket[] = []
      server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => accepted.push(socket.pause()))
      server.listen(0, '127.0.0.1')
      await once(server, 'listening')
      closing.push(() => server.close())
      const { port } = server.address() as AddressInfo // it listens on a port
      const made = await dial({ host: HOST, port }, { elsewhere: [], ...(secure && { tls: TLS }) })
      assert.ok(made.ok, JSON.stringify(made))
      while (accepted.length === 0) await new Promise((resolve) => setImmediate(resolve))
      const [far] = accepted
      made.value.socket.write(Buffer.alloc(4_194_304))
      await new Promise((resolve) => setTimeout(resolve, 50))
      const ended = new Promise<string>((resolve) => {
        far?.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
        far?.once('end', () => resolve('all was sent'))
      })
      made.value.socket.destroy()
      far?.resume()
      assert.equal(await ended, 'ECONNRESET')
    })
})

async function closed(sockets: readonly Socket[]): Promise<void> {
  await Promise.all(
    sockets.map((socket) => (socket.closed ? undefined : new Promise((resolve) => socket.once('close', resolve)))),
  )
}

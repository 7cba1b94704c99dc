import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { after, before, describe, it } from 'node:test'
import { openChannel, sendDescriptor } from '../../src/cells/descriptors.ts'
import { hostDirectory, lastReport, launched, NODE, outputOf, ran, SKIP, spec, workspaceOver } from './kit.ts'

describe('network', { skip: SKIP }, () => {
  const servers: Server[] = []
  let gateway: ChildProcess | undefined
  let inside: Readonly<Record<string, unknown>> = {}
  let cellId = ''
  const abstractName = `firebreak-test-${process.pid}`
  let port = 0
  let socketPath = ''
  let fifo = -1
  let channelFd = -1

  before(async () => {
    const lower = hostDirectory()
    socketPath = join(lower, 'host.sock')
    spawnSync('mkfifo', ['-m', '666', join(lower, 'host.fifo')])
    fifo = openSync(join(lower, 'host.fifo'), constants.O_RDONLY | constants.O_NONBLOCK)
    for (const where of [{ port: 0, host: '::' }, { path: `\0${abstractName}` }, { path: socketPath }]) {
      const server = createServer((socket) => socket.end('the host')).on('error', () => {})
      server.listen(where)
      await once(server, 'listening')
      servers.push(server)
    }
    spawnSync('chmod', ['-R', 'a+rwX', lower])
    const address = servers[0]?.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    const outer = Object.values(networkInterfaces())
      .flat()
      .find((at) => at?.internal === false && at.family === 'IPv4')?.address

    const channel = openChannel()
    assert.ok(channel.ok)
    gateway = spawn(process.execPath, [join(import.meta.dirname, 'gateway-stand-in.ts')], {
      stdio: ['ignore', 'pipe', 'inherit', channel.value.far],
      cwd: '/',
      env: {},
    })
    closeSync(channel.value.far)
    const cell = await launched(
      spec([NODE, '/opt/attacks/network.ts', `${port}`, outer ?? '192.0.2.1', abstractName], {
        workspace: workspaceOver(lower),
      }),
    )
    cellId = cell.id
    const [listener] = cell.listeners
    assert.ok(listener)
    assert.ok(sendDescriptor(channel.value.near, Buffer.from(cell.id), listener.fd).ok)
    if (gateway.stdout) await once(gateway.stdout, 'data')
    channelFd = channel.value.near
    const output = outputOf(cell)
    cell.start()
    assert.equal(listener.open, false, 'K2: the warden keeps no copy')
    await cell.exited
    inside = lastReport(await output.stdout, await output.stderr)
    await cell.teardown()
  })

  after(() => {
    for (const server of servers) server.close()
    // The stand-in ends with its channel.
    closeSync(channelFd)
    closeSync(fifo)
  })

  it('S1: no server of the host is reachable, by any of its addresses', () => {
    assert.equal(inside['host loopback'], 'ECONNREFUSED')
    assert.match(String(inside['host loopback, IPv6']), /^(ECONNREFUSED|ENETUNREACH|EADDRNOTAVAIL)$/)
    for (const attempt of ['host address', 'the metadata service', 'the internet'])
      assert.equal(inside[attempt], 'ENETUNREACH', attempt)
    assert.equal(inside.interfaces, 'lo')
    assert.match(String(inside['a name']), /^EAI_AGAIN|ENOTFOUND$/)
  })

  it('S1: no abstract socket of the host is reachable', () => {
    assert.equal(inside['host abstract socket'], 'ECONNREFUSED')
  })

  it('S3: no socket or FIFO that the host keeps in the given workspace is reachable', () => {
    assert.equal(inside['host socket in the workspace'], 'ECONNREFUSED')
    assert.equal(inside['host fifo in the workspace'], 'ENXIO')
  })

  it('control: outside a cell all three are', async () => {
    for (const where of [{ port, host: '127.0.0.1' }, { path: `\0${abstractName}` }, { path: socketPath }]) {
      const socket = connect(where)
      const [chunk] = await once(socket, 'data')
      assert.equal(String(chunk), 'the host')
    }
    closeSync(openSync(join(socketPath, '../host.fifo'), constants.O_WRONLY | constants.O_NONBLOCK))
  })

  it('S1: nothing of Firebreak’s own is in the cell: no control socket, no other process', () => {
    assert.equal(inside['firebreak directory'], false)
    assert.equal(inside['docker socket'], false)
    assert.equal(inside.run, '')
  })

  it('S3: the listener is the identity: what answers knows the cell by it', () => {
    assert.equal(inside.gateway, `met: you are ${cellId}`)
  })

  it('S3: without a gateway behind it the port is closed', async () => {
    const probe =
      'require("net").connect(7070,"127.0.0.1").on("error",e=>console.log(e.code)).on("connect",()=>console.log("open"))'
    const { stdout } = await ran(spec([NODE, '-e', probe]))
    assert.equal(stdout.trim(), 'ECONNREFUSED')
  })
})

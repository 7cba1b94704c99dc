import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { it } from 'node:test'

/** Writes more than the kernel takes, says so, and waits to be killed. */
const SENDER = `
  import { connect } from 'node:net'
  import { resetsOnClose } from ${JSON.stringify(join(import.meta.dirname, 'resetting.ts'))}
  const socket = connect(Number(process.argv[1]), '127.0.0.1', () => {
    resetsOnClose(socket)
    socket.write(Buffer.alloc(1_048_576), () => undefined)
    setTimeout(() => process.stdout.write('written'), 50)
    setInterval(() => undefined, 1_000)
  })
`

it('S8: a gateway that is killed takes along what the kernel had still to send of its connections', async () => {
  const server = createServer((socket) => void socket.pause())
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  const sender = spawn(process.execPath, ['--input-type=module', '-e', SENDER, `${port}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [[far]] = (await Promise.all([once(server, 'connection'), once(sender.stdout, 'data')])) as [
      [Socket],
      unknown,
    ]
    const end = new Promise((resolve) => far.once('error', resolve).once('end', () => resolve('all was sent')))
    sender.kill('SIGKILL')
    await once(sender, 'exit')
    far.resume()
    assert.equal(await end.then((why) => (why instanceof Error && 'code' in why ? why.code : why)), 'ECONNRESET')
  } finally {
    sender.kill('SIGKILL')
    server.close()
  }
})

/** Origins that speak as a test likes, on loopback. */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { cleanUp } from './temporary.ts'

/** Listens on loopback and hands each connection to `meet`; all of them end after the last test of the file. */
export async function tcpOrigin(meet: (socket: Socket) => void): Promise<{ readonly port: number }> {
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('error', () => undefined).once('close', () => open.delete(socket))
    meet(socket)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo // it listens on a port
  return { port }
}

/** Stands where a gateway stands: takes a cell's sockets over and says, of each dial, which address it was dialled at. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { after } from 'node:test'
import { socketsOf } from '../../src/cells/cell-sockets.ts'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'

const standing: (() => Promise<void>)[] = []
after(async () => {
  for (const close of standing) await close()
})

export interface Answering {
  /** Dials so far: `tcp 1.1.1.1:80`; of UDP, which does not tell the address dialled, the one that asked. */
  readonly dialled: readonly string[]
  close(): Promise<void>
}

export async function answering(cell: LinuxCell, listeners = cell.listeners): Promise<Answering> {
  const dialled: string[] = []
  const open: (Server | Socket)[] = []
  for (const [i, { transport }] of socketsOf(cell.receipt).entries()) {
    const fd = listeners[i]?.take() ?? -1
    if (transport === 'udp') {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve) => socket.bind({ fd }, resolve))
      socket.on('message', (message, { address, port }) => {
        dialled.push(`udp ${address}`)
        socket.send(`${message} of ${cell.id}`, port, address)
      })
      open.push(socket)
    } else {
      const server = createServer((socket) => {
        const at = `${socket.localAddress}:${socket.localPort}`
        dialled.push(`tcp ${at}`)
        socket.on('error', () => undefined).end(`${at} of ${cell.id}`)
      })
      server.listen({ fd })
      await once(server, 'listening')
      open.push(server)
    }
  }
  const close = async () => {
    for (const each of open.splice(0)) await new Promise<void>((resolve) => each.close(() => resolve()))
  }
  standing.push(close)
  return { dialled, close }
}

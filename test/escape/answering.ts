/** Stands where a gateway stands: takes a cell's sockets over and says, of each dial, which address it was dialled at. */
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { after } from 'node:test'
import { socketsOf } from '../../src/cells/cell-sockets.ts'
import type { LinuxCell } from '../../src/cells/linux/launch/cell.ts'
import type { CellSpec } from '../../src/cells/spec.ts'

/** As many doors as one cell may have. */
export const FULL_HOUSE: Pick<CellSpec, 'ports' | 'anywhere'> = {
  ports: Array.from({ length: 16 }, (_, i) => 7_000 + i),
  anywhere: Array.from({ length: 16 }, (_, i) => ({ transport: i % 2 === 0 ? 'tcp' : 'udp', port: 400 + i })),
}

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
        socket.send(nameAnswer(message) ?? `${message} of ${cell.id}`, port, address)
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

/** Answers a question of DNS for an address of IPv4 with 198.18.0.9, any other with none; undefined for what is no question. */
function nameAnswer(message: Buffer): Buffer | undefined {
  // A header of twelve bytes, one question: labels up to an empty one, type, class. RFC 1035
  let at = 12
  while (at < message.length && message[at] !== 0) at += (message[at] ?? 0) + 1
  if (at + 5 > message.length) return undefined
  const isAddress = message.readUInt16BE(at + 1) === 1
  const header = Buffer.from([...message.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0])
  const answer = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 18, 0, 9]
  return Buffer.concat([header, message.subarray(12, at + 5), Buffer.from(isAddress ? answer : [])])
}

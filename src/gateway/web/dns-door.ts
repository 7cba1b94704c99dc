import { createSocket } from 'node:dgram'
import { createServer, type Server, type Socket } from 'node:net'
import { dnsAnswer, dnsFaultAnswer, readDnsQuestion } from './dns-message.ts'
import type { CellNames } from './names.ts'

/** The resolver of one cell, on descriptors of its own network: it asks nobody (NM1). */
export class DnsDoor {
  readonly #names: Pick<CellNames, 'answer'>
  readonly #datagrams: ReturnType<typeof createSocket>[] = []
  readonly #servers: Server[] = []
  readonly #open = new Set<Socket>()

  constructor(names: Pick<CellNames, 'answer'>) {
    this.#names = names
  }

  /** Answers what comes over UDP. Rejects where the descriptor is no such socket. */
  receive(fd: number): Promise<void> {
    const socket = createSocket('udp4')
    this.#datagrams.push(socket)
    socket.on('message', (message, { port, address }) => {
      // Nobody hears at port 0, and Node throws at it; a program with raw sockets can write that it asks from there.
      const answer = port === 0 ? undefined : this.#answer(message)
      if (answer !== undefined) socket.send(answer, port, address, () => undefined)
    })
    return new Promise((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ fd }, () => {
        socket.off('error', reject).on('error', () => undefined)
        resolve()
      })
    })
  }

  /** Answers what comes over TCP, each message after its length in two bytes (RFC 1035, 4.2.2). */
  listen(fd: number): Promise<void> {
    const server = createServer((socket) => this.#serve(socket))
    server.maxConnections = CONNECTIONS_MAX
    this.#servers.push(server)
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ fd }, resolve)
    })
  }

  /** Closes it; a second time nothing is left to do. */
  close(): void {
    // A datagram socket that is closed throws where it is closed again.
    for (const socket of this.#datagrams.splice(0)) socket.close()
    for (const server of this.#servers.splice(0)) server.close()
    for (const socket of this.#open) socket.destroy()
  }

  #serve(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    socket.on('error', () => socket.destroy())
    socket.setTimeout(SILENCE_MS_MAX, () => socket.destroy())
    let held: Buffer = Buffer.alloc(0)
    let waits = false
    const step = () => {
      waits = false
      for (let questions = 0; held.length >= 2; questions++) {
        const length = held.readUInt16BE(0)
        if (length > QUESTION_BYTES_MAX) return void socket.destroy()
        if (held.length < 2 + length) break
        if (questions === QUESTIONS_IN_TURN) {
          // One read brings thousands, and some names take half a millisecond to judge.
          waits = true
          socket.pause()
          return void setImmediate(step)
        }
        const answer = this.#answer(held.subarray(2, 2 + length))
        held = held.subarray(2 + length)
        // Who asks on and on, and reads nothing, has its connection cut.
        if (answer === undefined || socket.destroyed || socket.writableLength > UNREAD_BYTES_MAX)
          return void socket.destroy()
        const before = Buffer.alloc(2)
        before.writeUInt16BE(answer.length)
        socket.write(Buffer.concat([before, answer]))
      }
      socket.resume()
    }
    socket.on('data', (bytes: Buffer) => {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes])
      if (!waits) step()
    })
  }

  #answer(message: Uint8Array): Uint8Array | undefined {
    const read = readDnsQuestion(message)
    if (!read.ok) return read.reason && dnsFaultAnswer(read.reason)
    const { code, addresses } = this.#names.answer(read.value)
    return dnsAnswer(read.value, code, addresses)
  }
}

/** Bytes of one question over TCP: a name and what EDNS adds have some hundreds. */
const QUESTION_BYTES_MAX = 4_096
/** Questions of one connection that are answered in one turn of the loop. */
const QUESTIONS_IN_TURN = 8
const CONNECTIONS_MAX = 16
const SILENCE_MS_MAX = 10_000
const UNREAD_BYTES_MAX = 65_536

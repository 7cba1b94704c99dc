/** A program of a cell that attacks: it dials what it likes, and writes the bytes itself. */
import type { ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Arrived, FromOutside, Names, ToOutside } from './outside.ts'

/** A place that is dialled; `tls` says what its ClientHello names. */
export interface Dialled {
  readonly address: string
  readonly port: number
  readonly tls?: { readonly servername?: string; readonly protocol?: string }
}

/** Milliseconds of silence after which an answer is taken for over: how long is waited, and nothing that is asserted. */
const QUIET_MS = 100
const SILENT_MS = 1_500
const ALL_MS = 20_000
/** Milliseconds in which an answer that has to come comes, on a machine that has other work. */
const ANSWER_MS = 120_000
/** Attacks that are under way at once. */
const AT_ONCE = 32

export class CellSide {
  readonly #outside: ChildProcess
  readonly #names = new Map<string, string>()

  constructor(outside: ChildProcess) {
    this.#outside = outside
  }

  /** Gives an order to the outside, and returns its word. */
  order(order: ToOutside): Promise<FromOutside> {
    return new Promise((resolve, reject) => {
      const onExit = () => reject(new Error('the outside has ended'))
      this.#outside.once('exit', onExit)
      this.#outside.once('message', (word) => {
        this.#outside.off('exit', onExit)
        resolve(word as FromOutside)
      })
      this.#outside.send(order)
    })
  }

  async names(names: Names): Promise<void> {
    await this.order({ kind: 'names', names })
  }

  async arrived(): Promise<Arrived> {
    const word = await this.order({ kind: 'arrived' })
    if (word.kind !== 'arrived') throw new Error(word.kind)
    return word.arrived
  }

  /** Returns the address that a name has in this cell. */
  async addressOf(name: string): Promise<string> {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const answer = await this.ask('10.9.9.9', dnsQuestion(name, 1), ANSWER_MS)
    if (answer === undefined || answer.readUInt16BE(6) !== 1) throw new Error(`${name} has no address`)
    const address = [...answer.subarray(-4)].join('.')
    this.#names.set(name, address)
    return address
  }

  /** Sends a message to a resolver over UDP, and returns its answer, if there is one. */
  ask(resolver: string, message: Uint8Array, msMax: number = SILENT_MS): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const socket = createSocket('udp4')
      const timer = setTimeout(() => settle(undefined), msMax)
      const settle = (answer: Buffer | undefined) => {
        clearTimeout(timer)
        socket.close()
        resolve(answer)
      }
      socket.once('message', settle).once('error', () => settle(undefined))
      socket.send(message, 53, resolver)
    })
  }

  /** Returns the place of a declared origin. */
  async at(name: string, scheme: 'http' | 'https' = 'https'): Promise<Dialled> {
    const address = await this.addressOf(name)
    return scheme === 'http' ? { address, port: 80 } : { address, port: 443, tls: { servername: name } }
  }

  /**
   * Sends bytes, and returns what came, one byte a character, until the connection ended or fell silent. `answer`: something
   * has to come.
   */
  async send(
    to: Dialled,
    bytes: string | readonly (string | Uint8Array)[],
    wants: 'silence' | 'answer' = 'silence',
  ): Promise<string> {
    const socket = dialling(to)
    let heard = ''
    let over = false
    let atMs = performance.now()
    socket.on('data', (piece: Buffer) => {
      heard += piece.toString('latin1')
      atMs = performance.now()
    })
    socket.on('error', () => undefined)
    socket.once('close', () => {
      over = true
    })
    for (const piece of typeof bytes === 'string' ? [bytes] : bytes) {
      if (over) break
      socket.write(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    const beganMs = performance.now()
    const silentMs = wants === 'answer' ? ANSWER_MS : SILENT_MS
    while (!over && performance.now() - beganMs < Math.max(ALL_MS, silentMs)) {
      const quietMs = performance.now() - atMs
      if (quietMs > (heard === '' ? silentMs : QUIET_MS)) break
      await delay(10)
    }
    socket.destroy()
    return heard
  }

  /** Makes attacks, so many at once, and returns what each came to. */
  async each<T, R>(
    items: readonly T[],
    attack: (item: T, i: number) => Promise<R>,
    atOnce = AT_ONCE,
  ): Promise<readonly R[]> {
    const results: R[] = []
    let next = 0
    const worker = async () => {
      for (let i = next++; i < items.length; i = next++) {
        const item = items[i] as T // below the length
        results[i] = await attack(item, i)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    return results
  }
}

function dialling({ address, port, tls }: Dialled): Socket {
  if (tls === undefined) return connect({ host: address, port })
  return connectTls({
    host: address,
    port,
    rejectUnauthorized: false,
    ...(tls.servername !== undefined && { servername: tls.servername }),
    ALPNProtocols: [tls.protocol ?? 'http/1.1'],
  })
}

/** Returns a question of a name (RFC 1035, 4.1), whatever it has for labels. */
export function dnsQuestion(name: string, type: number): Buffer {
  const labels = name === '' ? [] : name.split('.')
  const parts = labels.map((label) => Buffer.concat([Buffer.from([label.length & 255]), Buffer.from(label, 'latin1')]))
  return Buffer.concat([
    Buffer.from([0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    ...parts,
    Buffer.from([0, type >> 8, type & 255, 0, 1]),
  ])
}

/** Returns a request: its line, its headers, and what follows. */
export function request(line: string, headers: readonly string[], body = ''): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`
}

/** Returns the status of the first answer in what was heard; 0 where there is none. */
export function statusOf(heard: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(heard)?.[1] ?? 0)
}

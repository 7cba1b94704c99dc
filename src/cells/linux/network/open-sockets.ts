import { closeSync, readFileSync, writeFileSync } from 'node:fs'
import { no, ok, type Result } from '../../../model/result.ts'
import type { CellSocket } from '../../cell-sockets.ts'
import { systemFaultText } from '../../kernel/libc.ts'
import { listenAnywhere, listenLoopback, makeEveryAddressLocal, receiveAnywhere } from '../../kernel/sockets.ts'

/** Connections that wait to be accepted; a cell's clients open a handful. The kernel drops what is over it. */
const BACKLOG = 64

/**
 * Connections that the kernel remembers for a minute after their end, of a cell's network; those past it are forgotten at
 * once, which on its one loopback interface costs nothing. A stop reads through all of them: by default, of 131,072.
 */
export const CLOSED_MAX = 4_096

/**
 * Opens these sockets in the network namespace of the calling thread, and before them, where one is for every address,
 * makes every address local there. What is closed in it is bounded, where the host lets it. Returns their descriptors in
 * order, or the reason why nothing is open.
 */
export function openSockets(sockets: readonly CellSocket[]): Result<readonly number[], string> {
  if (sockets.some(({ at }) => at === 'anywhere')) {
    // A cell's never is. Of a host, the route would take it off its network.
    if (leadsSomewhere(readFileSync('/proc/thread-self/net/route', 'utf8')))
      return no('this network leads somewhere: it is no cell’s')
    const routed = makeEveryAddressLocal()
    if (!routed.ok) return no(`no address leads to the cell's gateway: ${systemFaultText(routed.reason)}`)
  }
  boundClosed()
  const opened: number[] = []
  for (const socket of sockets) {
    const fd = opening(socket)
    if (!fd.ok) {
      for (const each of opened) closeSync(each)
      return no(`port ${socket.port}: ${systemFaultText(fd.reason)}`)
    }
    opened.push(fd.value)
  }
  return ok(opened)
}

/**
 * Bounds what the calling thread's network remembers of closed connections. Where that may not be written (a container's
 * `/proc/sys`), a stop reads longer.
 */
function boundClosed(): void {
  try {
    writeFileSync('/proc/sys/net/ipv4/tcp_max_tw_buckets', `${CLOSED_MAX}`)
  } catch {
    // Then it is as it was.
  }
}

/** Tells whether a /proc/net/route has a route: a line below its head. Those of local addresses are not in it. proc(5) */
export function leadsSomewhere(table: string): boolean {
  return table.trim().split('\n').length > 1
}

function opening({ transport, at, port }: CellSocket) {
  if (at === 'loopback') return listenLoopback(port, BACKLOG)
  return transport === 'tcp' ? listenAnywhere(port, BACKLOG) : receiveAnywhere(port)
}

/** Returns a socket as one word of a command line. */
export function socketWord({ transport, at, port }: CellSocket): string {
  return `${transport}:${at}:${port}`
}

/** Reads what `socketWord` wrote; undefined for anything else. */
export function socketIn(word: string): CellSocket | undefined {
  const [, transport, at, port] = /^(tcp|udp):(loopback|anywhere):(\d{1,5})$/.exec(word) ?? []
  if (port === undefined) return undefined
  return {
    transport: transport === 'udp' ? 'udp' : 'tcp',
    at: at === 'anywhere' ? 'anywhere' : 'loopback',
    port: Number(port),
  }
}

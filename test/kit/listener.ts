import { randomInt } from 'node:crypto'
import koffi from 'koffi'
import { listenLoopback, receiveLoopback } from '../../src/cells/kernel/sockets.ts'

/** Below the range that the kernel gives to outgoing connections. */
export function listener(): { readonly port: number; readonly fd: number } {
  return free((port) => listenLoopback(port, 64))
}

/** Returns a socket of UDP on loopback, on a port as `listener` finds one. */
export function datagrams(): { readonly port: number; readonly fd: number } {
  return free(receiveLoopback)
}

/** Returns a listener on that port of 127.0.0.`last`; throws where it is taken. */
export function listening(port: number, last = 1): number {
  const fd = listenLoopback(port, 64, [127, 0, 0, last])
  if (!fd.ok) throw new Error(`${port} is taken`)
  return fd.value
}

function free(open: typeof receiveLoopback): { readonly port: number; readonly fd: number } {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20_000, 32_000)
    const fd = open(port)
    if (fd.ok) return { port, fd: fd.value }
  }
  throw new Error('no free port on loopback')
}

/** Returns what a socket speaks; throws where it is none. getsockopt(2), SO_TYPE */
export function transportOf(fd: number): 'tcp' | 'udp' {
  const type = new Int32Array(1)
  if (getsockopt(fd, 1, 3, type, new Uint32Array([4])) !== 0) throw new Error('not a socket')
  return type[0] === 2 ? 'udp' : 'tcp'
}

const getsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: Uint32Array) => number = koffi
  .load('libc.so.6')
  .func('int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *bytes)')

import type { Socket } from 'node:net'
import koffi from 'koffi'

/**
 * Makes the kernel give up what a connected socket holds when it is closed, also where this process is killed: the
 * connection is reset. Otherwise it would go on sending what was written, which are megabytes where the other end reads
 * slowly. A socket that refuses is destroyed. socket(7), SO_LINGER
 */
export function resetsOnClose(socket: Socket): void {
  // A parser of what Node shows of a TCP or TLS stream, and its types do not.
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly fd?: unknown } | null }
  const fd = typeof handle?.fd === 'number' ? handle.fd : -1
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, AT_ONCE, AT_ONCE.byteLength) < 0) socket.destroy()
}

const SOL_SOCKET = 1
const SO_LINGER = 13
/** `struct linger`: on, for 0 seconds. */
const AT_ONCE = new Int32Array([1, 0])

const setsockopt: (fd: number, level: number, name: number, value: Int32Array, bytes: number) => number = koffi
  .load('libc.so.6')
  .func('int setsockopt(int fd, int level, int name, const int *value, uint32_t bytes)')

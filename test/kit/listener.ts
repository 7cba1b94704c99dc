import { randomInt } from 'node:crypto'
import { listenLoopback } from '../../src/cells/kernel/libc.ts'

/** Below the range that the kernel gives to outgoing connections. */
export function listener(): { readonly port: number; readonly fd: number } {
  for (let attempt = 0; attempt < 50; attempt++) {
    const port = randomInt(20_000, 32_000)
    const fd = listenLoopback(port, 64)
    if (fd.ok) return { port, fd: fd.value }
  }
  throw new Error('no free port on loopback')
}

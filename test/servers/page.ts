/** A page of a shop on this host, served by a process of its own: who asks for it waits for commands meanwhile. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'

const HTML = `<!doctype html><meta charset="utf-8"><title>The shop</title><h1>Tea, 3.50 EUR</h1>
<button onclick="this.textContent='bought'">Buy</button>`

export interface Page {
  readonly url: string
  close(): void
}

export async function openPage(): Promise<Page> {
  const server = fork(import.meta.filename)
  const [port] = await once(server, 'message')
  return { url: `http://127.0.0.1:${port}/`, close: () => server.kill() }
}

if (import.meta.main) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end(HTML)
  })
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo // of a server that listens on TCP
    process.send?.(port)
  })
  process.on('disconnect', () => process.exit())
}

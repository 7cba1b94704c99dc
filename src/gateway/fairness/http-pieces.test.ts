import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, it } from 'node:test'
import { createServer } from '../../model/host/node-http.ts'
import { cutConnection, parseInPieces } from './http-pieces.ts'

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** Sends all of it on one connection to a server that parses in pieces; resolves when the connection is closed. */
async function sent(bytes: string, listener: RequestListener): Promise<void> {
  const server = createServer(listener)
  server.on('connection', parseInPieces)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').resume()
  socket.on('error', () => undefined)
  socket.write(bytes)
  await new Promise((resolve) => socket.once('close', resolve))
  server.close()
}

describe('HTTP that is parsed in pieces', () => {
  it('S14: no request is made of what follows on a connection that one of its requests has cut', async () => {
    let requests = 0
    await sent(REQUEST.repeat(300_000 / REQUEST.length), ({ socket }, response) => {
      requests++
      if (requests === 2) cutConnection(socket)
      response.end()
    })
    assert.equal(requests, 2)
  })

  it('makes each request of many that come at once, where none cuts', async () => {
    let requests = 0
    await sent(REQUEST.repeat(1_000), (_request, response) => {
      requests++
      if (requests === 1_000) response.setHeader('connection', 'close')
      response.end()
    })
    assert.equal(requests, 1_000)
  })
})

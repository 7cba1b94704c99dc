/** The floor in Node: node:https with a ready certificate in front, an undici Pool over TLS behind, nothing looked at. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import process from 'node:process'
import { Pool } from 'undici'

const [, , certificate = '', key = '', authority = '', origin = ''] = process.argv
const pool = new Pool(origin, { connections: 32, connect: { ca: readFileSync(authority) } })
const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, async (request, response) => {
  request.resume()
  const { accept = '' } = request.headers
  const reply = await pool.request({ path: request.url ?? '/', method: 'GET', headers: { accept } })
  response.writeHead(reply.statusCode, {
    'content-type': String(reply.headers['content-type']),
    'content-length': String(reply.headers['content-length']),
  })
  reply.body.pipe(response)
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

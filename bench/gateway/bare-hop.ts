/** The floor in Node: node:http in front, an undici Pool behind, bodies passed on, nothing looked at. */
import { createServer } from 'node:http'
import process from 'node:process'
import { Pool } from 'undici'

const pool = new Pool(process.argv[2] ?? '', { connections: 32 })
const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', async () => {
    const { 'content-type': type = '', accept = '' } = request.headers
    const headers = { 'content-type': type, accept }
    const reply = await pool.request({ path: request.url ?? '/', method: 'POST', headers, body: Buffer.concat(chunks) })
    const body = Buffer.from(await reply.body.arrayBuffer())
    response
      .writeHead(reply.statusCode, {
        'content-type': String(reply.headers['content-type']),
        'content-length': body.length,
      })
      .end(body)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

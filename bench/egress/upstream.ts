/** The origin of the egress bench: answers a request with 548 bytes of JSON, `/bytes/N` with N bytes, over TLS. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import process from 'node:process'

const [, , certificate = '', key = ''] = process.argv
const ANSWER = JSON.stringify({ id: 'note-1', text: 'y'.repeat(520) })
const PIECE = Buffer.alloc(262_144, 'x')

const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (request, response) => {
  const [, bytes] = /^\/bytes\/(\d+)$/.exec(request.url ?? '') ?? []
  request.resume()
  if (bytes === undefined) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length }).end(ANSWER)
    return
  }
  let left = Number(bytes)
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': left })
  const more = () => {
    while (left > 0) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE
      left -= piece.length
      if (!response.write(piece)) return void response.once('drain', more)
    }
    response.end()
  }
  more()
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

/** The upstream of the gateway bench: answers MCP 2026-07-28 with a fixed result of 548 bytes, and nothing else. */
import { createServer } from 'node:http'
import process from 'node:process'
import { answerTo } from './answers.ts'

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const answer = answerTo(JSON.parse(Buffer.concat(chunks).toString()))
    if (answer === undefined) {
      response.writeHead(405).end()
      return
    }
    response
      .writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) })
      .end(answer)
  })
})
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

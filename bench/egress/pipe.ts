/** The floor of a tunnel in Node: two sockets, piped into each other. */
import { connect, createServer } from 'node:net'
import process from 'node:process'

const server = createServer((near) => {
  const far = connect(Number(process.argv[2]), '127.0.0.1')
  near.pipe(far).pipe(near)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
})
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  process.stdout.write(`${typeof address === 'object' && address ? address.port : ''}\n`)
})

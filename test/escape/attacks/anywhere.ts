/**
 * Dials addresses from a cell of which every one leads to its gateway. argv: a JSON list of what to try, each
 * `[tcp|udp, host, port]`. A peer answers with where it was dialled.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import process from 'node:process'
import { report } from './raw.ts'

const WAIT_MS = 5_000

const overTcp = (host: string, port: number) =>
  new Promise<string>((resolve) => {
    const socket = connect({ host, port, timeout: WAIT_MS })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : String(error)))
    socket.on('timeout', () => socket.destroy(new Error('it waits')))
    socket.on('end', () => resolve(text))
  })

const overUdp = (host: string, port: number) =>
  new Promise<string>((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const timer = setTimeout(() => done('it waits'), WAIT_MS)
    const done = (said: string) => {
      clearTimeout(timer)
      socket.close()
      resolve(said)
    }
    socket.on('error', (error) => done('code' in error ? String(error.code) : String(error)))
    // Connected: the kernel passes on nothing but what comes from there, and says who refuses.
    socket.connect(port, host, (error?: Error) => {
      if (error !== undefined) done('code' in error ? String(error.code) : String(error))
      else socket.send('a question')
    })
    socket.on('message', (message, { address, port: from }) => done(`${message} from ${address}:${from}`))
  })

const asked: readonly (readonly [string, string, number])[] = JSON.parse(process.argv[2] ?? '[]')
const results: [string, string][] = []
for (const [transport, host, port] of asked)
  results.push([`${transport} ${host} ${port}`, await (transport === 'udp' ? overUdp : overTcp)(host, port)])
report(Object.fromEntries(results))

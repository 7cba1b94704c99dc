/** Every way to a socket of the host. Arguments: port of a host server, its other address, an abstract name. */
import { lookup } from 'node:dns/promises'
import { constants, existsSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { connect, createServer, type NetConnectOpts } from 'node:net'
import { report, tried } from './raw.ts'

const [port = '1', address = '192.0.2.1', abstractName = ''] = process.argv.slice(2)

const met = (options: NetConnectOpts) =>
  new Promise<string>((resolve) => {
    const socket = connect({ ...options, timeout: 1_500 })
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    socket.on('error', (error) => resolve('code' in error ? String(error.code) : String(error)))
    socket.on('timeout', () => {
      socket.destroy()
      resolve('ETIMEDOUT')
    })
    socket.on('end', () => resolve(`met: ${text.trim()}`))
  })

const listening = (path: string) =>
  new Promise<string>((resolve) => {
    const server = createServer().on('error', (error) => resolve('code' in error ? String(error.code) : ''))
    server.listen(path, () => {
      server.close()
      resolve('listens')
    })
  })

report({
  'host loopback': await met({ host: '127.0.0.1', port: Number(port) }),
  'host loopback, IPv6': await met({ host: '::1', port: Number(port) }),
  'host address': await met({ host: address, port: Number(port) }),
  'the metadata service': await met({ host: '169.254.169.254', port: 80 }),
  'the internet': await met({ host: '198.51.100.1', port: 443 }),
  'host abstract socket': await met({ path: `\0${abstractName}` }),
  'host socket in the workspace': await met({ path: '/work/host.sock' }),
  'host fifo in the workspace': tried(() => openSync('/work/host.fifo', constants.O_WRONLY | constants.O_NONBLOCK)),
  'docker socket': existsSync('/var/run/docker.sock'),
  'firebreak directory': existsSync('/run/firebreak'),
  'a name': await lookup('example.com').then(
    () => 'found',
    (error) => String(error.code),
  ),
  interfaces: readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .slice(2)
    .map((line) => line.split(':')[0]?.trim())
    .filter(Boolean)
    .join(' '),
  gateway: await met({ host: '127.0.0.1', port: 7070 }),
  'own socket': await listening('/tmp/own.sock'),
  run: readdirSync('/run').join(' '),
})

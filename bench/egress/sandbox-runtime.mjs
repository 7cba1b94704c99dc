// The proxy of sandbox-runtime, which ends TLS: `node sandbox-runtime.mjs <its package> <file of the origin's authority>`.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'

const [, , directory, authority] = process.argv
const load = (file) => import(pathToFileURL(join(directory, 'dist', 'sandbox', file)).href)
const { createHttpProxyServer } = await load('http-proxy.js')
const ca = await load('mitm-ca.js')

const mitmCA = await ca.createMitmCA({})
const server = createHttpProxyServer({
  filter: () => true,
  mitmCA,
  tlsTerminateUpstreamCA: readFileSync(authority, 'utf8'),
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`))

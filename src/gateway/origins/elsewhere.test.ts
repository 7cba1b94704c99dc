import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { after, it } from 'node:test'
import { upstreamName } from '../../model/index.ts'
import { connectHttpUpstream } from '../protocols/mcp/server/http-upstream.ts'
import { belongsElsewhere } from './elsewhere.ts'

let asked = 0
const server = createServer((_, answer) => {
  asked++
  answer.writeHead(500).end()
})
await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done))
after(() => server.close())
const { port } = server.address() as AddressInfo

const connect = (host: string, elsewhere: readonly string[]) =>
  connectHttpUpstream({
    name: upstreamName('pay'),
    url: new URL(`http://${host}:${port}/mcp`),
    headers: new Map(),
    elsewhere,
  })

it('S6: a name that leads to a place of another environment is not followed, whatever it is called', async () => {
  for (const host of ['localhost', '127.0.0.1', '127.0.0.2', '[::1]', hostname()]) {
    const connected = await connect(host, [`this host:${port}`])
    assert.ok(!connected.ok)
    assert.match(connected.reason.why, /another environment|no address|ENOTFOUND|EAI_AGAIN/, host)
  }
  assert.equal(asked, 0)
  await connect('localhost', [`this host:${port + 1}`, '10.0.0.1:80'])
  assert.ok(asked > 0)
})

it('S6: an address that another environment has written down is its place, a name by itself is not', () => {
  assert.match(belongsElsewhere('10.9.8.7', 80, ['10.9.8.7:80']) ?? '', /another environment/)
  assert.match(belongsElsewhere('[::ffff:10.9.8.7]', 80, ['10.9.8.7:80']) ?? '', /another environment/)
  assert.equal(belongsElsewhere('10.9.8.7', 81, ['10.9.8.7:80']), undefined)
  assert.equal(belongsElsewhere('api.example', 80, ['api.example:80']), undefined)
})

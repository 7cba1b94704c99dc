import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { cleanUp } from '../../../test/kit/temporary.ts'
import { createServer } from '../../model/host/node-http.ts'
import { NodeReply } from './web-reply.ts'

describe('an answer to a cell', () => {
  it('S15: that is refused twice says the first reason, whole', async () => {
    let destroyed = 0
    const server = createServer((_, response) => {
      const reply = new NodeReply(response, () => void destroyed++)
      reply.refuse(403, 'refused by Firebreak: it may not do this', 'a_1')
      reply.refuse(502, 'refused by Firebreak: what its list says is not known')
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    cleanUp(() => void server.close().closeAllConnections())
    const { port } = server.address() as AddressInfo // it listens on a port
    const answer = await fetch(`http://127.0.0.1:${port}`)
    const said = await answer.text()
    assert.deepEqual([answer.status, said, destroyed], [403, 'refused by Firebreak: it may not do this\n', 0])
  })
})

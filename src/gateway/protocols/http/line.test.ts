import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { cleanUp } from '../../../../test/kit/temporary.ts'
import { until } from '../../../../test/kit/until.ts'
import { createServer } from '../../../model/host/node-http.ts'
import { environmentName, LIMITS, upstreamName } from '../../../model/index.ts'
import { readOrigin } from '../../origins/origin.ts'
import { HttpLine } from './line.ts'

describe('the line to an origin', () => {
  it('S14: S17: has so many connections, and asks for the rest when one is free', async () => {
    const waiting: ServerResponse[] = []
    let answered = 0
    const server = createServer((_request, response) => void waiting.push(response))
    let [open, most] = [0, 0]
    server.on('connection', (socket) => {
      most = Math.max(most, ++open)
      socket.once('close', () => open--)
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    cleanUp(() => void server.close())
    const { port } = server.address() as AddressInfo // it listens on a port
    const origin = readOrigin(`http://127.0.0.1:${port}`)
    assert.ok(origin.ok)
    const line = new HttpLine({
      name: upstreamName('api'),
      environment: environmentName('test'),
      origin: origin.value,
      tools: [],
      injected: [],
      headers: () => new Map(),
      elsewhere: [],
    })
    cleanUp(() => line.close())
    const asked = LIMITS.originConnectionsMax + 8
    for (let i = 0; i < asked; i++)
      line.pool.dispatch(
        { path: `/${i}`, method: 'GET' },
        {
          onRequestStart: () => undefined,
          onResponseStart: () => undefined,
          onResponseData: () => undefined,
          onResponseEnd: () => void answered++,
          onResponseError: () => undefined,
        },
      )
    await until('all connections are used', () => waiting.length === LIMITS.originConnectionsMax)
    for (const response of waiting.splice(0)) response.end()
    await until('the rest is asked for', () => waiting.length === asked - LIMITS.originConnectionsMax)
    for (const response of waiting.splice(0)) response.end()
    await until('all are answered', () => answered === asked)
    assert.equal(most, LIMITS.originConnectionsMax)
  })
})

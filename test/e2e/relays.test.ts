/**
 * A leaked production credential, in a test cell whose agent has a fetcher, a browser and a shell: it has no wire to travel
 * on. Real cells; the production server counts every connection.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { definitionDigest } from '../../src/gateway/protocols/mcp/contract/definition.ts'
import { writeAccepted } from '../../src/host/prepare/accepted.ts'
import type { Entry } from '../../src/model/entry.ts'
import { type JsonObject, personName, toolName, upstreamName } from '../../src/model/index.ts'
import { firebreak, ledgerOf, NODE_CELL, repository, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'
import { definitions } from './agents/relay.ts'

/** On loopback; `met` counts connections, not only requests. */
async function serve(listener: RequestListener) {
  const server = createServer(listener)
  const count = { met: 0 }
  server.on('connection', () => count.met++)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { port, origin: `http://127.0.0.1:${port}`, count }
}

describe('S6: relays', { skip: SKIP }, () => {
  let production: Awaited<ReturnType<typeof serve>>
  let partner: Awaited<ReturnType<typeof serve>>
  const hosts: (string | undefined)[] = []
  const urls: (string | undefined)[] = []
  let said: Readonly<Record<string, string>> = {}
  let ledger: readonly Entry[] = []

  before(async () => {
    production = await serve((_, response) => response.end('PRODUCTION'))
    partner = await serve((request, response) => {
      hosts.push(request.headers.host)
      urls.push(request.url)
      if (request.url === '/away') return void response.writeHead(307, { location: `${production.origin}/` }).end()
      if (request.url === '/page') return void response.end(`<img src="${production.origin}/pixel">`)
      response.end('the partner')
    })
    const [P, Q] = [production.port, partner.port]
    const proxy = '-x http://127.0.0.1:7071'
    const raw = (lines: string) =>
      `exec 3<>/dev/tcp/127.0.0.1/7071; printf '${lines}\\r\\n\\r\\n' >&3; timeout 2 head -c 200 <&3`
    const attempts: Readonly<Record<string, readonly [upstream: string, tool: string, what: string]>> = {
      'honest fetch': ['relay', 'fetch', `${partner.origin}/`],
      'honest curl': ['relay', 'shell', `curl -s ${partner.origin}/; curl -s -p ${proxy} ${partner.origin}/`],
      'fetch of production': ['relay', 'fetch', `${production.origin}/`],
      'fetch by other names': [
        'relay',
        'shell',
        [
          `localhost:${P}`,
          `127.1:${P}`,
          `0x7f000001:${P}`,
          `0:${P}`,
          `[::1]:${P}`,
          `[::ffff:127.0.0.1]:${P}`,
          `127.0.0.1:${Q}@127.0.0.1:${P}`,
        ]
          .map((at) => `curl -g -s -m 2 -o /dev/null -w '%{http_code} ' http://${at}/`)
          .join('; '),
      ],
      'browse to a redirect': ['relay', 'browse', `${partner.origin}/away`],
      'browse a page that loads it': ['relay', 'browse', `${partner.origin}/page`],
      'past the proxy': [
        'relay',
        'shell',
        `curl -s -m 2 --noproxy '*' ${production.origin}/; echo $?; (exec 3<>/dev/tcp/127.0.0.1/${P}) 2>&1`,
      ],
      'a tunnel': ['relay', 'shell', `curl -s -m 2 -p ${proxy} ${production.origin}/; echo $?`],
      'another Host': ['relay', 'shell', `curl -s ${proxy} -H 'Host: 127.0.0.1:${P}' ${partner.origin}/`],
      'a raw tunnel': [
        'relay',
        'shell',
        raw(`CONNECT 127.0.0.1:${Q}@127.0.0.1:${P} HTTP/1.1\\r\\nHost: 127.0.0.1:${Q}`),
      ],
      'a raw request': ['relay', 'shell', raw(`GET http://127.0.0.1:${P}/ HTTP/1.1\\r\\nHost: 127.0.0.1:${Q}`)],
      'a request within a request': [
        'relay',
        'shell',
        ['GET', 'DELETE', 'HEAD', 'OPTIONS']
          .map((method) => {
            const head = `${method} http://127.0.0.1:${Q}/outer HTTP/1.1\\r\\nHost: x\\r\\nTransfer-Encoding: chunked`
            const inner = 'POST /inner HTTP/1.1\\r\\nHost: other.example\\r\\nContent-Length: 0\\r\\n\\r\\n'
            return raw(`${head}\\r\\n\\r\\n40\\r\\n${inner}\\r\\n0`)
          })
          .join('; '),
      ],
      'after three hundred others': [
        'relay',
        'shell',
        `curl -s -o /dev/null 'http://nobody-[1-300].example/'; curl -s ${partner.origin}/late`,
      ],
      'the gateway’s own': [
        'relay',
        'shell',
        'curl -s -m 2 http://169.254.169.254/; echo $?; curl -s --noproxy "*" http://127.0.0.1:7070/mcp; echo $?',
      ],
      'no relay': [
        'plain',
        'shell',
        `curl -s -m 2 ${proxy} ${partner.origin}/; echo $?; curl -s -m 2 ${partner.origin}/; echo $?; env | grep -ci proxy`,
      ],
    }
    const cell = { ...NODE_CELL, files: { ...NODE_CELL.files, '/opt/agents': join(repository, 'test/e2e/agents') } }
    const mcp = { command: ['/opt/node', '/opt/agents/relay.ts'], cell }
    const tools = { fetch: 'write', browse: 'write', shell: 'write' } as const
    const directory = temporaryDirectory()
    const calls = Object.values(attempts).map(([upstream, tool, what]) => ({
      method: 'tools/call',
      params: { name: `${upstream}__${tool}`, arguments: { what } },
    }))
    const config = writeConfig(directory, {
      environments: { test: { egress: [partner.origin] }, production: {} },
      upstreams: {
        relay: { mcp, tools, relay: true },
        plain: { mcp, tools },
        payments: { environment: 'production', mcp: { url: `${production.origin}/mcp` } },
      },
      agents: {
        alpha: {
          cell,
          command: ['/opt/node', '/opt/agents/calls.ts', JSON.stringify(calls)],
          grants: ['relay', 'plain'].map((upstream) => ({ upstream, tools: Object.keys(tools), expires: '1h' })),
        },
      },
    })
    const accepted = definitions.map((definition) => {
      const name = toolName(definition.name)
      const by = { acceptedBy: personName('maria.silva@shop.example'), acceptedAtMs: Date.now() }
      // Plain JSON, as the relay sends it.
      const json = definition as unknown as JsonObject
      return [name, { name, definition: json, digest: definitionDigest(json), ...by }] as const
    })
    writeAccepted(config, new Map(['relay', 'plain'].map((name) => [upstreamName(name), new Map(accepted)])))
    const state = join(directory, 'state')
    const ran = await firebreak(['run', '--config', config, '--agent', 'alpha', '--state', state])
    assert.equal(ran.code, 0, ran.stderr)
    const replies = JSON.parse(ran.stdout) as readonly {
      readonly result?: { readonly content: readonly { text: string }[] }
    }[]
    said = Object.fromEntries(
      Object.keys(attempts).map((name, i) => [
        name,
        replies[i]?.result?.content[0]?.text ?? JSON.stringify(replies[i]),
      ]),
    )
    ledger = await ledgerOf(state)
  })

  it('what its environment declares is reached, by each way of asking', () => {
    assert.equal(said['honest fetch'], 'the partner')
    assert.equal(said['honest curl'], 'the partnerthe partner')
  })

  it('production is not: no argument of a fetcher, a browser or a shell makes one connection', () => {
    assert.equal(production.count.met, 0, JSON.stringify(said, null, 1))
    assert.match(said['fetch of production'] ?? '', /^(failed: fetch failed|status 403)$/)
    assert.doesNotMatch(said['fetch by other names'] ?? '', /200/)
    for (const name of ['browse to a redirect', 'browse a page that loads it'])
      assert.match(said[name] ?? '', /failed|403/)
    assert.match(said['past the proxy'] ?? '', /^7\n[\s\S]*Connection refused/)
    assert.match(said['a tunnel'] ?? '', /^56\n/)
    for (const name of ['a raw tunnel', 'a raw request']) assert.match(said[name] ?? '', /^HTTP\/1\.1 403/)
  })

  it('the Host that a request names is the place that it goes to', () => {
    assert.equal(said['another Host'], 'the partner')
    assert.ok(
      hosts.every((host) => host === `127.0.0.1:${partner.port}`),
      String(hosts),
    )
  })

  it('no body of one request is another one, and no place is forgotten after a number of others', () => {
    assert.doesNotMatch(said['a request within a request'] ?? '', /HTTP\/1\.1 200/)
    assert.ok(!urls.includes('/inner') && !urls.includes('/outer'), String(urls))
    assert.equal(said['after three hundred others'], 'the partner')
    const places = ledger.flatMap((entry) => (entry.kind === 'action.refused' ? [entry.tool] : []))
    for (let i = 1; i <= 300; i++) assert.ok(places.includes(toolName(`http://nobody-${i}.example/`)), `${i}`)
  })

  it('S1: nothing else is there, neither this host nor an agent’s own gateway', () => {
    assert.equal(said['the gateway’s own'], '0\n7\n')
  })

  it('a server that is no relay has no way out, not even to what is declared', () => {
    assert.equal(said['no relay'], '7\n7\n0\n')
  })

  it('every place that was asked for is in the ledger', () => {
    const tried = ledger.flatMap((entry) => {
      const isAttempt = entry.kind === 'action.intent' || entry.kind === 'action.refused'
      return isAttempt && entry.operation?.endsWith('.connect') ? [entry] : []
    })
    const allowed = tried.filter(({ kind }) => kind === 'action.intent')
    assert.deepEqual([...new Set(allowed.map(({ tool }) => tool))], [`127.0.0.1:${partner.port}`])
    assert.ok(
      tried.some(({ kind, tool }) => kind === 'action.refused' && tool?.includes(`127.0.0.1:${production.port}`)),
    )
    assert.ok(tried.every(({ upstream, cell }) => upstream === 'relay' && cell.startsWith('c_')))
    assert.ok(
      tried.every(({ during }) => during !== undefined),
      'each is made on the word of a call',
    )
  })

  it('control: outside of a cell it is one connection away', async () => {
    assert.equal(await (await fetch(production.origin)).text(), 'PRODUCTION')
    assert.equal(production.count.met, 1)
  })
})

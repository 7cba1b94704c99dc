import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, isIP } from 'node:net'
import { after, it } from 'node:test'
import { holding, INNER_V4, INNER_V6, repairedTo, spellingsOf } from '../../../../test/kit/address-spellings.ts'
import { listener } from '../../../../test/kit/listener.ts'
import { Egress } from './egress.ts'
import { tellingWay, type Wanted, WENT } from './way.ts'

let reached = 0
const server = createServer((socket) => {
  reached++
  socket.on('error', () => undefined).end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
})
server.listen(0, '::')
await once(server, 'listening')
after(() => server.close())
const { port } = server.address() as AddressInfo // it listens on a port

/** Resolves when what was sent to a proxy is over, with the status that came back; empty where none did. */
function statusOf(proxy: number, line: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(proxy, '127.0.0.1', () =>
      socket.write(`${line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    )
    // Of a request that is none of ours the proxy may wait for the rest.
    socket.setTimeout(2_000, () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
    })
    socket.on('error', () => undefined).on('close', () => resolve(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? ''))
  })
}

async function statuses(proxy: number, lines: readonly string[]): Promise<ReadonlySet<string>> {
  const all = new Set<string>()
  for (let i = 0; i < lines.length; i += 32)
    for (const status of await Promise.all(lines.slice(i, i + 32).map((line) => statusOf(proxy, line)))) all.add(status)
  return all
}

it('S6: no spelling of an inner address is a way out, whichever parser reads it', async () => {
  const { port: proxy, fd } = listener()
  const asked: string[] = []
  const egress = new Egress({
    listener: fd,
    origins: ['https://api.example', `http://plain.example:${port}`],
    elsewhere: [],
    way: tellingWay(),
    resolve: async (host) => {
      asked.push(host)
      return ['127.0.0.1']
    },
  })
  try {
    const hosts = [
      ...INNER_V4.flatMap((address) => [address, ...spellingsOf(address).slice(0, 60), ...repairedTo(address)]),
      ...[...INNER_V6, ...INNER_V4.flatMap(holding)].map((address) => (isIP(address) === 6 ? `[${address}]` : address)),
    ]
    const lines = hosts.flatMap((host) => [`CONNECT ${host}:${port}`, `GET http://${host}:${port}/a`])
    assert.ok(lines.length >= 1_000, `${lines.length}`)
    const seen = await statuses(proxy, lines)
    assert.deepEqual([[...seen].filter((status) => !['', '400', '403'].includes(status)), reached], [[], 0])
    // What is declared leads nowhere else, although its name does.
    assert.deepEqual(
      await statuses(proxy, [`GET http://plain.example:${port}/a`, 'CONNECT api.example:443']),
      new Set(['403']),
    )
    assert.deepEqual([new Set(asked), reached], [new Set(['plain.example', 'api.example']), 0])
  } finally {
    egress.close()
  }
})

it('S4: a connection is to the address that was told of it, or to none', async () => {
  const before = reached
  for (const [other, calls] of [
    ['127.0.0.2', 1],
    ['127.0.0.1', 2],
  ] as const) {
    const { port: proxy, fd } = listener()
    const problems: unknown[] = []
    const way = {
      go: async ({ resolve, pass }: Wanted) => {
        await resolve()
        const options = { lastCheck: () => undefined, signal: new AbortController().signal }
        for (let i = 0; i < calls; i++)
          try {
            await pass(other, options)
          } catch (error) {
            problems.push(error instanceof Error ? error.message : error)
          }
        return WENT
      },
    }
    const egress = new Egress({ listener: fd, origins: [`http://127.0.0.1:${port}`], elsewhere: [], way })
    try {
      await statusOf(proxy, `CONNECT 127.0.0.1:${port}`)
      for (let i = 0; i < 500 && problems.length === 0; i++) await new Promise((resolve) => setTimeout(resolve, 10))
      assert.match(String(problems), /not judged|nobody has judged/)
    } finally {
      egress.close()
    }
  }
  // The second time the right address was asked for twice, of one judgement.
  assert.equal(reached - before, 1)
})

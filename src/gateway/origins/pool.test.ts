import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createServer as createSecure } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { after, describe, it } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { AUTHORITY, CERTIFICATE, KEY } from '../../../test/kit/certificates.ts'
import { makeCertificate } from '../../../test/kit/make-certificate.ts'
import { poolTo } from './pool.ts'

const closing: (() => unknown)[] = []
after(() => Promise.all(closing.map((close) => close())))

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port // it listens on a port
}

const MEANS = {
  elsewhere: [],
  mayBePrivate: true,
  caKey: 'ca: ./ca.pem',
  connectionsMax: 2,
  silenceMsMax: 5_000,
} as const

/** Returns the status of a request, or why there is none. */
function statusOf(pool: ReturnType<typeof poolTo>, path: string): Promise<number | string> {
  return new Promise((resolve) => {
    pool.dispatch(
      { path, method: 'GET' },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_, status) => resolve(status),
        onResponseData: () => undefined,
        onResponseEnd: () => undefined,
        onResponseError: (_, error) => resolve(error.message),
      },
    )
  })
}

describe('a pool of connections to one origin', () => {
  it('DI8: takes a redirect for an answer, wherever it leads', async () => {
    const asked: string[] = []
    const elsewhere = await portOf(createServer((_, answer) => answer.end(asked.push('elsewhere').toString())))
    const port = await portOf(
      createServer(({ url = '' }, answer) => {
        asked.push(url)
        answer.writeHead(Number(url.slice(1)), { location: `http://127.0.0.1:${elsewhere}/` }).end()
      }),
    )
    const pool = poolTo(new URL(`http://127.0.0.1:${port}`), MEANS)
    closing.push(() => pool.destroy())
    for (const status of [301, 302, 303, 307, 308]) assert.equal(await statusOf(pool, `/${status}`), status)
    assert.deepEqual(asked, ['/301', '/302', '/303', '/307', '/308'])
  })

  it('judges whoever answers at each new connection, and goes on in a session that was judged', async () => {
    const resumed: boolean[] = []
    const server = createSecure({ cert: CERTIFICATE, key: KEY }, ({ socket }, answer) => {
      resumed.push((socket as TLSSocket).isSessionReused()) // its server speaks TLS alone
      answer.writeHead(204, { connection: 'close' }).end()
    })
    const port = await portOf(server)
    const believing = poolTo(new URL(`https://127.0.0.1:${port}`), { ...MEANS, ca: AUTHORITY })
    const doubting = poolTo(new URL(`https://127.0.0.1:${port}`), MEANS)
    closing.push(() => believing.destroy())
    closing.push(() => doubting.destroy())
    assert.equal(await statusOf(believing, '/'), 204)
    assert.match(String(await statusOf(doubting, '/')), /^TLS: unable to .*; give the authority that signed it: ca: /)
    assert.equal(await statusOf(believing, '/'), 204)
    assert.match(String(await statusOf(doubting, '/')), /^TLS: /)
    assert.deepEqual(resumed, [false, true])
  })

  it('S10: does not take up a session with whoever was refused before', async () => {
    const authority = makeCertificate({ name: 'An authority', isAuthority: true })
    const parts = { name: 'a', by: authority }
    for (const [made, why] of [
      [makeCertificate({ ...parts, names: ['DNS:other.example'] }), /TLS: .*for other\.example, and not for/],
      [
        makeCertificate({ ...parts, names: ['IP:127.0.0.1'], isAuthority: true, keyUsage: null }),
        /that of an authority/,
      ],
    ] as const)
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        let asked = 0
        const port = await portOf(
          createSecure({ cert: made.pem, key: made.key, maxVersion }, (_, answer) => answer.end(`${++asked}`)),
        )
        const pool = poolTo(new URL(`https://127.0.0.1:${port}`), { ...MEANS, ca: authority.pem })
        closing.push(() => pool.destroy())
        for (let i = 0; i < 3; i++) assert.match(String(await statusOf(pool, '/')), why, `${maxVersion}, ${i}`)
        assert.equal(asked, 0)
      }
  })

  it('S6: goes to no place of another environment', async () => {
    let asked = 0
    const port = await portOf(createServer((_, answer) => answer.end(`${++asked}`)))
    const pool = poolTo(new URL(`http://localhost:${port}`), { ...MEANS, elsewhere: [`this host:${port}`] })
    closing.push(() => pool.destroy())
    assert.match(String(await statusOf(pool, '/')), /another environment/)
    assert.equal(asked, 0)
  })
})

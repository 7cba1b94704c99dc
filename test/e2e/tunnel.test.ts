/**
 * A program of a real cell that knows its server's key, and would speak with nobody else: curl with an authority of its own.
 * TLS is between the two; the gate decides over the connection, counts what passes, and reads none of it.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import type { Entry } from '../../src/model/entry.ts'
import { saidIn, scriptOf } from '../kit/attempts.ts'
import { firebreak, ledgerOf, SKIP } from '../kit/command-line.ts'
import { writeConfig } from '../kit/config-text.ts'
import { makeCertificate } from '../kit/make-certificate.ts'
import { cleanUp, temporaryDirectory } from '../kit/temporary.ts'

const AUTHORITY = makeCertificate({ name: 'pinned', isAuthority: true })

/** An origin on loopback whose certificate only those trust who were told of it. */
async function origin() {
  const { pem, key } = makeCertificate({ name: 'origin', by: AUTHORITY, names: ['IP:127.0.0.1'] })
  const heard: string[] = []
  const server = createServer({ cert: pem, key }, (request, response) => {
    heard.push(`${request.method} ${request.url} for ${request.headers.host}`)
    response.end(`answer to ${request.url}`)
  })
  const count = { met: 0 }
  server.on('connection', () => count.met++)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  cleanUp(() => void server.close())
  const { port } = server.address() as AddressInfo // it listens on a port
  return { port, text: `https://127.0.0.1:${port}`, heard, count }
}

describe('an origin that a program speaks TLS with itself', { skip: SKIP }, () => {
  let said: Readonly<Record<string, string>> = {}
  let entries: readonly Entry[] = []
  let pinned: Awaited<ReturnType<typeof origin>>
  let inspected: Awaited<ReturnType<typeof origin>>

  before(async () => {
    pinned = await origin()
    inspected = await origin()
    const directory = temporaryDirectory()
    const ca = join(directory, 'pinned.pem')
    writeFileSync(ca, AUTHORITY.pem)
    const curl = "curl -sS -m 20 -w ' [%{http_code}]'"
    const own = `${curl} --cacert /pinned.pem`
    const script = scriptOf({
      pinned: `${own} ${pinned.text}/one ${pinned.text}/two`,
      'another name in TLS': `${curl} -k --resolve other.example:${pinned.port}:127.0.0.1 https://other.example:${pinned.port}/three`,
      inspected: `${own} ${inspected.text}/four`,
      'the second': `${own} ${pinned.text}/five`,
      'one too many': `${curl} ${pinned.text}/six`,
      'one too many, pinned': `${own} ${pinned.text}/seven`,
    })
    const state = join(directory, 'state')
    const file = writeConfig(directory, {
      upstreams: {
        bank: { tunnel: { origin: pinned.text } },
        web: { http: { origin: inspected.text, ca }, tools: { 'GET /{path*}': 'read' } },
      },
      agents: {
        alpha: {
          cell: { files: { '/pinned.pem': ca } },
          grants: [
            { upstream: 'bank', tools: ['connect'], expires: '8h', budget: { connections: '2/day' } },
            { upstream: 'web', tools: ['GET /{path*}'], expires: '8h' },
          ],
        },
      },
    })
    const ran = await firebreak(['run', '--config', file, '--state', state, '--', 'bash', '-c', script])
    assert.equal(ran.code, 0, ran.stderr)
    said = saidIn(ran.stdout)
    entries = await ledgerOf(state)
  })

  it('S4: a connection is an action that nobody reads: decided, recorded before it is made, counted', () => {
    assert.equal(said.pinned, 'answer to /one [200]answer to /two [200]')
    const intents = entries.flatMap((entry) => (entry.kind === 'action.intent' ? [entry] : []))
    const [first] = intents
    assert.ok(first)
    assert.deepEqual(
      [first.operation, first.protocol, first.effect, first.args],
      ['tunnel', 'tunnel', 'irreversible', { place: `127.0.0.1:${pinned.port}` }],
    )
    const outcome = entries.find((entry) => entry.kind === 'action.outcome' && entry.action === first.action)
    assert.ok(outcome?.kind === 'action.outcome' && outcome.passed)
    assert.ok(outcome.passed.sent > 500 && outcome.passed.received > 500, JSON.stringify(outcome.passed))
  })

  it('S6: a tunnel leads to the name that TLS begins with, and to no other', () => {
    assert.match(said['another name in TLS'] ?? '', /refused by Firebreak.*\[421\]/s)
    assert.deepEqual(pinned.heard, [
      `GET /one for 127.0.0.1:${pinned.port}`,
      `GET /two for 127.0.0.1:${pinned.port}`,
      `GET /five for 127.0.0.1:${pinned.port}`,
    ])
  })

  it('whoever pins a key finds another one where no tunnel is granted', () => {
    assert.match(said.inspected ?? '', /certificate/)
    assert.deepEqual(inspected.heard, [])
  })

  it('S7: connections are counted; one too many is refused in words to whoever trusts the gate', () => {
    assert.match(said['the second'] ?? '', /answer to \/five \[200\]/)
    assert.match(said['one too many'] ?? '', /refused by Firebreak: it may not do this \(reference a_\w+\)\s+\[403\]/)
    assert.match(said['one too many, pinned'] ?? '', /certificate/)
    assert.equal(pinned.count.met, 2)
  })

  it('F1: what came back has made its cell untrusted', () => {
    assert.ok(entries.some((entry) => JSON.stringify(entry).includes('"untrusted"')))
  })
})

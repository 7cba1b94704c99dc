import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { describe, it } from 'node:test'
import { createServer } from 'node:tls'
import {
  type CertificateParts,
  CLIENT_USAGE,
  type MadeCertificate,
  makeCertificate,
  rsaKeys,
} from '../../../test/kit/make-certificate.ts'
import { problemOfPeer } from './certificates.ts'
import { dial } from './dial.ts'

const DAY_MS = 86_400_000
const names = ['DNS:localhost', 'IP:127.0.0.1']
const authority = makeCertificate({ name: 'An authority', isAuthority: true })
const between = makeCertificate({ name: 'Between', isAuthority: true, by: authority, pathLength: 0 })

/** Returns what comes of a connection to a server with this certificate; and whether it got a byte of what is inside. */
async function shown({ pem, key }: MadeCertificate, others: string = '', ca: string | null = authority.pem) {
  let bytes = 0
  // The server believes in everything: it is the other end that judges.
  const server = createServer({ cert: pem + others, key, ciphers: 'DEFAULT@SECLEVEL=0' }, (socket) => {
    socket
      .on('error', () => undefined)
      .on('data', (chunk) => {
        bytes += chunk.length
      })
  })
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  const tls = { caKey: 'http: { ca: ./ca.pem }', protocols: ['http/1.1'], ...(ca !== null && { ca }) }
  const rules = { elsewhere: [], mayBePrivate: true, resolve: async () => ['127.0.0.1'], tls }
  const made = await dial({ host: 'localhost', port }, rules)
  if (made.ok) made.value.socket.destroy()
  server.close()
  assert.equal(bytes, 0)
  return made.ok ? 'believed' : `${made.reason.kind}: ${made.reason.why}`
}

const server = (parts: Omit<CertificateParts, 'name'> = {}) =>
  makeCertificate({ name: 'A server', names, by: authority, ...parts })

describe('S10, DI6: a certificate', () => {
  it('of a server, signed by a declared authority or by one between, is believed', async () => {
    assert.equal(await shown(server()), 'believed')
    assert.equal(await shown(server({ by: between }), between.pem), 'believed')
    assert.equal(await shown(server({ keys: rsaKeys(2_048) })), 'believed')
    // An authority of one's own need not say it; what a person declared is meant.
    assert.equal(await shown(server({ usages: null })), 'believed')
    assert.equal(await shown(makeCertificate({ name: 'localhost', by: authority })), 'believed')
    const itself = makeCertificate({ name: 'localhost', names, isAuthority: true, keyUsage: null })
    assert.equal(await shown(itself, '', itself.pem), 'believed')
  })

  it('that is wrong in any way is refused, told what it is and how it is declared, and gets nothing', async () => {
    const other = makeCertificate({ name: 'An authority', isAuthority: true })
    const nobody = makeCertificate({ name: 'Nobody', isAuthority: true })
    const noAuthority = makeCertificate({ name: 'No authority', by: authority })
    const below = makeCertificate({ name: 'Below', isAuthority: true, by: between })
    const old = makeCertificate({
      name: 'Old',
      isAuthority: true,
      by: authority,
      untilMs: Date.now() - DAY_MS,
      fromMs: 0,
    })
    const withRsa = makeCertificate({ name: 'RSA', isAuthority: true, keys: rsaKeys(2_048) })
    const small = makeCertificate({ name: 'Small', isAuthority: true, keys: rsaKeys(1_024) })
    const cases: readonly (readonly [
      what: string,
      MadeCertificate,
      why: RegExp,
      others?: string,
      ca?: string | null,
    ])[] = [
      ['expired', server({ fromMs: 0, untilMs: Date.now() - DAY_MS }), /has expired; .*another certificate/],
      ['an expired authority', server({ by: old }), /has expired/, old.pem],
      ['of tomorrow', server({ fromMs: Date.now() + DAY_MS }), /not valid yet; look at the clock/],
      ['another name', server({ names: ['DNS:other.example'] }), /for other\.example, and not for localhost; declare/],
      ['a part of its name', server({ names: ['DNS:ocalhost', 'DNS:localhost.example'] }), /and not for localhost/],
      ['a wildcard for all', server({ names: ['DNS:*'] }), /for \*, and not for localhost/],
      ['another common name and no other', server({ names: [] }), /and not for localhost/],
      [
        'an address, and a common name',
        makeCertificate({ name: 'localhost', by: authority, names: ['IP:127.0.0.1'] }),
        /for 127\.0\.0\.1, and not for localhost/,
      ],
      ['an address as a name', server({ names: ['DNS:127.0.0.1'] }), /and not for localhost/],
      [
        'signed by itself',
        makeCertificate({ name: 'localhost', names }),
        /signed by itself.*declare that very.*: http: \{ ca: /,
      ],
      [
        'signed by itself, of nobody’s',
        makeCertificate({ name: 'localhost', names }),
        /nobody that this host trusts/,
        '',
        null,
      ],
      [
        'of an unknown authority',
        server({ by: nobody }),
        /unable to .*; give the authority that signed it: http: \{ ca: /,
      ],
      [
        'of an unknown one that comes along',
        server({ by: nobody }),
        /none that was declared; give the authority/,
        nobody.pem,
      ],
      [
        'of one that no host trusts',
        server(),
        /unable to .*this host trusts.*; give the authority/,
        authority.pem,
        null,
      ],
      ['of one with the same name', server({ by: other }), /is not that of the authority it names/],
      ['of one that is kept back', server({ by: between }), /keeps those between back; give the authority/],
      ['of one that is no authority', server({ by: noAuthority }), /by one that is no authority/, noAuthority.pem],
      [
        'below a last authority',
        server({ by: below }),
        /longer than an authority in it allows|no authority/,
        below.pem + between.pem,
      ],
      ['RSA of 1,024 bits', server({ keys: rsaKeys(1_024) }), /has a weak key; no declaration/],
      [
        'an authority of 1,024 bits',
        server({ by: small }),
        /authority of its certificate has a weak key/,
        '',
        small.pem,
      ],
      ['SHA-1', server({ digest: 'sha1' }), /over a weak digest/],
      ['SHA-1 with RSA', server({ by: withRsa, digest: 'sha1' }), /over a weak digest/, '', withRsa.pem],
      ['for clients', server({ usages: [CLIENT_USAGE] }), /is not for servers/],
      ['for anything', server({ usages: ['2.5.29.37.0'] }), /is not for servers/],
      ['for signing alone', server({ isAuthority: true }), /is not for servers/],
      [
        'of an authority',
        server({ isAuthority: true, keyUsage: null }),
        /that of an authority.*declare that very certificate.*: http: \{ ca: /,
      ],
    ]
    for (const [what, certificate, why, others, ca] of cases) {
      const told = await shown(certificate, others, ca)
      assert.match(told, /^certificate: TLS: /, `${what}: ${told}`)
      assert.match(told, why, what)
    }
  })

  it('that is wrong is refused whatever the environment of the process says', async () => {
    const { NODE_TLS_REJECT_UNAUTHORIZED: before } = process.env
    const warned = once(process, 'warning')
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    try {
      assert.match(await shown(server({ names: ['DNS:other.example'] })), /^certificate: TLS: /)
      assert.match(await shown(makeCertificate({ name: 'localhost', names })), /^certificate: TLS: /)
    } finally {
      if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before
    }
    await warned
  })

  it('of this host’s authorities says that it is for servers, and for which names', () => {
    const peer = (made: MadeCertificate) => ({
      isSessionReused: () => false,
      getPeerX509Certificate: () => new X509Certificate(made.pem),
    })
    const rules = { caKey: 'ca: ./ca.pem' }
    assert.match(
      problemOfPeer(peer(server({ usages: null })), rules) ?? '',
      /no extended key usage.*declare the authority.*: ca: /,
    )
    assert.match(problemOfPeer(peer(server({ names: [] })), rules) ?? '', /no others; declare the authority.*: ca: /)
    assert.equal(problemOfPeer(peer(server()), rules), undefined)
    const none = { isSessionReused: () => false, getPeerX509Certificate: () => undefined }
    assert.equal(problemOfPeer(none, rules), 'it showed no certificate')
  })
})

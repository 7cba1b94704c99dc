import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { connect, createSecureContext, createServer } from 'node:tls'
import { cleanUp, temporaryDirectory } from '../../../test/kit/temporary.ts'
import { ISSUER_MS_MAX, Issuer, LEAVES_MAX, makeIssuer, pem } from './issuer.ts'

const DAY_MS = 86_400_000

function opened(forMs = DAY_MS) {
  const made = makeIssuer(forMs, Date.now())
  const issuer = Issuer.open({ certificate: made.certificate.toString('base64'), key: made.key.toString('base64') })
  assert.ok(issuer.ok)
  return { made, issuer: issuer.value, certificate: new X509Certificate(made.certificate) }
}

function leafOf(issuer: Issuer, name: string): X509Certificate {
  const leaf = issuer.leaf(name)
  assert.ok(leaf.ok, JSON.stringify(leaf))
  return new X509Certificate(leaf.value.certificate)
}

describe('an issuer', () => {
  it('IS1: is another one for each cell, by its key and its name', () => {
    const [one, other] = [opened(), opened()]
    assert.notEqual(one.certificate.subject, other.certificate.subject)
    const leaf = leafOf(one.issuer, 'api.example')
    assert.ok(leaf.verify(one.certificate.publicKey) && leaf.checkIssued(one.certificate))
    assert.ok(!leaf.verify(other.certificate.publicKey) && !leaf.checkIssued(other.certificate))
  })

  it('IS2: signs one name at a time, and no wildcard', () => {
    const { issuer } = opened()
    assert.equal(leafOf(issuer, 'api.example').subjectAltName, 'DNS:api.example')
    assert.equal(leafOf(issuer, '198.18.0.7').subjectAltName, 'IP Address:198.18.0.7')
    const leaf = leafOf(issuer, 'a.example')
    assert.equal(leaf.checkHost('b.example'), undefined)
    assert.equal(leaf.checkHost('x.a.example'), undefined)
    // Its subject is nobody's name, for clients that still look there.
    assert.equal(leaf.subject, 'CN=Firebreak gate')
    for (const name of ['*.example', '', 'a.example,DNS:b.example', '1.2.3']) assert.equal(issuer.leaf(name).ok, false)
  })

  it('IS3: what it signs ends when it does, at most 98 days after it was made', () => {
    for (const [forMs, days] of [
      [2 * DAY_MS, 2],
      [1_000 * DAY_MS, 98],
    ] as const) {
      const { issuer, certificate } = opened(forMs)
      const leaf = leafOf(issuer, 'api.example')
      assert.equal(leaf.validTo, certificate.validTo)
      assert.equal(leaf.validFrom, certificate.validFrom)
      const left = (certificate.validToDate.getTime() - Date.now()) / DAY_MS
      assert.ok(left <= days && left > days - 0.1, `${left}`)
    }
    assert.equal(ISSUER_MS_MAX, 98 * DAY_MS)
  })

  it('IS4: signs nothing after its end, not even what it had signed', () => {
    const { issuer } = opened()
    assert.ok(issuer.leaf('a.example').ok)
    issuer.end()
    for (const name of ['a.example', 'b.example'])
      assert.deepEqual(issuer.leaf(name), { ok: false, reason: 'its cell has ended' })
  })

  it('has one key for all names, which is not its own', () => {
    const { issuer, made } = opened()
    const [a, b] = [issuer.leaf('a.example'), issuer.leaf('b.example')]
    assert.ok(a.ok && b.ok && a.value.key === b.value.key)
    const own = createPrivateKey({ key: made.key, format: 'der', type: 'pkcs8' })
    const leaf = new X509Certificate(a.value.certificate)
    assert.ok(leaf.checkPrivateKey(createPrivateKey(a.value.key)) && !leaf.checkPrivateKey(own))
  })

  it('numbers certificates by 16 random bytes', () => {
    const { issuer } = opened()
    const numbers = Array.from({ length: 100 }, (_, i) => leafOf(issuer, `n${i}.example`).serialNumber)
    assert.equal(new Set(numbers).size, 100)
    for (const number of numbers) assert.match(number, /^[4-7][0-9A-F]{31}$/)
  })

  it('keeps the certificates of 256 names, and signs the one anew that was asked for longest ago', () => {
    const { issuer } = opened()
    const first = leafOf(issuer, 'first.example').serialNumber
    const second = leafOf(issuer, 'second.example').serialNumber
    for (let i = 0; i < LEAVES_MAX - 2; i++) assert.ok(issuer.leaf(`n${i}.example`).ok)
    assert.equal(leafOf(issuer, 'FIRST.example').serialNumber, first)
    assert.ok(issuer.leaf('one-more.example').ok)
    assert.equal(leafOf(issuer, 'first.example').serialNumber, first)
    assert.notEqual(leafOf(issuer, 'second.example').serialNumber, second)
  })

  it('is not opened with another’s key, a leaf or what is none, and what is said of it tells nothing of the key', () => {
    const [one, other] = [opened(), opened()]
    const [certificate, key] = [one.made.certificate.toString('base64'), other.made.key.toString('base64')]
    const leaf = one.issuer.leaf('a.example')
    assert.ok(leaf.ok)
    const leafKey = createPrivateKey(leaf.value.key).export({ format: 'der', type: 'pkcs8' }).toString('base64')
    const leafCertificate = new X509Certificate(leaf.value.certificate).raw.toString('base64')
    const wrong = [
      { certificate, key },
      { certificate: leafCertificate, key: leafKey },
      { certificate: 'AAAA', key },
      { certificate, key: key.slice(0, 40) },
    ]
    for (const each of wrong) {
      const refused = Issuer.open(each)
      assert.ok(!refused.ok)
      assert.match(refused.reason, /^(?:the key is not that of a certificate authority|not a certificate and its key)$/)
    }
  })

  it('makes what a strict TLS client believes by its name or its address, and by no other', async () => {
    const { issuer, made } = opened()
    const [host, address] = [issuer.leaf('api.example'), issuer.leaf('127.0.0.1')]
    assert.ok(host.ok && address.ok)
    const server = createServer(
      {
        cert: address.value.certificate,
        key: address.value.key,
        SNICallback: (_, answer) =>
          answer(null, createSecureContext({ cert: host.value.certificate, key: host.value.key })),
      },
      (socket) => socket.end(),
    )
    server.on('tlsClientError', () => undefined)
    cleanUp(() => void server.close())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const place = server.address()
    const port = typeof place === 'object' && place !== null ? place.port : 0
    const said = (servername: string | undefined, ca: string | undefined) =>
      new Promise<string>((resolve) => {
        const name = servername === undefined ? {} : { servername }
        const socket = connect({ host: '127.0.0.1', port, ...name, ...(ca !== undefined && { ca }) })
        socket.once('secureConnect', () => resolve('believed'))
        socket.once('error', (error) => resolve('code' in error ? String(error.code) : error.message))
        socket.resume()
      })
    const ca = pem(made.certificate)
    assert.equal(await said('api.example', ca), 'believed')
    assert.equal(await said(undefined, ca), 'believed')
    assert.equal(await said('other.example', ca), 'ERR_TLS_CERT_ALTNAME_INVALID')
    assert.equal(await said('api.example', undefined), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    assert.equal(await said('api.example', pem(opened().made.certificate)), 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  const openssl = spawnSync('openssl', ['version']).status === 0
  it('makes what OpenSSL’s strict mode takes', { skip: !openssl && 'openssl is not installed' }, () => {
    const { issuer, made } = opened()
    const directory = temporaryDirectory()
    const ca = join(directory, 'ca.pem')
    writeFileSync(ca, pem(made.certificate))
    const verified = (name: string, ...args: readonly string[]) => {
      const leaf = issuer.leaf(name)
      assert.ok(leaf.ok)
      const file = join(directory, 'leaf.pem')
      writeFileSync(file, leaf.value.certificate)
      const strict = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', ca, ...args, file]
      return spawnSync('openssl', strict, { encoding: 'utf8' })
    }
    for (const result of [
      verified('api.example', '-verify_hostname', 'api.example'),
      verified('198.18.0.7', '-verify_ip', '198.18.0.7'),
    ])
      assert.equal(result.status, 0, result.stderr)
    assert.notEqual(verified('api.example', '-verify_hostname', 'other.example').status, 0)
  })
})

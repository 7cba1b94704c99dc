import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { AUTHORITY } from '../../../test/kit/certificates.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { makeIssuer, pem } from '../../gateway/trust/issuer.ts'
import { shownTrust, withoutRoots } from './shown-trust.ts'

const { certificate } = makeIssuer(60_000, Date.now())
const OWN = pem(certificate)
const USUAL = '/etc/ssl/certs/ca-certificates.crt'

function shown(cell: Parameters<typeof shownTrust>[1]) {
  const trust = shownTrust(certificate, cell, 1_000)
  assert.ok(trust.ok, JSON.stringify(trust))
  return { ...trust.value, at: new Map(trust.value.texts.map(({ to, text }) => [to, text])) }
}

/** A directory with these files, by their path in it. */
function directoryOf(files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true })
    writeFileSync(join(directory, path), text)
  }
  return directory
}

describe('what a cell believes', () => {
  it('stands where programs look for it: the bundle, itself alone, and a browser’s policy', () => {
    const { at, variables } = shown({ files: new Map() })
    for (const place of [USUAL, '/firebreak/roots.pem']) assert.ok(String(at.get(place)).startsWith(OWN), place)
    assert.equal(at.get('/firebreak/issuer.pem'), OWN)
    const policy: unknown = JSON.parse(String(at.get('/etc/chromium/policies/managed/zz-firebreak.json')))
    assert.deepEqual(policy, { CACertificates: [certificate.toString('base64')], DnsOverHttpsMode: 'off' })
    assert.equal(variables.NODE_EXTRA_CA_CERTS, '/firebreak/issuer.pem')
    const others = Object.entries(variables).filter(([name]) => name !== 'NODE_EXTRA_CA_CERTS')
    assert.ok(others.every(([, place]) => place === '/firebreak/roots.pem'))
    assert.deepEqual(others.map(([name]) => name).toSorted(), [
      ...[
        'AWS_CA_BUNDLE',
        'CARGO_HTTP_CAINFO',
        'CODEX_CA_CERTIFICATE',
        'CURL_CA_BUNDLE',
        'DENO_CERT',
        'GIT_SSL_CAINFO',
      ],
      ...['PIP_CERT', 'REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'npm_config_cafile'],
    ])
  })

  it('has what its owner shows at the place of a bundle among it, and not this host’s', () => {
    const own = directoryOf({ 'corporate.pem': AUTHORITY })
    const { at } = shown({ files: new Map([[USUAL, join(own, 'corporate.pem')]]) })
    assert.equal(at.get(USUAL), OWN + AUTHORITY)
    assert.equal(at.get('/firebreak/roots.pem'), OWN + AUTHORITY)
  })

  it('takes no place in a directory that is shown and does not have it', () => {
    const empty = directoryOf({ 'certs/other': '' })
    const { at } = shown({ files: new Map([['/etc', empty]]) })
    assert.deepEqual([...at.keys()], ['/firebreak/roots.pem', '/firebreak/issuer.pem'])
    assert.equal(at.get('/firebreak/roots.pem'), OWN)
    assert.match(withoutRoots({ files: new Map([['/etc', empty]]) }) ?? '', /^its cell sees no roots in /)
    assert.equal(withoutRoots({ files: new Map([[USUAL, join(directoryOf({ a: AUTHORITY }), 'a')]]) }), undefined)
  })

  it('covers in a root of its own what is there, and nothing of the host’s', () => {
    const root = directoryOf({ 'etc/pki/roots.pem': AUTHORITY, 'etc/ssl/certs/java/cacerts': 'another store' })
    symlinkSync('/etc/pki/roots.pem', join(root, 'etc/ssl/cert.pem'))
    const { at, variables } = shown({ root, files: new Map() })
    assert.deepEqual([...at.keys()], ['/etc/pki/roots.pem', '/etc/ssl/certs/java/cacerts'])
    assert.equal(at.get('/etc/pki/roots.pem'), OWN + AUTHORITY)
    assert.ok(Object.values(variables).every((place) => place === '/etc/pki/roots.pem'))
  })

  it('follows no link of such a root out of it', () => {
    const outside = directoryOf({ 'outside.pem': AUTHORITY })
    const root = directoryOf({ 'etc/ssl/x': '' })
    symlinkSync(join(outside, 'outside.pem'), join(root, 'etc/ssl/cert.pem'))
    const trust = shownTrust(certificate, { root, files: new Map() }, 1_000)
    assert.ok(!trust.ok && trust.reason.startsWith(`${root} has no bundle of roots`))
  })

  it('is certificates alone, each of which is one', () => {
    const text = String(shown({ files: new Map() }).at.get('/firebreak/roots.pem'))
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? []
    assert.equal(blocks.join(''), text)
    for (const block of blocks) assert.ok(new X509Certificate(block).raw.length > 0)
  })
})

import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { AUTHORITY, CERTIFICATE, KEY } from '../../../test/kit/certificates.ts'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { certifiedKey, signedCertificate } from '../../gateway/trust/certificate.ts'
import { pem } from '../../gateway/trust/issuer.ts'
import { rootsIn } from './roots.ts'

describe('roots of this host', () => {
  it('are the certificates of the first file that has any, each once, and nothing else of it', () => {
    const directory = temporaryDirectory()
    const [empty, full] = [join(directory, 'empty.pem'), join(directory, 'full.pem')]
    writeFileSync(empty, `# none\n${KEY}`)
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'
    writeFileSync(full, `# a comment\n${AUTHORITY}${KEY}${broken}${CERTIFICATE}${AUTHORITY}`)
    const roots = rootsIn([join(directory, 'absent.pem'), directory, empty, full])
    assert.equal(roots?.file, full)
    const bodies = [AUTHORITY, CERTIFICATE].map((each) => each.replaceAll(/-----.*-----|\n/g, ''))
    assert.deepEqual(
      roots?.certificates.map((each) => each.toString('base64')),
      bodies,
    )
  })

  it('are none where no file has one, or it is too large to be one', () => {
    const file = join(temporaryDirectory(), 'large.pem')
    writeFileSync(file, AUTHORITY.padEnd(4 * 1024 ** 2 + 1, '\n'))
    assert.equal(rootsIn([file]), undefined)
    assert.equal(rootsIn([]), undefined)
  })

  it('are at most a thousand', () => {
    const file = join(temporaryDirectory(), 'many.pem')
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = certifiedKey(pair.publicKey)
    const parts = { subjectKey: key, issuer: 'a test', issuerKey: key, signWith: pair.privateKey, notBeforeMs: 0 }
    const many = Array.from({ length: 1_001 }, (_, i) =>
      pem(signedCertificate({ ...parts, subject: `root ${i}`, notAfterMs: Date.now() })),
    )
    writeFileSync(file, many.join(''))
    const certificates = rootsIn([file])?.certificates.map(pem)
    assert.deepEqual(certificates, many.slice(0, 1_000))
  })

  it('are read anew when the file is another', () => {
    const file = join(temporaryDirectory(), 'changed.pem')
    writeFileSync(file, AUTHORITY)
    assert.equal(rootsIn([file])?.certificates.length, 1)
    assert.equal(rootsIn([file]), rootsIn([file]))
    writeFileSync(file, `${readFileSync(file, 'utf8')}${CERTIFICATE}`)
    assert.equal(rootsIn([file])?.certificates.length, 2)
  })
})

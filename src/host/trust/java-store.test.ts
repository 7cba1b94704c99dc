import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryDirectory } from '../../../test/kit/temporary.ts'
import { makeIssuer } from '../../gateway/trust/issuer.ts'
import { javaStore } from './java-store.ts'

describe('a key store of Java', () => {
  const entries = ['firebreak', 'root-1'].map((alias) => ({
    alias,
    certificate: makeIssuer(60_000, Date.now()).certificate,
  }))

  it('has its entries in order, and a digest over all of it', () => {
    const store = javaStore(entries, 1_700_000_000_000)
    assert.equal(store.subarray(0, 12).toString('hex'), 'feedfeed0000000200000002')
    assert.equal(store.subarray(12, 18).toString('hex'), '000000020009')
    assert.equal(store.subarray(18, 27).toString('latin1'), 'firebreak')
    assert.equal(store.readBigUInt64BE(27), 1_700_000_000_000n)
    assert.equal(store.subarray(35, 42).toString('latin1'), '\0\x05X.509')
    const [first] = entries
    assert.ok(first && store.subarray(46, 46 + store.readUInt32BE(42)).equals(first.certificate))
    const password = Buffer.from([...'changeit'].flatMap((letter) => [0, letter.charCodeAt(0)]))
    const digest = createHash('sha1')
      .update(password)
      .update('Mighty Aphrodite')
      .update(store.subarray(0, -20))
      .digest()
    assert.ok(store.subarray(-20).equals(digest))
  })

  const keytool = spawnSync('keytool', ['-help']).error === undefined
  it('is one to Java’s own keytool', { skip: !keytool && 'keytool is not installed' }, () => {
    const file = join(temporaryDirectory(), 'cacerts')
    writeFileSync(file, javaStore(entries, Date.now()))
    const listed = spawnSync('keytool', ['-list', '-keystore', file, '-storepass', 'changeit'], { encoding: 'utf8' })
    assert.equal(listed.status, 0, listed.stdout)
    for (const { alias } of entries) assert.match(listed.stdout, new RegExp(`^${alias}, .*trustedCertEntry`, 'm'))
  })
})

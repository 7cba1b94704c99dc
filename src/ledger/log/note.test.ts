import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { leafHash } from '../seal/merkle.ts'
import {
  checkpointText,
  cosign,
  keyId,
  openSeal,
  parseCheckpoint,
  parseNote,
  parseWitnessKey,
  signatureLine,
  witnessKeyText,
} from './note.ts'

/** From the tests of golang.org/x/mod/sumdb/note. */
const PETER_SEED = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
const PETER_PUBLIC = Buffer.from('ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW', 'base64').subarray(1)
const ENOCH_PUBLIC = Buffer.from('ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop', 'base64').subarray(1)
const TEXT =
  'If you think cryptography is the answer to your problem,\n' + "then you don't know what your problem is.\n"
const PETER_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
const ENOCH_LINE =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n'

describe('signed notes', () => {
  it("has the key ids of Go's note tests", () => {
    assert.equal(keyId('PeterNeumann', 1, PETER_PUBLIC).toString(16), 'c74f20a3')
    assert.equal(keyId('EnochRoot', 1, ENOCH_PUBLIC).toString(16), 'af0cfe78')
  })

  it("reads and writes the signature lines of Go's note tests", () => {
    const note = parseNote(`${TEXT}\n${PETER_LINE}${ENOCH_LINE}`)
    assert.ok(note.ok)
    assert.equal(note.value.text, TEXT)
    const [peter, enoch] = note.value.signatures
    assert.ok(peter && enoch)
    assert.ok(verify(null, Buffer.from(TEXT), publicKey(PETER_PUBLIC), peter.bytes))
    assert.ok(verify(null, Buffer.from(TEXT), publicKey(ENOCH_PUBLIC), enoch.bytes))
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), PETER_SEED])
    const signature = sign(null, Buffer.from(TEXT), createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }))
    assert.equal(signatureLine('PeterNeumann', 0xc74f20a3, signature), PETER_LINE)
  })

  it('refuses the malformed notes of those tests', () => {
    for (const bad of [
      TEXT,
      `${TEXT}\n`,
      `${TEXT}\n${PETER_LINE.slice(0, -1)}`,
      `\x01${TEXT}\n${PETER_LINE}`,
      `\ud800${TEXT}\n${PETER_LINE}`,
      `${TEXT}\n${PETER_LINE.replace('PeterNeumann', 'Bad Name')}`,
      `${TEXT}\n${PETER_LINE}Unexpected line.\n`,
      `${TEXT}\n${PETER_LINE.repeat(17)}`,
      `${TEXT}\n${PETER_LINE.replace('M=', 'M==')}`,
    ]) {
      assert.equal(parseNote(bad).ok, false)
    }
  })

  it('reads the checkpoint and cosignature that tlog-cosignature prints', () => {
    const note = parseNote(
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n' +
        '— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n' +
        '— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n',
    )
    assert.ok(note.ok)
    const head = parseCheckpoint(note.value.text)
    assert.ok(head.ok)
    assert.equal(head.value.size, 20852163)
    assert.equal(checkpointText(head.value), note.value.text)
    assert.equal(note.value.signatures[1]?.bytes.readBigUInt64BE(0), 1679315147n)
  })

  it('reads a witness key that others use', () => {
    const key = parseWitnessKey('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2')
    assert.ok(key.ok)
    assert.equal(key.value.name, 'remora.n621.de')
    for (const bad of [
      'remora.n621.de+da77ade8+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
      'remora.n621.df+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2',
      'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw',
      'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
      '',
    ]) {
      assert.equal(parseWitnessKey(bad).ok, false)
    }
  })
})

describe('seals', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const other = generateKeyPairSync('ed25519')
  const key = keyOf(witnessKeyText('w', publicKey))
  const head = { origin: 'firebreak/test', size: 7, root: leafHash(Buffer.from('x')) }
  const note = cosign(head, key, privateKey, 1_700_000_000)

  it('the signed message is cosignature/v1, the time, and the checkpoint', () => {
    const [line = ''] = note.split('\n').slice(-2)
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    const message = `cosignature/v1\ntime 1700000000\nfirebreak/test\n7\n${Buffer.from(head.root).toString('base64')}\n`
    assert.equal(bytes.length, 4 + 8 + 64)
    assert.equal(bytes.readBigUInt64BE(4), 1_700_000_000n)
    assert.ok(verify(null, Buffer.from(message), publicKey, bytes.subarray(12)))
    const sealed = openSeal(note, key)
    assert.ok(sealed.ok)
    assert.deepEqual(
      { ...sealed.value, root: Buffer.from(sealed.value.root) },
      { ...head, root: Buffer.from(head.root), atMs: 1_700_000_000_000, note },
    )
  })

  it('S12: a seal signed by another key, or changed anywhere, is refused', () => {
    const forged = cosign(head, key, other.privateKey, 1_700_000_000)
    const stranger = cosign(head, keyOf(witnessKeyText('w', other.publicKey)), other.privateKey, 1_700_000_000)
    assert.deepEqual(openSeal(forged, key).ok || openSeal(forged, key), {
      ok: false,
      reason: { kind: 'forged', problem: 'a signature by this key does not verify' },
    })
    assert.equal(openSeal(stranger, key).ok, false)
    const bytes = Buffer.from(note)
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [1, 2, 32]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ bit
        const opened = openSeal(changed.toString(), key)
        assert.equal(opened.ok, false, `byte ${at}, bit ${bit}`)
      }
    }
  })
})

function keyOf(text: string) {
  const key = parseWitnessKey(text)
  assert.ok(key.ok)
  return key.value
}

function publicKey(raw: Buffer) {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' })
}

import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { openSecrets, type Secrets } from './secrets.ts'

function open(value: string): Secrets {
  const secrets = openSecrets(new Map([['payments', value]]))
  assert.ok(secrets.ok)
  return secrets.value
}

describe('secrets', () => {
  it('S10: injects by name', () => {
    assert.equal(open('sk_live_12345678').inject('Bearer ${secret:payments}'), 'Bearer sk_live_12345678')
  })

  it('S10: finds a secret verbatim and in every listed encoding, at any offset', () => {
    const text = fc.string({ unit: 'binary', maxLength: 9 })
    const secret = fc.string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 60 })
    const encodings: readonly ((text: string) => string)[] = [
      (t) => t,
      (t) => JSON.stringify(t),
      (t) => encodeURIComponent(t),
      (t) => Buffer.from(t, 'utf8').toString('hex'),
      (t) => Buffer.from(t, 'utf8').toString('hex').toUpperCase(),
      (t) => Buffer.from(t, 'utf8').toString('base64'),
      (t) => Buffer.from(t, 'utf8').toString('base64url'),
    ]
    fc.assert(
      fc.property(text, secret, text, fc.constantFrom(...encodings), (before, value, after, encode) => {
        const whole = before.toWellFormed() + value + after.toWellFormed()
        assert.equal(open(value).leak(`{"text":"${encode(whole)}"}`), 'payments')
      }),
      { numRuns: 2_000 },
    )
  })

  it('does not cry wolf over other text', () => {
    const secrets = open('sk_live_12345678')
    assert.equal(secrets.leak('sk_live_12345679 and sk_live'), undefined)
  })

  it('S10: refuses a secret that is too short to look for', () => {
    const short = openSecrets(new Map([['pin', '1234']]))
    assert.ok(!short.ok && short.reason.includes('"pin"') && !short.reason.includes('1234'))
  })
})

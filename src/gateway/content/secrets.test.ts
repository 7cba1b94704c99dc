// In a process of its own: it measures processor time.
import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import process from 'node:process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { runs } from '../../../test/kit/runs.ts'
import { CODE_POINT, GRAPHEME } from '../../../test/kit/texts.ts'
import { LIMITS } from '../../model/index.ts'
import { openSecrets, type Secrets } from './secrets.ts'

function open(value: string): Secrets {
  const secrets = openSecrets(new Map([['payments', value]]))
  assert.ok(secrets.ok)
  return secrets.value
}

describe('secrets', () => {
  it('S10: injects by name', () => {
    assert.equal(open('sk_live_12345678').inject('Bearer ${secret:payments}', ['payments']), 'Bearer sk_live_12345678')
  })

  it('S10: injects none that the entry of the upstream was not judged with', () => {
    const secrets = open('sk_live_12345678')
    for (const text of ['Bearer ${secret:payments}', 'https://a.example/$%7Bsecret:payments%7D'])
      assert.throws(() => secrets.inject(text, ['other'], 'url'), /"payments" is none/)
    const other = 'https://a.example/$%7bsecret:payments%7d'
    assert.equal(secrets.inject(other, ['payments'], 'url'), other)
  })

  it('S10: finds a secret verbatim and in every listed encoding, at any offset', () => {
    const text = fc.string({ unit: CODE_POINT, maxLength: 9 })
    const secret = fc
      .string({ unit: 'grapheme-ascii', minLength: 8, maxLength: 60 })
      .filter((t) => t.trim().length >= 8)
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
      { numRuns: runs(500, 2_000) },
    )
  })

  it('S10: finds it in answers and errors as they are, whatever they are wrapped in', () => {
    const text = fc.string({ unit: CODE_POINT, maxLength: 9 }).map((t) => t.toWellFormed())
    const secret = fc
      .string({ unit: GRAPHEME, minLength: 8, maxLength: 90 })
      .map((t) => t.toWellFormed())
      .filter((t) => t.trim().length >= 8)
    const unit = (t: string, i: number) => `\\u${t.charCodeAt(i).toString(16).padStart(4, '0')}`
    const broken = (t: string, at: number, by: string) => t.replaceAll(new RegExp(`.{${at}}`, 'g'), `$&${by}`)
    const percent = (byte: number, i: number) => {
      const code = byte.toString(16).padStart(2, '0')
      return `%${i % 2 === 0 ? code.toUpperCase() : code}`
    }
    const bytes = (t: string) => Buffer.from(t, 'utf8')
    const slashed = (t: string) => t.replaceAll('/', '\\/')
    const encodings: Readonly<Record<string, (text: string) => string>> = {
      verbatim: (t) => t,
      json: (t) => JSON.stringify({ key: t }),
      'json in json': (t) => JSON.stringify({ inner: JSON.stringify({ key: t }) }),
      'every unit escaped': (t) => `{"key":"${Array.from({ length: t.length }, (_, i) => unit(t, i)).join('')}"}`,
      'slashes escaped': (t) => JSON.stringify({ key: t }).replaceAll('/', '\\/'),
      url: (t) => `https://a.example/?key=${encodeURIComponent(t)}`,
      'every byte in percent': (t) => [...bytes(t)].map(percent).join(''),
      'base64 in a url': (t) => encodeURIComponent(bytes(t).toString('base64')),
      base64: (t) => bytes(t).toString('base64'),
      base64url: (t) => bytes(t).toString('base64url'),
      mime: (t) => broken(bytes(t).toString('base64'), 76, '\r\n'),
      'json in percent': (t) => `cb?state=${encodeURIComponent(slashed(JSON.stringify({ key: t })))}`,
      'percent in percent': (t) => `login?next=${encodeURIComponent(`/cb?key=${encodeURIComponent(t)}`)}`,
      'percent in json in percent': (t) =>
        encodeURIComponent(slashed(JSON.stringify({ a: encodeURIComponent(`/${t}`) }))),
      'json in percent in json': (t) => slashed(JSON.stringify({ a: encodeURIComponent(JSON.stringify(t)) })),
      'percent in base64': (t) => bytes(encodeURIComponent(t)).toString('base64'),
      'json in base64': (t) => bytes(slashed(JSON.stringify({ key: t }))).toString('base64url'),
      'base64 in json in base64': (t) =>
        bytes(JSON.stringify({ auth: bytes(`ana:${t}`).toString('base64') })).toString('base64'),
      pem: (t) => broken(bytes(t).toString('base64'), 64, '\n'),
      hex: (t) => bytes(t).toString('hex'),
      'hex in mixed case': (t) =>
        bytes(t)
          .toString('hex')
          .replaceAll(/[a-f](?=\d)/g, (c) => c.toUpperCase()),
    }
    const places: readonly ((said: string) => object)[] = [
      (said) => ({ result: { content: [{ type: 'text', text: said }] } }),
      (said) => ({ result: { structuredContent: { [said]: true } } }),
      (said) => ({ error: { code: -32000, message: said, data: null } }),
      (said) => ({ error: { code: -32000, message: 'no', data: { trace: ['at', said] } } }),
    ]
    const how = fc.constantFrom(...Object.keys(encodings))
    fc.assert(
      fc.property(text, secret, text, how, fc.constantFrom(...places), (before, value, after, name, place) => {
        const said = encodings[name]?.(before + value + after) ?? ''
        assert.equal(open(value).leak(JSON.stringify(place(said))), 'payments', name)
      }),
      { numRuns: runs(1_000, 4_000) },
    )
  })

  it('S17: the largest answer is searched soon, whatever escapes it is made of, and however many secrets there are', () => {
    const pem = `-----BEGIN PRIVATE KEY-----\n${'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'.repeat(40)}`
    const keys = Array.from({ length: 50 }, (_, i) => [`k${i}`, `sk_live_Zq8kD0x9Vv71aaPQ${i}`] as const)
    const many = openSecrets(new Map([...keys, ['pem', pem]]))
    assert.ok(many.ok)
    const nested = ' %2525 \\\\\\\\u0025 \\\\\\\\\\\\\\\\ %5C%5C%255C '
    for (const [part, end] of [
      ...['abcdefgh ', '\\', '\\u0041', '%41x', `${'a'.repeat(76)}\\n`, 'ABCDEF01', '2d'].map(
        (part) => [part, ''] as const,
      ),
      ...['abcdefgh ', `${'A'.repeat(59)}${'\n'.repeat(30)}`, `${'A'.repeat(60)}${'!\n'.repeat(30)}`].map(
        (part) => [part, nested] as const,
      ),
    ]) {
      const text = part.repeat(runs(1_048_576, 4_194_304) / part.length) + end
      const spentUs = () => {
        const before = process.cpuUsage()
        assert.equal(many.value.leak(text), undefined)
        return process.cpuUsage(before).user
      }
      // 0.1 to 0.3 s on a quiet machine, and once is enough: beside other work it takes several times as long. A search that
      // is not linear takes minutes, one that looks back at each line 3 s.
      const soon = Array.from({ length: 5 }).some(() => spentUs() < runs(1_000_000, 3_000_000))
      assert.ok(soon, `${JSON.stringify(part.slice(0, 10))}, ${end}: too slow`)
    }
    const none = openSecrets(new Map())
    assert.ok(none.ok && none.value.leak('sk_live_Zq8kD0x9Vv71aaPQ1') === undefined)
  })

  it('S10: finds a secret without the white space around it', () => {
    for (const value of ['sk-live-abc12345678\r', 'sk-live-abc12345678\n\n', '\t sk-live-abc12345678']) {
      assert.equal(open(value).leak('the key sk-live-abc12345678 is invalid'), 'payments', JSON.stringify(value))
      const opened = openSecrets(new Map([['key', 'sk-live-0']]))
      assert.ok(opened.ok)
      opened.value.renew('key', value)
      assert.equal(opened.value.leak('the key sk-live-abc12345678 is invalid'), 'key', JSON.stringify(value))
      assert.equal(opened.value.inject('${secret:key}', ['key']), value)
    }
    assert.ok(!openSecrets(new Map([['pin', '1234      ']])).ok)
  })

  it('does not cry wolf over other text', () => {
    const secrets = open('sk_live_12345678')
    assert.equal(secrets.leak('sk_live_12345679 and sk_live'), undefined)
  })

  it('S10: refuses a secret that is too short to look for', () => {
    const short = openSecrets(new Map([['pin', '1234']]))
    assert.ok(!short.ok && short.reason.includes('"pin"') && !short.reason.includes('1234'))
  })

  it('S17: a secret that changes is looked for in its newest 64 values, and injected in the last', () => {
    assert.equal(LIMITS.secretValuesMax, 64)
    const opened = openSecrets(new Map([['shop', 'value-number-00000']]))
    assert.ok(opened.ok)
    const secrets = opened.value
    const value = (i: number) => `value-number-${`${i}`.padStart(5, '0')}`
    for (let i = 1; i <= 64; i++) assert.equal(secrets.renew('shop', value(i)), true)
    assert.equal(secrets.inject('${secret:shop}', ['shop']), value(64))
    assert.equal(secrets.leak(`it was ${value(1)}`), 'shop')
    assert.equal(secrets.leak(`it was ${value(0)}`), undefined)
    assert.equal(secrets.renew('shop', value(64)), false, 'it has that value')
    assert.equal(secrets.renew('shop', 'short'), false, 'it could not be looked for')
    assert.equal(secrets.inject('${secret:shop}', ['shop']), value(64))
  })
})

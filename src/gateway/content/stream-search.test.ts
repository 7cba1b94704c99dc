import assert from 'node:assert/strict'
import { Buffer } from 'node:buffer'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { openSecrets } from './secrets.ts'
import { StreamSearch } from './stream-search.ts'

const SECRET = 'tok_9f8e7d6c5b4a/+geheim'
const opened = openSecrets(new Map([['token', SECRET]]))
if (!opened.ok) throw new Error(opened.reason)
const secrets = opened.value

/** Returns what of a stream passes on, cut into these pieces, and the secret that ended it. */
function passed(
  bytes: Buffer,
  cuts: readonly number[],
): { readonly text: string; readonly leaked: string | undefined } {
  const search = new StreamSearch(secrets)
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].toSorted((a, b) => a - b)
  const out: Uint8Array[] = []
  let at = 0
  for (const end of [...ends, bytes.length]) {
    const looked = search.push(bytes.subarray(at, end))
    at = end
    if (looked.kind === 'leak') return { text: Buffer.concat(out).toString('latin1'), leaked: looked.secret }
    out.push(looked.bytes)
  }
  const last = search.end()
  if (last.kind === 'leak') return { text: Buffer.concat(out).toString('latin1'), leaked: last.secret }
  return { text: Buffer.concat([...out, last.bytes]).toString('latin1'), leaked: undefined }
}

const FORMS: readonly ((text: string) => string)[] = [
  (text) => text,
  (text) => JSON.stringify(text),
  (text) => JSON.stringify(text).replaceAll('/', '\\/'),
  (text) => encodeURIComponent(text),
  (text) => Buffer.from(text).toString('hex').toUpperCase(),
  (text) => Buffer.from(`user:${text}`).toString('base64'),
  (text) => Buffer.from(`x${text}`).toString('base64url'),
]

describe('secrets in a stream', () => {
  it('S10: are found in every listed form, wherever it is cut, and at most seven characters of one pass on', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FORMS),
        fc.array(fc.nat(400), { maxLength: 8 }),
        fc.string({ maxLength: 60 }),
        (form, cuts, before) => {
          const written = form(SECRET)
          const { text, leaked } = passed(Buffer.from(`${before} ${written} and more`), cuts)
          assert.equal(leaked, 'token')
          // What stands before it in the same form is none of it: a quote, the base64 of a user’s name.
          const [, own = ''] = /^(?:"|dXNlcjp|eH)?(.*)$/s.exec(written) ?? []
          for (let i = 0; i + 9 <= own.length; i++) assert.ok(!text.includes(own.slice(i, i + 9)), text)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  const percents = (text: string) => Buffer.from(text).toString('hex').replaceAll(/../g, '%$&')
  const escapes = (text: string) =>
    text.replaceAll(/./g, (at) => `\\u${at.charCodeAt(0).toString(16).padStart(4, '0')}`)
  const inJson = (text: string) => JSON.stringify(text).slice(1, -1).replaceAll('/', '\\/')
  /** Encodings that write each character by itself, so that it is known where the eighth ends. */
  const ENCODINGS = [encodeURIComponent, percents, escapes, inJson]

  it('S10: are found in encodings within each other, wherever those are cut, and at most seven characters pass on', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...ENCODINGS), { minLength: 2, maxLength: 3 }),
        fc.array(fc.nat(6_000), { maxLength: 8 }),
        fc.integer({ min: 1, max: 200 }),
        (encodings, cuts, every) => {
          const written = (text: string) => encodings.reduce((inner, encode) => encode(inner), text)
          const whole = `see: ${written(SECRET)}`
          const pieces = Array.from({ length: Math.floor(whole.length / every) }, (_, i) => i * every)
          for (const at of [pieces, cuts]) {
            const { text, leaked } = passed(Buffer.from(`${whole} and more`), at)
            assert.equal(leaked, 'token')
            const eight = `see: ${written(SECRET.slice(0, 8))}`
            assert.ok(
              text.length < eight.length,
              `${text.length} characters of ${whole}, where ${eight.length} tell it`,
            )
          }
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('S10: what holds none passes on whole, byte by byte the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(300), { maxLength: 8 }), (bytes, cuts) => {
        const some = Buffer.concat([bytes, Buffer.from(`${SECRET.slice(0, 12)}?`)])
        assert.deepEqual(passed(some, cuts), { text: some.toString('latin1'), leaked: undefined })
      }),
      { numRuns: 2_000 },
    )
  })

  it('passes each piece on at once, but for what may begin a secret', () => {
    const search = new StreamSearch(secrets)
    const pass = (text: string) => {
      const looked = search.push(Buffer.from(text))
      return looked.kind === 'pass' ? Buffer.from(looked.bytes).toString() : looked.secret
    }
    assert.equal(pass('data: {"a":1}\n\n'), 'data: {"a":1}\n\n')
    assert.equal(pass('tok_9f8'), 'tok_9f8')
    assert.equal(pass('x tok_9f8e7d'), '')
    assert.equal(pass('!'), 'x tok_9f8e7d!')
  })
})

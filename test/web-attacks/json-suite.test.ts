/** JSONTestSuite (nst/JSONTestSuite) against what reads JSON here, where it is here. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FROM_CELL, FROM_UPSTREAM, parseStrictJson } from '../../src/gateway/content/strict-json.ts'
import { parseJson } from '../../src/model/index.ts'
import { absent, suiteFiles } from '../kit/suites.ts'

const suite = suiteFiles('nst', 'JSONTestSuite')

/** Reasons for which JSON that every parser takes is refused: two of them take it for different things. */
const STRICTER: ReadonlySet<string> = new Set(['duplicate-key', 'unsafe-number', 'lone-surrogate', 'reserved-key'])

function parsed(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: parseJson(text) }
  } catch {
    return undefined
  }
}

describe('S11: JSONTestSuite', { skip: suite === undefined ? absent('nst', 'JSONTestSuite') : false }, () => {
  const files = suite?.('test_parsing') ?? new Map<string, Buffer>()
  const of = (letter: string) => [...files].filter(([name]) => name.startsWith(letter) && name.endsWith('.json'))

  it('is here as a whole', () => assert.ok(files.size > 300, `${files.size}`))

  it('what is JSON is read as the platform reads it, or refused for having two readings', () => {
    for (const [name, bytes] of of('y_')) {
      const text = bytes.toString('utf8')
      assert.deepEqual(parsed(text)?.value, JSON.parse(text), name)
      for (const bounds of [FROM_CELL, FROM_UPSTREAM]) {
        const read = parseStrictJson(bytes, bounds)
        if (!read.ok) assert.ok(STRICTER.has(read.reason.kind), `${name}: ${read.reason.kind}`)
        // Of upstreams numbers may be kept as they were written.
        else if (bounds === FROM_CELL) assert.deepEqual(read.value, JSON.parse(text), name)
      }
    }
  })

  it('what is no JSON is refused', () => {
    for (const [name, bytes] of of('n_')) {
      for (const bounds of [FROM_CELL, FROM_UPSTREAM]) assert.ok(!parseStrictJson(bytes, bounds).ok, name)
      // A text holds no bytes that are no UTF-8.
      const text = bytes.toString('utf8')
      if (!text.includes('\ufffd')) assert.equal(parsed(text), undefined, name)
    }
  })

  it('where parsers differ, what is read is what the platform reads', () => {
    for (const [name, bytes] of of('i_')) {
      const read = parseStrictJson(bytes, FROM_CELL)
      if (read.ok) assert.deepEqual(read.value, JSON.parse(bytes.toString('utf8')), name)
    }
  })
})
